-- Conversations: what CPM objects say of themselves as columns, and one row a conversation with its counters.
--
-- Plain mail pays nothing: it has no row in cpm_object, no conversation, and its mailboxes say so.

create table cpm_object (
  account_id bigint not null,
  content_id bigint not null,
  moment timestamptz,
  file_size bigint,
  mailbox_id int,
  uid int,
  kind smallint not null check (kind > 0),
  talk smallint not null check (talk between 0 and 3),
  generation smallint not null default 0,
  disposition smallint not null default 0,
  file_parts smallint not null default 0,
  is_group boolean not null default false,
  reports_on text collate "C",
  conversation text collate "C",
  in_reply_to text collate "C",
  correlator text collate "C",
  context text collate "C",
  service text collate "C",
  sender text collate "C",
  subject text collate "C",
  preview text collate "C",
  session_type text collate "C",
  focus text collate "C",
  group_type text collate "C",
  file_name text collate "C",
  file_type text collate "C",
  participants text[] collate "C",
  primary key (account_id, content_id)
);
create index cpm_object_reports on cpm_object (account_id, reports_on) where reports_on is not null;
comment on table cpm_object is 'What a CPM object says of itself, beside content_head: schema/object_facts.h. Texts are null when it says nothing.';
comment on column cpm_object.mailbox_id is 'Where it was deposited, with uid: found in one step unless it has been moved.';
comment on column cpm_object.kind is 'schema::ObjectKind.';
comment on column cpm_object.talk is 'schema::Talk: 1 sent by the owner, 2 received; not counted: 0 notifications, 3 the state of a session or group.';
comment on column cpm_object.disposition is 'schema::Disposition, of a notification about reports_on.';
comment on column cpm_object.conversation is 'The name of the conversation: the other party, or a Conversation-ID.';

alter table mailbox add column has_objects boolean not null default false;
comment on column mailbox.has_objects is 'Messages of conversations are or were here: changes must count them.';

alter table message add column conversation_id bigint, add column talk smallint;
comment on column message.conversation_id is 'content_head.thread_id of a CPM object; null for mail.';
comment on column message.talk is 'cpm_object.talk; null for mail.';
create index message_conversation on message (account_id, conversation_id, internal_date, content_id)
  where conversation_id is not null;
comment on index message_conversation is 'A conversation in the order of its messages, over all mailboxes; content ids rise with time. Mail has no entry here.';

create index message_state on message (account_id, mailbox_id, uid) where talk = 3;
comment on index message_state is 'The session info and group state objects of a history: few, and found without reading the others.';

create table conversation (
  account_id bigint not null references account on delete cascade,
  conversation_id bigint not null,
  last_at timestamptz not null,
  objects int not null check (objects > 0),
  messages int not null check (messages between 0 and objects),
  unread int not null check (unread between 0 and messages),
  is_group boolean not null default false,
  name text collate "C" not null,
  subject text collate "C",
  participants text[] collate "C" not null default '{}',
  primary key (account_id, conversation_id)
) with (fillfactor = 70);
create index conversation_last on conversation (account_id, last_at, conversation_id);
create index conversation_unread on conversation (account_id, last_at, conversation_id) where unread > 0;
comment on table conversation is 'A conversation: all messages of one thread that are CPM objects, in whatever mailbox. It lives as long as one of them.';
comment on column conversation.last_at is 'INTERNALDATE of the newest message; while there are only silent objects, of the newest of those.';
comment on column conversation.objects is 'Rows in message.';
comment on column conversation.messages is 'Those that are no silent ones.';
comment on column conversation.unread is 'Those that were received and have no \Seen.';
comment on column conversation.participants is 'Canonical addresses named in its objects, the owner''s among them; at most 200.';

-- ---------------------------------------------------------------- counting

-- Locks rows of conversations in the order of their ids, the last lock of all that count in several.
create function conversation_lock_v1(p_account bigint, p_ids bigint[]) returns void
language plpgsql as $$
begin
  perform from conversation c where c.account_id = p_account and c.conversation_id = any (p_ids)
    order by c.conversation_id for no key update;
end $$;

-- Counts messages that have just been added.
create function conversation_add_v1(p_account bigint, p_mailbox int, p_first int, p_count int) returns void
language plpgsql as $$
begin
  update mailbox m set has_objects = true
   where m.account_id = p_account and m.mailbox_id = p_mailbox and not m.has_objects;
  with added as (
    select m.conversation_id, m.talk, m.internal_date, m.flags, o.is_group, o.conversation, o.subject, o.participants
      from message m
           left join cpm_object o on o.account_id = p_account and o.content_id = m.content_id
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

-- What a change of \Seen, which is still to be made, does to the conversations: p_seen set or removed.
create function conversation_seen_v1(p_account bigint, p_mailbox int, p_uids int[], p_seen boolean) returns void
language plpgsql as $$
declare
  v_ids bigint[];
  v_counts int[];
begin
  select array_agg(t.id order by t.id), array_agg(t.n order by t.id) into v_ids, v_counts
    from (select m.conversation_id as id, count(*)::int as n
            from uid_steps_v1(p_uids) s
                 cross join lateral (select i.conversation_id from message i
                                      where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid between s.lo and s.hi
                                        and (s.pick is null or i.uid = any (s.pick))
                                        and i.talk = 2 and (i.flags & 1 = 0) = p_seen
                                     offset 0) m
           where m.conversation_id is not null
           group by m.conversation_id) t;
  if v_ids is null then
    return;
  end if;
  perform conversation_lock_v1(p_account, v_ids);
  update conversation c set unread = c.unread + case when p_seen then -t.n else t.n end
    from unnest(v_ids, v_counts) as t(id, n)
   where c.account_id = p_account and c.conversation_id = t.id;
end $$;

-- Deletes rows of message, all of the mailbox when p_uids is null, and takes them off their conversations.
create function message_remove_v1(p_account bigint, p_mailbox int, p_uids int[]) returns void
language plpgsql as $$
declare
  v_ids bigint[];
  v_objects int[];
  v_messages int[];
  v_unread int[];
  v_newest timestamptz[];
begin
  if exists (select from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox and m.has_objects) then
    select array_agg(t.id order by t.id), array_agg(t.objects order by t.id), array_agg(t.messages order by t.id),
           array_agg(t.unread order by t.id), array_agg(t.newest order by t.id)
      into v_ids, v_objects, v_messages, v_unread, v_newest
      from (select m.conversation_id as id, count(*)::int as objects, (count(*) filter (where m.talk in (1, 2)))::int as messages,
                   (count(*) filter (where m.talk = 2 and m.flags & 1 = 0))::int as unread, max(m.internal_date) as newest
              from (select 1 as lo, 2147483647 as hi, null::int[] as pick where p_uids is null
                    union all select s.lo, s.hi, s.pick from uid_steps_v1(p_uids) s where p_uids is not null) s
                   cross join lateral (select i.conversation_id, i.talk, i.flags, i.internal_date from message i
                                        where i.account_id = p_account and i.mailbox_id = p_mailbox
                                          and i.uid between s.lo and s.hi and (s.pick is null or i.uid = any (s.pick))
                                       offset 0) m
             where m.conversation_id is not null
             group by m.conversation_id) t;
  end if;
  if p_uids is null then
    delete from message m where m.account_id = p_account and m.mailbox_id = p_mailbox;
  else
    perform message_delete_v1(p_account, p_mailbox, p_uids);
  end if;
  if v_ids is null then
    return;
  end if;
  perform conversation_lock_v1(p_account, v_ids);
  delete from conversation c
   using unnest(v_ids, v_objects) as t(id, objects)
   where c.account_id = p_account and c.conversation_id = t.id and c.objects <= t.objects;
  update conversation c
     set objects = c.objects - t.objects, messages = c.messages - t.messages, unread = c.unread - t.unread,
         last_at = case when t.newest < c.last_at and c.messages > t.messages then c.last_at
                        else coalesce((select m.internal_date from message m
                                        where m.account_id = p_account and m.conversation_id = c.conversation_id and m.talk in (1, 2)
                                        order by m.internal_date desc limit 1),
                                      (select m.internal_date from message m
                                        where m.account_id = p_account and m.conversation_id = c.conversation_id
                                        order by m.internal_date desc limit 1)) end
    from unnest(v_ids, v_objects, v_messages, v_unread, v_newest) as t(id, objects, messages, unread, newest)
   where c.account_id = p_account and c.conversation_id = t.id;
end $$;

-- ---------------------------------------------------------------- deposit

-- The thread of the message that has this IMDN-Message-ID, else of the contribution with this Contribution-ID; the newest one.
create function thread_of_v1(p_account bigint, p_imdn text, p_contribution text) returns bigint
language sql stable as $$
  select coalesce(
    (select h.thread_id from content_head h
      where h.account_id = p_account and length(h.imdn_id) = length(p_imdn)
        and hashtextextended(upper(h.imdn_id), 0) = hashtextextended(upper(p_imdn), 0)
        and h.imdn_id = p_imdn and h.thread_id is not null
      order by h.content_id desc limit 1),
    (select h.thread_id from content_head h
      where h.account_id = p_account and length(h.contribution_id) = length(p_contribution)
        and hashtextextended(upper(h.contribution_id), 0) = hashtextextended(upper(p_contribution), 0)
        and h.contribution_id = p_contribution and h.thread_id is not null
      order by h.content_id desc limit 1))
$$;

-- Whether a canonical address (sip:, tel:, user@host) is one of the account's; sip:user@host is the same as user@host.
create function account_owns_v1(p_account bigint, p_address text) returns boolean
language sql stable as $$
  select exists (select from address a
                  where a.account_id = p_account
                    and a.address in (p_address, case when starts_with(p_address, 'sip:') then substr(p_address, 5) else p_address end))
$$;

-- The facts of those of the messages that are CPM objects: an array of objects with `n`, the number of the message among those
-- of the deposit, its content and the columns of cpm_object. One with `seeks` has no conversation of its own and takes that of
-- the message it reports on or replies to.
create function cpm_objects_insert_v1(p_account bigint, p_mailbox int, p_first int, p_objects jsonb) returns void
language plpgsql as $$
declare
  v_object record;
  v_thread bigint;
begin
  insert into cpm_object (account_id, content_id, moment, file_size, mailbox_id, uid, kind, talk, generation, disposition,
      file_parts, is_group, reports_on, conversation, in_reply_to, correlator, context, service, sender, subject, preview,
      session_type, focus, group_type, file_name, file_type, participants)
    select p_account, o.content, to_timestamp(o.moment), o.file_size, p_mailbox, p_first + o.n - 1, o.kind, o.talk,
           coalesce(o.generation, 0::smallint), coalesce(o.disposition, 0::smallint), coalesce(o.file_parts, 0::smallint),
           coalesce(o.is_group, false), o.reports_on, o.conversation, o.in_reply_to, o.correlator, o.context, o.service,
           o.sender, o.subject, o.preview, o.session_type, o.focus, o.group_type, o.file_name, o.file_type, o.participants
      from jsonb_to_recordset(p_objects) as o(n int, content bigint, moment bigint, file_size bigint, kind smallint,
             talk smallint, generation smallint, disposition smallint, file_parts smallint, is_group boolean, reports_on text,
             conversation text, in_reply_to text, correlator text, context text, service text, sender text, subject text,
             preview text, session_type text, focus text, group_type text, file_name text, file_type text, participants text[]);
  -- Without Message-Direction the sender tells it, when there is one.
  if p_objects @? '$[*].undirected' then
    update content_head h set direction = case when account_owns_v1(p_account, o.sender) then 1 else 2 end
      from jsonb_to_recordset(p_objects) as t(content bigint, undirected boolean)
           join cpm_object o on o.account_id = p_account and o.content_id = t.content
     where t.undirected and h.account_id = p_account and h.content_id = t.content;
    update cpm_object o set talk = 1
      from jsonb_to_recordset(p_objects) as t(content bigint, undirected boolean)
     where t.undirected and o.account_id = p_account and o.content_id = t.content and o.talk = 2
       and account_owns_v1(p_account, o.sender);
  end if;
  if not p_objects @? '$[*].seeks' then
    return;
  end if;
  for v_object in
    select o.content, o.reports_on, o.in_reply_to
      from jsonb_to_recordset(p_objects) as o(n int, content bigint, seeks boolean, reports_on text, in_reply_to text)
     where o.seeks
     order by o.n
  loop
    v_thread := thread_of_v1(p_account, v_object.reports_on, v_object.in_reply_to);
    if v_thread is not null then
      update content_head h set thread_id = v_thread where h.account_id = p_account and h.content_id = v_object.content;
    end if;
  end loop;
end $$;

-- deposit_v1 for messages some of which are CPM objects (as for cpm_objects_insert_v1; null: none).
create function deposit_v2(
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
           left join lateral (select i.talk from cpm_object i where i.account_id = p_account and i.content_id = t.id) o on true
           left join lateral (select i.thread_id from content_head i
                               where i.account_id = p_account and i.content_id = t.id and o.talk is not null) h on true;
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

-- Both in one round trip: n small messages, bytes included.
create function deposit_inline_v3(
  p_account bigint, p_mailbox int, p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea,
  p_internal bigint[], p_flags int[], p_keywords text[], p_objects jsonb, p_now bigint,
  out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
begin
  perform content_insert_v2(p_account, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions, p_threads, p_exact,
                            p_complete, p_at, p_blob);
  select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
    from deposit_v2(p_account, p_mailbox, p_contents, p_sizes, p_internal, p_flags, p_keywords, null, p_objects, p_now) d;
end $$;

-- The same by the path of the mailbox, given by its levels: a whole APPEND in one statement, which commits by itself.
create function deposit_at_v3(
  p_account bigint, p_path text[], p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea,
  p_internal bigint[], p_flags int[], p_objects jsonb, p_now bigint,
  out mailbox_id int, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
declare
  v_name text;
begin
  mailbox_id := 0;
  foreach v_name in array p_path loop
    select m.mailbox_id into mailbox_id from mailbox m
     where m.account_id = p_account and m.parent_id = deposit_at_v3.mailbox_id and m.name = v_name;
    if not found then
      raise no_data_found;
    end if;
  end loop;
  select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
    from deposit_inline_v3(p_account, mailbox_id, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions,
                           p_threads, p_exact, p_complete, p_at, p_blob, p_internal, p_flags, null, p_objects, p_now) d;
end $$;

drop function deposit_at_v1, deposit_at_v2, deposit_inline_v1, deposit_inline_v2, content_insert_v1;

-- Where in a mailbox objects stand already: for each identifier (IMDN-Message-ID, else Contribution-ID) and digest the UID of
-- the message with the same octets, or null.
create function deposited_v1(p_account bigint, p_mailbox int, p_imdn text[], p_contribution text[], p_digests bytea[])
returns table (n int, uid int)
language sql stable as $$
  select t.n::int, f.uid
    from unnest(p_imdn, p_contribution, p_digests) with ordinality as t(imdn, contribution, digest, n)
         cross join lateral (
           select m.uid
             from (select h.content_id, h.thread_id from content_head h
                    where t.imdn <> '' and h.account_id = p_account and length(h.imdn_id) = length(t.imdn)
                      and hashtextextended(upper(h.imdn_id), 0) = hashtextextended(upper(t.imdn), 0) and h.imdn_id = t.imdn
                   union all
                   select h.content_id, h.thread_id from content_head h
                    where t.imdn = '' and h.account_id = p_account and length(h.contribution_id) = length(t.contribution)
                      and hashtextextended(upper(h.contribution_id), 0) = hashtextextended(upper(t.contribution), 0)
                      and h.contribution_id = t.contribution) h
                  join content c on c.account_id = p_account and c.content_id = h.content_id and c.state = 1
                                    and c.digest = t.digest
                  join lateral (
                    select i.uid from cpm_object o
                           join message i on i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = o.uid
                                             and i.content_id = o.content_id
                     where o.account_id = p_account and o.content_id = h.content_id and o.mailbox_id = p_mailbox
                    union all  -- moved away and back, or a copy: looked for only then
                    select i.uid from message i
                     where i.account_id = p_account and i.conversation_id = h.thread_id and i.content_id = h.content_id
                       and i.mailbox_id = p_mailbox
                       and not exists (select from cpm_object o
                                              join message w on w.account_id = p_account and w.mailbox_id = p_mailbox
                                                                and w.uid = o.uid and w.content_id = o.content_id
                                        where o.account_id = p_account and o.content_id = h.content_id
                                          and o.mailbox_id = p_mailbox)) m on true
            order by m.uid limit 1) f
$$;

-- The path of a mailbox.
create function mailbox_path_v1(p_account bigint, p_mailbox int) returns text
language sql stable as $$
  with recursive up as (
    select m.parent_id, m.name::text as path from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox
    union all
    select m.parent_id, m.name || '/' || u.path from up u join mailbox m on m.account_id = p_account and m.mailbox_id = u.parent_id)
  select u.path from up u where u.parent_id = 0
$$;

-- ---------------------------------------------------------------- changes

create or replace function flags_apply_v1(
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
  -- One command sets \Seen everywhere or takes it away everywhere.
  if p_unseen <> 0 and exists (select from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox and m.has_objects) then
    perform conversation_seen_v1(p_account, p_mailbox, p_uids, p_unseen < 0);
  end if;
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

create or replace function expunge_v1(p_account bigint, p_mailbox int, p_lo int[], p_hi int[], out highestmodseq int, out uids int[])
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
  perform message_remove_v1(p_account, p_mailbox, uids);

  update account a set used_bytes = a.used_bytes - v_bytes, used_messages = a.used_messages - v_deleted
   where a.account_id = p_account;
  select a.modseq into highestmodseq
    from mailbox_advance_v1(p_account, p_mailbox, 0, -v_deleted, -v_bytes, -v_unseen, -v_deleted, -v_bytes) a;
  perform expunged_add_v1(p_account, p_mailbox, highestmodseq, uids);
  perform content_refer_v1(p_account, v_contents, -1);
end $$;

create or replace function copy_v1(
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
  v_objects boolean;
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
         coalesce(sum(m.size) filter (where m.flags & 8 <> 0), 0), bool_or(m.keywords is not null),
         bool_or(m.conversation_id is not null)
    into uids, v_contents, v_count, v_bytes, v_unseen, v_deleted, v_deleted_bytes, v_keywords, v_objects
    from unnest(p_lo, p_hi) as r(lo, hi)
         cross join lateral (select i.uid, i.content_id, i.size, i.flags, i.keywords, i.conversation_id from message i
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

  insert into message (account_id, content_id, internal_date, save_date, mailbox_id, uid, modseq, size, flags, keywords,
      conversation_id, talk)
    select p_account, m.content_id, m.internal_date, to_timestamp(p_now), p_to,
           first_uid - 1 + (row_number() over (order by m.uid))::int, v_modseq, m.size, m.flags & p_mask,
           case when m.keywords is null or not p_keep_keywords then null
                when v_old is null then m.keywords
                else array(select t.new from unnest(m.keywords) as k(id)
                             join unnest(v_old, v_new) as t(old, new) on t.old = k.id order by t.new)
           end, m.conversation_id, m.talk
      from unnest(p_lo, p_hi) as r(lo, hi)
           cross join lateral (select * from message i
                                where i.account_id = p_account and i.mailbox_id = p_from and i.uid between r.lo and r.hi
                               offset 0) m;
  if v_objects then
    perform conversation_add_v1(p_account, p_to, first_uid, v_count);
  end if;
  if p_move then
    perform message_remove_v1(p_account, p_from, uids);
    perform expunged_add_v1(p_account, p_from, source_modseq, uids);
  else
    perform content_refer_v1(p_account, v_contents, 1);
  end if;
end $$;

create or replace function purge_v1(p_account bigint, p_contents bigint[], p_dead timestamptz, p_staged timestamptz) returns int
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
    delete from cpm_object c where c.account_id = p_account and c.content_id = v_id;
    delete from content_head c where c.account_id = p_account and c.content_id = v_id;
    v_gone := v_gone + 1;
  end loop;
  return v_gone;
end $$;

-- ---------------------------------------------------------------- anew

-- Facts of contents anew. p_heads: an array of objects with `content`, `thread` and the columns of content_head; p_objects: as
-- for cpm_objects_insert_v1, with the UID as number. The conversations are another step: conversation_rebuild_v1.
create function cpm_objects_renew_v1(p_account bigint, p_mailbox int, p_heads jsonb, p_objects jsonb) returns void
language plpgsql as $$
declare
  v_contents bigint[] := array(select (t.head ->> 'content')::bigint from jsonb_array_elements(p_heads) as t(head));
begin
  perform from account a where a.account_id = p_account for no key update;  -- nothing is purged meanwhile
  delete from cpm_object o where o.account_id = p_account and o.content_id = any (v_contents);
  update content_head h
     set thread_id = t.thread, direction = t.direction, ids_exact = t.exact, conversation_id = t.conversation_id,
         contribution_id = t.contribution_id, imdn_id = t.imdn_id, message_id = t.message_id
    from jsonb_to_recordset(p_heads) as t(content bigint, thread bigint, direction smallint, exact boolean, conversation_id text,
           contribution_id text, imdn_id text, message_id text)
   where h.account_id = p_account and h.content_id = t.content
     and (h.thread_id, h.direction, h.ids_exact, h.conversation_id, h.contribution_id, h.imdn_id, h.message_id)
         is distinct from (t.thread, t.direction, t.exact, t.conversation_id, t.contribution_id, t.imdn_id, t.message_id);
  perform cpm_objects_insert_v1(p_account, p_mailbox, 1, p_objects);
  delete from cpm_object o
   where o.account_id = p_account and o.content_id = any (v_contents)
     and not exists (select from content c where c.account_id = p_account and c.content_id = o.content_id);
end $$;

-- The conversations of an account from its messages and what their objects say. Everything that changes them waits meanwhile.
create function conversation_rebuild_v1(p_account bigint) returns bigint
language plpgsql as $$
declare
  v_mailbox record;
  v_changed bigint;
begin
  perform from account a where a.account_id = p_account for no key update;
  perform from mailbox m where m.account_id = p_account order by m.mailbox_id for no key update;
  -- What reports on or replies to a message that was found after it; a reply to a reply needs another round.
  for v_round in 1..3 loop
    update content_head h set thread_id = t.thread
      from (select o.content_id, thread_of_v1(p_account, o.reports_on, o.in_reply_to) as thread
              from cpm_object o
             where o.account_id = p_account and o.conversation is null
               and (o.reports_on is not null or o.in_reply_to is not null)) t
     where h.account_id = p_account and h.content_id = t.content_id and t.thread is not null
       and h.thread_id is distinct from t.thread;
    exit when not found;
  end loop;
  update message m set conversation_id = w.conversation_id, talk = w.talk
    from (select i.mailbox_id, i.uid, h.thread_id as conversation_id, case when h.thread_id is not null then o.talk end as talk
            from message i
                 left join cpm_object o on o.account_id = p_account and o.content_id = i.content_id
                 left join content_head h on h.account_id = p_account and h.content_id = i.content_id and o.talk is not null
           where i.account_id = p_account) w
   where m.account_id = p_account and m.mailbox_id = w.mailbox_id and m.uid = w.uid
     and (m.conversation_id, m.talk) is distinct from (w.conversation_id, w.talk);
  get diagnostics v_changed = row_count;
  delete from conversation c where c.account_id = p_account;
  for v_mailbox in
    select b.mailbox_id, b.uidnext from mailbox b
     where b.account_id = p_account and b.messages > 0 order by b.mailbox_id
  loop
    if exists (select from message m where m.account_id = p_account and m.mailbox_id = v_mailbox.mailbox_id
                  and m.conversation_id is not null) then
      perform conversation_add_v1(p_account, v_mailbox.mailbox_id, 1, v_mailbox.uidnext - 1);
    end if;
  end loop;
  return v_changed;
end $$;
