-- Deposits whose cost does not depend on how much is stored already: while tables have no statistics yet, the plans that sessions
-- keep joined all objects of the account with those just stored. Each is looked up by its key instead (offset 0).

-- Counts messages that have just been added.
create or replace function conversation_add_v1(p_account bigint, p_mailbox int, p_first int, p_count int) returns void
language plpgsql as $$
begin
  update mailbox m set has_objects = true
   where m.account_id = p_account and m.mailbox_id = p_mailbox and not m.has_objects;
  with added as (
    select m.conversation_id, m.talk, m.internal_date, m.flags, o.is_group, o.conversation, o.subject, o.participants
      from message m
           left join lateral (select i.is_group, i.conversation, i.subject, i.participants from cpm_object i
                             where i.account_id = p_account and i.content_id = m.content_id offset 0) o on true
     where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between p_first and p_first + p_count - 1
       and m.conversation_id is not null),
  people as (
    select a.conversation_id, array_agg(distinct p.address) as addresses
      from added a cross join lateral unnest(a.participants) as p(address)
     group by a.conversation_id)
  insert into conversation as c (account_id, conversation_id, last_at, objects, messages, unread, is_group, name, subject, participants)
    select p_account, a.conversation_id,
           coalesce(max(a.internal_date) filter (where a.talk in (1, 2)), max(a.internal_date)),
           count(*), count(*) filter (where a.talk in (1, 2)), count(*) filter (where a.talk = 2 and a.flags & 1 = 0),
           coalesce(bool_or(a.is_group), false), coalesce(max(a.conversation), ''),
           (array_agg(a.subject order by a.internal_date desc) filter (where a.talk = 3 and a.subject is not null))[1],
           coalesce((select p.addresses[1:200] from people p where p.conversation_id = a.conversation_id), '{}')
      from added a
     group by a.conversation_id
     order by a.conversation_id
  on conflict (account_id, conversation_id) do update
     set last_at = case when excluded.messages = 0 and c.messages > 0 then c.last_at
                        when excluded.messages > 0 and c.messages = 0 then excluded.last_at
                        else greatest(c.last_at, excluded.last_at) end,
         objects = c.objects + excluded.objects, messages = c.messages + excluded.messages,
         unread = c.unread + excluded.unread, is_group = c.is_group or excluded.is_group,
         name = case when c.name = '' then excluded.name else c.name end,
         subject = coalesce(excluded.subject, c.subject),
         participants = case when excluded.participants <@ c.participants then c.participants
                             else (select array_agg(t.address)
                                     from (select u.address from unnest(c.participants || excluded.participants) as u(address)
                                            group by u.address order by u.address limit 200) t) end;
end $$;

-- Messages some of which are CPM objects.
create or replace function deposit_v2(
  p_account bigint, p_mailbox int, p_contents bigint[], p_sizes int[], p_dates bigint[], p_flags int[],
  p_keywords text[], p_staged bigint[], p_objects jsonb, p_now bigint, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
declare
  v_count int := cardinality(p_contents);
  v_bytes bigint;
  v_unseen int;
  v_deleted int;
  v_deleted_bytes bigint;
  v_id bigint;
  v_state smallint;
begin
  if p_objects is null then
    select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
      from deposit_v1(p_account, p_mailbox, p_contents, p_sizes, p_dates, p_flags, p_keywords, p_staged, p_now) d;
    return;
  end if;
  select sum(t.size), count(*) filter (where t.flags & 1 = 0), count(*) filter (where t.flags & 8 <> 0),
         coalesce(sum(t.size) filter (where t.flags & 8 <> 0), 0)
    into v_bytes, v_unseen, v_deleted, v_deleted_bytes
    from unnest(p_sizes, p_flags) as t(size, flags);
  perform account_charge_v1(p_account, v_count, v_bytes);
  select * into uidvalidity, first_uid, modseq
    from mailbox_advance_v1(p_account, p_mailbox, v_count, v_count, v_bytes, v_unseen, v_deleted, v_deleted_bytes);
  perform cpm_objects_insert_v1(p_account, p_mailbox, first_uid, p_objects);
  insert into message (account_id, content_id, internal_date, save_date, mailbox_id, uid, modseq, size, flags, keywords,
      conversation_id, talk)
    select p_account, t.id, to_timestamp(t.moment), to_timestamp(p_now), p_mailbox, first_uid + t.n::int - 1, modseq,
           t.size, t.flags, string_to_array(nullif(t.keywords, ''), ',')::smallint[], h.thread_id,
           case when h.thread_id is not null then o.talk end
      from unnest(p_contents, p_sizes, p_dates, p_flags, p_keywords)
           with ordinality as t(id, size, moment, flags, keywords, n)
           left join lateral (select i.talk from cpm_object i where i.account_id = p_account and i.content_id = t.id offset 0) o on true
           left join lateral (select i.thread_id from content_head i
                               where i.account_id = p_account and i.content_id = t.id and o.talk is not null offset 0) h on true;
  if p_staged is not null then
    foreach v_id in array p_staged loop
      select c.state into v_state from content c where c.account_id = p_account and c.content_id = v_id for no key update;
      if not found or v_state <> 0 then
        raise exception 'staged content is gone' using errcode = 'CP003';
      end if;
      update content c set refs = 1, state = 1, changed_at = clock_timestamp()
       where c.account_id = p_account and c.content_id = v_id;
    end loop;
  end if;
  perform conversation_add_v1(p_account, p_mailbox, first_uid, v_count);
end $$;

-- Deposits of several commands in one statement, into one mailbox or several. The messages stand in the order of their mailboxes:
-- p_paths (levels joined by /), p_messages how many go into each, p_objects those of each as for deposit_v2 with `n` counted within
-- (empty: none). Each command is a part of one mailbox: p_of its number in p_paths, p_counts its messages, p_by who (as for
-- audit_add_v1; empty: not recorded); parts of a mailbox stand in the order of its messages. Those of a mailbox share the MODSEQ; each
-- part is recorded and told by itself. A row for each mailbox.
create function recorded_deposits_at_v1(
  p_account bigint, p_paths text[], p_messages int[], p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea,
  p_internal bigint[], p_flags int[], p_objects text[], p_now bigint, p_of int[], p_counts int[], p_by text[])
returns table (mailbox_id int, uidvalidity int, first_uid int, modseq int)
language plpgsql as $$
declare
  v_count int := cardinality(p_paths);
  v_ids int[] := array_fill(0, array[v_count]);
  v_directions smallint[] := p_directions;
  v_flags int[] := p_flags;
  v_objects jsonb[] := array_fill(null::jsonb, array[v_count]);
  v_told int[] := array_fill(0, array[v_count]);
  v_name text;
  v_id int;
  v_rights int;
  v_lo int := 1;
  v_hi int;
  v_step record;
begin
  for i in 1 .. v_count loop
    v_hi := v_lo + p_messages[i] - 1;
    v_id := 0;
    foreach v_name in array string_to_array(p_paths[i], '/') loop
      select m.mailbox_id, m.owner_rights into v_id, v_rights from mailbox m
       where m.account_id = p_account and m.parent_id = v_id and m.name = v_name;
      if not found then
        raise no_data_found;
      end if;
    end loop;
    v_ids[i] := v_id;
    if v_rights is not null then  -- what the owner took from themself, as in deposit_at_v3
      if v_rights & 16 = 0 then
        raise exception using errcode = 'CP005', message = 'no right to store in this mailbox';
      end if;
      v_flags[v_lo:v_hi] := array(select f & (case when v_rights & 8 <> 0 then ~9 else 0 end | case when v_rights & 4 <> 0 then 1 else 0 end
                                              | case when v_rights & 256 <> 0 then 8 else 0 end)
                                    from unnest(p_flags[v_lo:v_hi]) with ordinality as t(f, n) order by n);
    end if;
    if p_objects[i] <> '' then
      select t.p_objects, t.p_directions into v_step
        from objects_direct_v1(p_account, p_objects[i]::jsonb, p_directions[v_lo:v_hi]) t;
      v_objects[i] := v_step.p_objects;
      v_directions[v_lo:v_hi] := v_step.p_directions;
    end if;
    v_lo := v_hi + 1;
  end loop;
  perform content_insert_v2(p_account, p_contents, p_sizes, p_header_octets, p_dates, p_moments, v_directions, p_threads, p_exact,
                            p_complete, p_at, p_blob);
  if v_count > 1 then  -- in the order in which all that works on several mailboxes locks them
    perform from account a where a.account_id = p_account for no key update;
    perform from mailbox m where m.account_id = p_account and m.mailbox_id = any (v_ids) order by m.mailbox_id for no key update;
  end if;
  v_lo := 1;
  for i in 1 .. v_count loop
    v_hi := v_lo + p_messages[i] - 1;
    v_step := deposit_v2(p_account, v_ids[i], p_contents[v_lo:v_hi], p_sizes[v_lo:v_hi], p_internal[v_lo:v_hi], v_flags[v_lo:v_hi],
                         null, null, v_objects[i], p_now);
    mailbox_id := v_ids[i];
    uidvalidity := v_step.uidvalidity;
    first_uid := v_step.first_uid;
    modseq := v_step.modseq;
    return next;
    for v_part in 1 .. cardinality(p_of) loop
      continue when p_of[v_part] <> i;
      v_hi := v_lo + p_counts[v_part] - 1;
      perform message_new_v1(p_account, nullif(p_by[v_part], '')::jsonb, 10, v_ids[i], p_paths[i], uidvalidity, first_uid + v_told[i],
                             modseq, p_contents[v_lo:v_hi], (select sum(s) from unnest(p_sizes[v_lo:v_hi]) s), null);
      v_told[i] := v_told[i] + p_counts[v_part];
      v_lo := v_hi + 1;
    end loop;
  end loop;
end $$;
