-- What must be atomic and one round trip: deposit, flag changes, expunge, copy and move, purge.
--
-- Each function is called with the account first and touches only its rows. They are versioned by name, so that servers of two
-- releases can run side by side. Locks are always taken in the order account, mailboxes by rising id, messages, contents; a
-- mailbox that is gone raises no_data_found. Other refusals, which must undo everything, are raised with their own SQLSTATE:
--   CP001  the account's limit would be passed
--   CP002  too many keywords in the target mailbox
--   CP003  staged content is not there any more
-- One mailbox may hold most of a table whose statistics tell of small ones, so no plan may depend on them. Where rows are read
-- by ranges of UIDs, the ranges stand in a LATERAL with OFFSET 0: each is one descent of the primary key. Where rows are
-- changed, each statement names one range; a long list of numbers is never compared with each row of a mailbox.

-- ---------------------------------------------------------------- helpers

-- One command's step of a mailbox: the next MODSEQ, `p_uids` UIDs, and the counters. The row stays locked until commit, so order
-- of allocation is order of commit. After a failover that may have lost commits (installation.epoch) numbers are
-- skipped once, so that none is given twice.
create function mailbox_advance_v1(
  p_account bigint, p_mailbox int, p_uids int, p_messages int, p_bytes bigint, p_unseen int, p_deleted int,
  p_deleted_bytes bigint, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
declare
  v_epoch int;
  v_current int;
begin
  update mailbox m
     set uidnext = m.uidnext + p_uids, highestmodseq = m.highestmodseq + 1, messages = m.messages + p_messages,
         bytes = m.bytes + p_bytes, unseen = m.unseen + p_unseen, deleted = m.deleted + p_deleted,
         deleted_bytes = m.deleted_bytes + p_deleted_bytes
   where m.account_id = p_account and m.mailbox_id = p_mailbox
   returning m.uidvalidity, m.uidnext - p_uids, m.highestmodseq, m.epoch, (select i.epoch from installation i)
        into uidvalidity, first_uid, modseq, v_epoch, v_current;
  if not found then
    raise no_data_found;
  end if;
  if v_epoch < v_current then
    update mailbox m
       set uidnext = m.uidnext + 1000, highestmodseq = m.highestmodseq + 10000, epoch = v_current
     where m.account_id = p_account and m.mailbox_id = p_mailbox;
    first_uid := first_uid + 1000;
    modseq := modseq + 10000;
  end if;
end $$;

-- Cuts rising UIDs into ranges for statements: runs of consecutive numbers (`pick` null: all of the range), and up to 64 scattered
-- ones that stand not too far apart (`pick`: which of the range).
create function uid_steps_v1(p_uids int[], out lo int, out hi int, out pick int[]) returns setof record
language plpgsql immutable as $$
declare
  v_count int := cardinality(p_uids);
  v_from int := 1;
  v_to int;
begin
  if v_count > 0 and p_uids[v_count] - p_uids[1] = v_count - 1 then
    lo := p_uids[1];
    hi := p_uids[v_count];
    return next;
    return;
  end if;
  while v_from <= v_count loop
    v_to := v_from;
    while v_to < v_count and p_uids[v_to + 1] = p_uids[v_to] + 1 loop
      v_to := v_to + 1;
    end loop;
    pick := null;
    if v_to - v_from < 16 then
      v_to := greatest(v_to, least(v_from + 63, v_count));
      while v_to > v_from and p_uids[v_to] - p_uids[v_from] > 16 * (v_to - v_from) loop
        v_to := v_from + (v_to - v_from) / 2;
      end loop;
      if p_uids[v_to] - p_uids[v_from] <> v_to - v_from then
        pick := p_uids[v_from:v_to];
      end if;
    end if;
    lo := p_uids[v_from];
    hi := p_uids[v_to];
    return next;
    v_from := v_to + 1;
  end loop;
end $$;

-- Adds `p_by` (1 or -1) to the references of each content, as often as it is listed. What nobody refers to any more waits
-- for the purge.
create function content_refer_v1(p_account bigint, p_contents bigint[], p_by int) returns void
language plpgsql as $$
declare
  v_left bigint[] := array(select t.id from unnest(p_contents) as t(id) order by t.id);
  v_again bigint[];
  v_some bigint[];
  v_id bigint;
  v_touched int;
  v_near int;
begin
  while cardinality(v_left) > 0 loop
    v_again := '{}';
    for i in 0 .. (cardinality(v_left) - 1) / 64 loop
      v_some := v_left[64 * i + 1 : 64 * i + 64];
      -- Contents that came together stand together: one range, unless much else stands between them.
      select count(*) into v_near
        from (select from content c
               where c.account_id = p_account and c.content_id between v_some[1] and v_some[cardinality(v_some)] limit 1024) t;
      v_touched := 0;
      if v_near < 1024 then
        update content c
           set refs = c.refs + p_by,
               state = case when c.refs + p_by = 0 then 2 else c.state end,
               changed_at = case when c.refs + p_by = 0 then clock_timestamp() else c.changed_at end
         where c.account_id = p_account and c.content_id between v_some[1] and v_some[cardinality(v_some)]
           and (v_some is null or c.content_id = any (v_some));
        get diagnostics v_touched = row_count;
        continue when v_touched = cardinality(v_some);
        -- Several messages with one content: once more for the others.
        v_again := v_again || array(select t.id
                                      from (select u.id, row_number() over (partition by u.id) as n from unnest(v_some) as u(id)) t
                                     where t.n > 1);
      else
        foreach v_id in array v_some loop
          update content c
             set refs = c.refs + p_by,
                 state = case when c.refs + p_by = 0 then 2 else c.state end,
                 changed_at = case when c.refs + p_by = 0 then clock_timestamp() else c.changed_at end
           where c.account_id = p_account and c.content_id = v_id;
        end loop;
      end if;
    end loop;
    v_left := v_again;
  end loop;
end $$;

-- Records removed UIDs (rising) as ranges. UIDs without a living message between two removed ones may be joined with
-- them: when nothing lives between the first and the last, one range says it all.
create function expunged_add_v1(p_account bigint, p_mailbox int, p_modseq int, p_uids int[]) returns void
language plpgsql as $$
declare
  v_first int := p_uids[1];
  v_last int := p_uids[cardinality(p_uids)];
begin
  if not exists (select from message m
                  where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between v_first and v_last) then
    insert into expunged (account_id, mailbox_id, modseq, uid_lo, uid_hi)
      values (p_account, p_mailbox, p_modseq, v_first, v_last);
  else
    insert into expunged (account_id, mailbox_id, modseq, uid_lo, uid_hi)
      select p_account, p_mailbox, p_modseq, min(t.uid), max(t.uid)
        from (select u.uid, u.uid - u.n as island from unnest(p_uids) with ordinality as u(uid, n)) t
       group by t.island;
  end if;
end $$;

-- Usage of the account, within its limits. The first lock of everything that adds messages.
create function account_charge_v1(p_account bigint, p_messages bigint, p_bytes bigint) returns void
language plpgsql as $$
begin
  update account a
     set used_bytes = a.used_bytes + p_bytes, used_messages = a.used_messages + p_messages
   where a.account_id = p_account
     and (a.limit_bytes is null or a.used_bytes + p_bytes <= a.limit_bytes)
     and (a.limit_messages is null or a.used_messages + p_messages <= a.limit_messages);
  if not found then
    if exists (select from account a where a.account_id = p_account) then
      raise exception 'limit of the account' using errcode = 'CP001';
    end if;
    raise no_data_found;
  end if;
end $$;

-- ---------------------------------------------------------------- deposit

-- Contents with their bytes. All values of variable length stand one after the other in p_blob, 13 a message in the order
-- of the columns below; p_at holds where each begins, and the end of the last one. An empty value is null where the column allows it.
-- p_dates: days since 1970; p_moments: seconds since 1970.
create function content_insert_v1(
  p_account bigint, p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[], p_moments bigint[],
  p_directions smallint[], p_complete boolean[], p_at int[], p_blob bytea) returns void
language plpgsql as $$
begin
  insert into content (account_id, content_id, size, changed_at, refs, state, digest)
    select p_account, t.id, t.size, clock_timestamp(), 1, 1,
           substr(p_blob, p_at[13 * t.n - 12] + 1, p_at[13 * t.n - 11] - p_at[13 * t.n - 12])
      from unnest(p_contents, p_sizes) with ordinality as t(id, size, n);
  insert into content_chunk (account_id, content_id, n, data)
    select p_account, t.id, 0, substr(p_blob, p_at[13 * t.n - 11] + 1, p_at[13 * t.n - 10] - p_at[13 * t.n - 11])
      from unnest(p_contents, p_sizes) with ordinality as t(id, size, n)
     where t.size > 0;
  insert into content_head (account_id, content_id, sent_at, header_octets, sent_date, direction, envelope, body,
      body_structure, part_map, header, header_text, conversation_id, contribution_id, imdn_id, message_id)
    select p_account, t.id, to_timestamp(t.moment), t.header_octets, date '1970-01-01' + t.day, t.direction,
           substr(p_blob, p_at[13 * t.n - 10] + 1, p_at[13 * t.n - 9] - p_at[13 * t.n - 10]),
           substr(p_blob, p_at[13 * t.n - 9] + 1, p_at[13 * t.n - 8] - p_at[13 * t.n - 9]),
           substr(p_blob, p_at[13 * t.n - 8] + 1, p_at[13 * t.n - 7] - p_at[13 * t.n - 8]),
           substr(p_blob, p_at[13 * t.n - 7] + 1, p_at[13 * t.n - 6] - p_at[13 * t.n - 7]),
           nullif(substr(p_blob, p_at[13 * t.n - 6] + 1, p_at[13 * t.n - 5] - p_at[13 * t.n - 6]), ''),
           convert_from(substr(p_blob, p_at[13 * t.n - 5] + 1, p_at[13 * t.n - 4] - p_at[13 * t.n - 5]), 'UTF8'),
           nullif(convert_from(substr(p_blob, p_at[13 * t.n - 3] + 1, p_at[13 * t.n - 2] - p_at[13 * t.n - 3]), 'UTF8'), ''),
           nullif(convert_from(substr(p_blob, p_at[13 * t.n - 2] + 1, p_at[13 * t.n - 1] - p_at[13 * t.n - 2]), 'UTF8'), ''),
           nullif(convert_from(substr(p_blob, p_at[13 * t.n - 1] + 1, p_at[13 * t.n] - p_at[13 * t.n - 1]), 'UTF8'), ''),
           nullif(convert_from(substr(p_blob, p_at[13 * t.n] + 1, p_at[13 * t.n + 1] - p_at[13 * t.n]), 'UTF8'), '')
      from unnest(p_contents, p_header_octets, p_dates, p_moments, p_directions)
           with ordinality as t(id, header_octets, day, moment, direction, n);
  insert into content_text (account_id, content_id, complete, body_text)
    select p_account, t.id, t.complete,
           convert_from(substr(p_blob, p_at[13 * t.n - 4] + 1, p_at[13 * t.n - 3] - p_at[13 * t.n - 4]), 'UTF8')
      from unnest(p_contents, p_complete) with ordinality as t(id, complete, n);
end $$;

-- n messages whose content rows exist: usage within its limit, then n consecutive UIDs and one MODSEQ.
-- p_staged: those of p_contents that are still staged, or null. p_keywords: keyword ids of each message separated by commas, or
-- null when no message has any. Seconds since 1970 for moments.
create function deposit_v1(
  p_account bigint, p_mailbox int, p_contents bigint[], p_sizes int[], p_dates bigint[], p_flags int[],
  p_keywords text[], p_staged bigint[], p_now bigint, out uidvalidity int, out first_uid int, out modseq int)
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
  select sum(t.size), count(*) filter (where t.flags & 1 = 0), count(*) filter (where t.flags & 8 <> 0),
         coalesce(sum(t.size) filter (where t.flags & 8 <> 0), 0)
    into v_bytes, v_unseen, v_deleted, v_deleted_bytes
    from unnest(p_sizes, p_flags) as t(size, flags);
  perform account_charge_v1(p_account, v_count, v_bytes);
  select * into uidvalidity, first_uid, modseq
    from mailbox_advance_v1(p_account, p_mailbox, v_count, v_count, v_bytes, v_unseen, v_deleted, v_deleted_bytes);
  insert into message (account_id, content_id, internal_date, save_date, mailbox_id, uid, modseq, size, flags, keywords)
    select p_account, t.id, to_timestamp(t.moment), to_timestamp(p_now), p_mailbox, first_uid + t.n::int - 1, modseq,
           t.size, t.flags, string_to_array(nullif(t.keywords, ''), ',')::smallint[]
      from unnest(p_contents, p_sizes, p_dates, p_flags, p_keywords)
           with ordinality as t(id, size, moment, flags, keywords, n);
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
end $$;

-- Both in one round trip: n small messages, bytes included.
create function deposit_inline_v1(
  p_account bigint, p_mailbox int, p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_complete boolean[], p_at int[], p_blob bytea, p_internal bigint[],
  p_flags int[], p_keywords text[], p_now bigint, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
begin
  perform content_insert_v1(p_account, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions, p_complete,
                            p_at, p_blob);
  select * into uidvalidity, first_uid, modseq
    from deposit_v1(p_account, p_mailbox, p_contents, p_sizes, p_internal, p_flags, p_keywords, null, p_now);
end $$;

-- The same by the path of the mailbox, given by its levels: a whole APPEND in one statement, which commits by itself.
create function deposit_at_v1(
  p_account bigint, p_path text[], p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_complete boolean[], p_at int[], p_blob bytea, p_internal bigint[],
  p_flags int[], p_now bigint, out mailbox_id int, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
declare
  v_name text;
begin
  mailbox_id := 0;
  foreach v_name in array p_path loop
    select m.mailbox_id into mailbox_id from mailbox m
     where m.account_id = p_account and m.parent_id = deposit_at_v1.mailbox_id and m.name = v_name;
    if not found then
      raise no_data_found;
    end if;
  end loop;
  select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
    from deposit_inline_v1(p_account, mailbox_id, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions,
                           p_complete, p_at, p_blob, p_internal, p_flags, null, p_now) d;
end $$;

-- ---------------------------------------------------------------- flags

-- The messages of the ranges under the lock of the mailbox: 16 octets each (uid, modseq, flags, size), and "uid:id,id;…" for
-- those with keywords. The lock comes first, in a statement of its own, so that the rows are the newest.
create function flags_lock_v1(p_account bigint, p_mailbox int, p_lo int[], p_hi int[],
  out highestmodseq int, out packed bytea, out keywords text)
language plpgsql as $$
begin
  select m.highestmodseq into highestmodseq from mailbox m
   where m.account_id = p_account and m.mailbox_id = p_mailbox for no key update;
  if not found then
    raise no_data_found;
  end if;
  select string_agg(int8send(m.uid::bigint << 32 | m.modseq) || int8send(m.flags::bigint << 32 | m.size), ''),
         string_agg(case when m.keywords is not null then m.uid || ':' || array_to_string(m.keywords, ',') end, ';')
    into packed, keywords
    from unnest(p_lo, p_hi) as r(lo, hi)
         cross join lateral (select i.uid, i.modseq, i.flags, i.size, i.keywords from message i
                              where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid between r.lo and r.hi
                             offset 0) m;
end $$;

-- A STORE of system flags in one statement: flags & p_and | p_or for all messages of the ranges. What the messages were
-- before is returned as by flags_lock_v1; highestmodseq is the new one when a message changed.
create function flags_set_v1(p_account bigint, p_mailbox int, p_lo int[], p_hi int[], p_and int, p_or int,
  out highestmodseq int, out packed bytea, out keywords text)
language plpgsql as $$
declare
  v_uids int[];
  v_unseen int;
  v_deleted int;
  v_deleted_bytes bigint;
begin
  select l.highestmodseq, l.packed, l.keywords into highestmodseq, packed, keywords
    from flags_lock_v1(p_account, p_mailbox, p_lo, p_hi) l;
  select array_agg(m.uid order by m.uid),
         coalesce(sum((m.flags & 1) - (m.after & 1)), 0),
         coalesce(sum((m.after >> 3 & 1) - (m.flags >> 3 & 1)), 0),
         coalesce(sum(((m.after >> 3 & 1) - (m.flags >> 3 & 1)) * m.size::bigint), 0)
    into v_uids, v_unseen, v_deleted, v_deleted_bytes
    from unnest(p_lo, p_hi) as r(lo, hi)
         cross join lateral (select i.uid, i.flags, i.flags & p_and | p_or as after, i.size from message i
                              where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid between r.lo and r.hi
                             offset 0) m
   where m.after <> m.flags;
  if v_uids is not null then
    highestmodseq := flags_apply_v1(p_account, p_mailbox, v_uids, p_and, p_or, null, null, null,
                                    v_unseen, v_deleted, v_deleted_bytes);
  end if;
end $$;

-- Changes flags of messages that flags_lock_v1 showed in the same transaction: flags & p_and | p_or, and keywords: p_replace null
-- leaves them, true makes them p_add, false adds p_add (null: nothing) and takes p_remove away. Returns the MODSEQ.
create function flags_apply_v1(
  p_account bigint, p_mailbox int, p_uids int[], p_and int, p_or int, p_replace boolean, p_add smallint[],
  p_remove smallint[], p_unseen int, p_deleted int, p_deleted_bytes bigint) returns int
language plpgsql as $$
declare
  v_modseq int;
  v_step record;
  v_changed int;
  v_total int := 0;
begin
  select a.modseq into v_modseq
    from mailbox_advance_v1(p_account, p_mailbox, 0, 0, 0, p_unseen, p_deleted, p_deleted_bytes) a;
  for v_step in select * from uid_steps_v1(p_uids) loop
    if p_replace is null then
      update message m set flags = m.flags & p_and | p_or, modseq = v_modseq
       where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between v_step.lo and v_step.hi
         and (v_step.pick is null or m.uid = any (v_step.pick));
    else
      update message m
         set flags = m.flags & p_and | p_or, modseq = v_modseq,
             keywords = case
               when p_replace or m.keywords is null then p_add
               else nullif(array(select k.id from unnest(m.keywords || p_add) as k(id)
                                  where p_remove is null or k.id <> all (p_remove) group by k.id order by k.id), '{}')
             end
       where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between v_step.lo and v_step.hi
         and (v_step.pick is null or m.uid = any (v_step.pick));
    end if;
    get diagnostics v_changed = row_count;
    v_total := v_total + v_changed;
  end loop;
  if v_total <> cardinality(p_uids) then
    raise exception 'changed % messages instead of %', v_total, cardinality(p_uids) using errcode = 'data_corrupted';
  end if;
  return v_modseq;
end $$;

-- ---------------------------------------------------------------- expunge

-- Deletes rows of message, no more.
create function message_delete_v1(p_account bigint, p_mailbox int, p_uids int[]) returns void
language plpgsql as $$
declare
  v_step record;
begin
  for v_step in select * from uid_steps_v1(p_uids) loop
    delete from message m
     where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between v_step.lo and v_step.hi
       and (v_step.pick is null or m.uid = any (v_step.pick));
  end loop;
end $$;

-- Removes the messages of the ranges that have \Deleted. `uids` is null when there were none.
create function expunge_v1(p_account bigint, p_mailbox int, p_lo int[], p_hi int[], out highestmodseq int, out uids int[])
language plpgsql as $$
declare
  v_contents bigint[];
  v_bytes bigint;
  v_unseen int;
  v_deleted int;
begin
  select m.highestmodseq, m.deleted into highestmodseq, v_deleted from mailbox m
   where m.account_id = p_account and m.mailbox_id = p_mailbox;
  if not found then
    raise no_data_found;
  end if;
  if v_deleted = 0 then
    return;
  end if;
  perform from account a where a.account_id = p_account for no key update;
  select m.highestmodseq into highestmodseq from mailbox m
   where m.account_id = p_account and m.mailbox_id = p_mailbox for no key update;
  if not found then
    raise no_data_found;
  end if;

  select array_agg(m.uid order by m.uid), array_agg(m.content_id), sum(m.size), count(*) filter (where m.flags & 1 = 0)
    into uids, v_contents, v_bytes, v_unseen
    from unnest(p_lo, p_hi) as r(lo, hi)
         cross join lateral (select i.uid, i.content_id, i.size, i.flags from message i
                              where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid between r.lo and r.hi
                                and i.flags & 8 <> 0
                             offset 0) m;
  if uids is null then
    return;
  end if;
  v_deleted := cardinality(uids);
  perform message_delete_v1(p_account, p_mailbox, uids);

  update account a set used_bytes = a.used_bytes - v_bytes, used_messages = a.used_messages - v_deleted
   where a.account_id = p_account;
  select a.modseq into highestmodseq
    from mailbox_advance_v1(p_account, p_mailbox, 0, -v_deleted, -v_bytes, -v_unseen, -v_deleted, -v_bytes) a;
  perform expunged_add_v1(p_account, p_mailbox, highestmodseq, uids);
  perform content_refer_v1(p_account, v_contents, -1);
end $$;

-- ---------------------------------------------------------------- copy and move

-- Gives the target mailbox the keywords (by name) that messages of the source have; `old` and `new` are their ids. Both rows are locked.
create function keywords_translate_v1(p_account bigint, p_from int, p_to int, p_used smallint[], p_limit int,
  out old smallint[], out new smallint[])
language plpgsql as $$
declare
  v_missing text[];
  v_first int;
begin
  select array_agg(s.name order by s.keyword_id) into v_missing
    from keyword s
   where s.account_id = p_account and s.mailbox_id = p_from and s.keyword_id = any (p_used)
     and not exists (select from keyword t where t.account_id = p_account and t.mailbox_id = p_to
                        and lower(t.name) = lower(s.name));
  if v_missing is not null then
    if cardinality(v_missing) + (select count(*) from keyword t where t.account_id = p_account and t.mailbox_id = p_to)
       > p_limit then
      raise exception 'too many keywords' using errcode = 'CP002';
    end if;
    update mailbox m set next_keyword = m.next_keyword + cardinality(v_missing)
     where m.account_id = p_account and m.mailbox_id = p_to
     returning m.next_keyword - cardinality(v_missing) into v_first;
    insert into keyword (account_id, mailbox_id, keyword_id, name)
      select p_account, p_to, v_first + t.n - 1, t.name from unnest(v_missing) with ordinality as t(name, n);
  end if;
  select array_agg(s.keyword_id), array_agg(t.keyword_id) into old, new
    from keyword s
         join keyword t on t.account_id = p_account and t.mailbox_id = p_to and lower(t.name) = lower(s.name)
   where s.account_id = p_account and s.mailbox_id = p_from and s.keyword_id = any (p_used);
end $$;

-- Copies or moves the messages of the ranges, in the order of their UIDs. `uids` is null when there were none. p_mask, p_keep_keywords: which
-- flags the target may get. Both mailboxes are locked for a copy too, so that the counters describe exactly the rows that are written.
create function copy_v1(
  p_account bigint, p_from int, p_to int, p_lo int[], p_hi int[], p_move boolean, p_mask int, p_keep_keywords boolean,
  p_now bigint, p_keyword_limit int, out uidvalidity int, out first_uid int, out source_modseq int, out uids int[])
language plpgsql as $$
declare
  v_contents bigint[];
  v_count int;
  v_bytes bigint;
  v_unseen int;
  v_deleted int;
  v_deleted_bytes bigint;
  v_keywords boolean;
  v_old smallint[];
  v_new smallint[];
  v_modseq int;
begin
  perform from account a where a.account_id = p_account for no key update;
  perform from mailbox m where m.account_id = p_account and m.mailbox_id = least(p_from, p_to) for no key update;
  if found and p_from <> p_to then
    perform from mailbox m where m.account_id = p_account and m.mailbox_id = greatest(p_from, p_to) for no key update;
  end if;
  if not found then
    raise no_data_found;
  end if;

  select array_agg(m.uid order by m.uid), array_agg(m.content_id), count(*), sum(m.size),
         count(*) filter (where m.flags & 1 = 0), count(*) filter (where m.flags & 8 <> 0),
         coalesce(sum(m.size) filter (where m.flags & 8 <> 0), 0), bool_or(m.keywords is not null)
    into uids, v_contents, v_count, v_bytes, v_unseen, v_deleted, v_deleted_bytes, v_keywords
    from unnest(p_lo, p_hi) as r(lo, hi)
         cross join lateral (select i.uid, i.content_id, i.size, i.flags, i.keywords from message i
                              where i.account_id = p_account and i.mailbox_id = p_from and i.uid between r.lo and r.hi
                             offset 0) m;
  if uids is null then
    select m.uidvalidity into uidvalidity from mailbox m where m.account_id = p_account and m.mailbox_id = p_to;
    select m.highestmodseq into source_modseq from mailbox m where m.account_id = p_account and m.mailbox_id = p_from;
    return;
  end if;
  if not p_move then
    perform account_charge_v1(p_account, v_count, v_bytes);
  end if;
  if v_keywords and p_keep_keywords and p_from <> p_to then
    select t.old, t.new into v_old, v_new
      from keywords_translate_v1(p_account, p_from, p_to,
             array(select distinct k.id
                     from unnest(p_lo, p_hi) as r(lo, hi)
                          cross join lateral (select i.keywords from message i
                                               where i.account_id = p_account and i.mailbox_id = p_from
                                                 and i.uid between r.lo and r.hi
                                              offset 0) m
                          cross join lateral unnest(m.keywords) as k(id)),
             p_keyword_limit) t;
  end if;

  select a.uidvalidity, a.first_uid, a.modseq into uidvalidity, first_uid, v_modseq
    from mailbox_advance_v1(p_account, p_to, v_count, v_count, v_bytes,
                            case when p_mask & 1 <> 0 then v_unseen else v_count end,
                            case when p_mask & 8 <> 0 then v_deleted else 0 end,
                            case when p_mask & 8 <> 0 then v_deleted_bytes else 0 end) a;
  if p_move and p_from <> p_to then
    select a.modseq into source_modseq
      from mailbox_advance_v1(p_account, p_from, 0, -v_count, -v_bytes, -v_unseen, -v_deleted, -v_deleted_bytes) a;
  elsif p_move then
    -- One command, one MODSEQ: what leaves is taken off what has just been added.
    update mailbox m
       set messages = m.messages - v_count, bytes = m.bytes - v_bytes, unseen = m.unseen - v_unseen,
           deleted = m.deleted - v_deleted, deleted_bytes = m.deleted_bytes - v_deleted_bytes
     where m.account_id = p_account and m.mailbox_id = p_from;
    source_modseq := v_modseq;
  end if;

  insert into message (account_id, content_id, internal_date, save_date, mailbox_id, uid, modseq, size, flags, keywords)
    select p_account, m.content_id, m.internal_date, to_timestamp(p_now), p_to,
           first_uid - 1 + (row_number() over (order by m.uid))::int, v_modseq, m.size, m.flags & p_mask,
           case when m.keywords is null or not p_keep_keywords then null
                when v_old is null then m.keywords
                else array(select t.new from unnest(m.keywords) as k(id)
                             join unnest(v_old, v_new) as t(old, new) on t.old = k.id order by t.new)
           end
      from unnest(p_lo, p_hi) as r(lo, hi)
           cross join lateral (select * from message i
                                where i.account_id = p_account and i.mailbox_id = p_from and i.uid between r.lo and r.hi
                               offset 0) m;
  if p_move then
    perform message_delete_v1(p_account, p_from, uids);
    perform expunged_add_v1(p_account, p_from, source_modseq, uids);
  else
    perform content_refer_v1(p_account, v_contents, 1);
  end if;
end $$;

-- ---------------------------------------------------------------- purge

-- Removes those of the given contents that are still unused since before the given moments. Nothing when somebody else holds the
-- account: its turn comes again. An account that is gone needs no lock.
create function purge_v1(p_account bigint, p_contents bigint[], p_dead timestamptz, p_staged timestamptz) returns int
language plpgsql as $$
declare
  v_id bigint;
  v_state smallint;
  v_changed timestamptz;
  v_gone int := 0;
begin
  perform from account a where a.account_id = p_account for no key update skip locked;
  if not found and exists (select from account a where a.account_id = p_account) then
    return 0;
  end if;
  foreach v_id in array p_contents loop
    select c.state, c.changed_at into v_state, v_changed from content c
     where c.account_id = p_account and c.content_id = v_id for update;
    continue when not found or not (v_state = 2 and v_changed < p_dead or v_state = 0 and v_changed < p_staged);
    delete from content c where c.account_id = p_account and c.content_id = v_id;
    delete from content_chunk c where c.account_id = p_account and c.content_id = v_id;
    delete from content_text c where c.account_id = p_account and c.content_id = v_id;
    delete from content_head c where c.account_id = p_account and c.content_id = v_id;
    v_gone := v_gone + 1;
  end loop;
  return v_gone;
end $$;

-- ---------------------------------------------------------------- recent

-- The messages from the returned UID on up to p_uidnext are \Recent for the caller; null: for nobody. Not worth a wait for the
-- disk: after a crash some are \Recent once more.
create function claim_recent_v1(p_account bigint, p_mailbox int, p_uidnext int) returns int
language plpgsql as $$
declare
  v_from int;
begin
  perform set_config('synchronous_commit', 'off', true);
  select m.recent_from into v_from from mailbox m
   where m.account_id = p_account and m.mailbox_id = p_mailbox for no key update;
  if v_from is null or v_from >= p_uidnext then
    return null;
  end if;
  update mailbox m set recent_from = p_uidnext where m.account_id = p_account and m.mailbox_id = p_mailbox;
  return v_from;
end $$;
