-- What was expunged or deleted with its mailbox stays for a while and can be restored (docs/decisions/0041-undelete.md). It is
-- no part of any mailbox: not counted, not listed, not searched; only its content is kept by a reference.

create table removal (
  account_id bigint not null references account on delete cascade,
  removed_at timestamptz not null,
  session_id bigint not null default 0,
  bytes bigint not null check (bytes >= 0),
  mailbox_id int not null,
  number int not null,
  messages int not null check (messages > 0),
  whole boolean not null default false,
  path text collate "C" not null,
  primary key (account_id, mailbox_id, number)
);
create index removal_removed on removal (removed_at);
comment on table removal is 'A command that removed messages of a mailbox, as long as some of them can be restored.';
comment on column removal.session_id is 'audit_session.session_id of who did it; 0: not recorded.';
comment on column removal.bytes is 'Sum of removed_message.size; messages is the number of rows.';
comment on column removal.number is 'One above the HIGHESTMODSEQ that the mailbox had: rises with time.';
comment on column removal.whole is 'The mailbox was deleted with them.';
comment on column removal.path is 'Of the mailbox then.';

create table removed_message (
  account_id bigint not null,
  content_id bigint not null,
  internal_date timestamptz not null,
  mailbox_id int not null,
  number int not null,
  uid int not null,
  size int not null,
  flags int not null,
  keywords smallint[],
  primary key (account_id, mailbox_id, number, uid)
);
comment on table removed_message is 'A message that can be restored. Its content is referred to as by a row of message. No foreign keys, as with message.';
comment on column removed_message.flags is 'As it had them, without \Deleted.';
comment on column removed_message.keywords is 'Numbers of the mailbox; names in keyword, or in removed_keyword when the mailbox is gone.';

create table removed_keyword (
  account_id bigint not null references account on delete cascade,
  mailbox_id int not null,
  keyword_id smallint not null,
  name text collate "C" not null,
  primary key (account_id, mailbox_id, keyword_id)
);
comment on table removed_keyword is 'Keywords of a deleted mailbox of which messages can be restored.';

create table removed_annotation (
  account_id bigint not null references account on delete cascade,
  owner_id bigint not null,
  mailbox_id int not null,
  number int not null,
  uid int not null,
  entry text collate "C" not null,
  value bytea not null,
  primary key (account_id, mailbox_id, number, uid, owner_id, entry)
);
comment on table removed_annotation is 'Annotations (RFC 5257) of messages that can be restored.';

-- Keeps the messages of the ranges that have one of the flags p_flags (0: all of them), before they are removed. Their contents
-- are not given back then: the reference is now that of removed_message. The account and the mailbox are locked. Returns how many.
create function removal_keep_v1(p_account bigint, p_mailbox int, p_path text, p_lo int[], p_hi int[], p_flags int, p_by jsonb)
returns int
language plpgsql as $$
declare
  v_number int;
  v_annotated boolean;
  v_contents bigint[];
  v_bytes bigint;
begin
  select m.highestmodseq + 1, m.has_annotations into v_number, v_annotated
    from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox;
  with kept as (
    insert into removed_message (account_id, content_id, internal_date, mailbox_id, number, uid, size, flags, keywords)
      select p_account, m.content_id, m.internal_date, p_mailbox, v_number, m.uid, m.size, m.flags & ~8, m.keywords
        from unnest(p_lo, p_hi) as r(lo, hi)
             cross join lateral (select * from message i
                                  where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid between r.lo and r.hi
                                    and (p_flags = 0 or i.flags & p_flags <> 0)
                                 offset 0) m
    returning content_id, size)
  select array_agg(k.content_id), sum(k.size) into v_contents, v_bytes from kept k;
  if v_contents is null then
    return 0;
  end if;
  if v_annotated then
    insert into removed_annotation (account_id, owner_id, mailbox_id, number, uid, entry, value)
      select p_account, a.owner_id, p_mailbox, v_number, a.uid, a.entry, a.value
        from removed_message r
             cross join lateral (select * from message_annotation i
                                  where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = r.uid
                                    and i.value is not null
                                 offset 0) a
       where r.account_id = p_account and r.mailbox_id = p_mailbox and r.number = v_number;
  end if;
  insert into removal (account_id, removed_at, session_id, bytes, mailbox_id, number, messages, whole, path)
    values (p_account, clock_timestamp(), coalesce((p_by ->> 's')::bigint, 0), v_bytes, p_mailbox, v_number,
            cardinality(v_contents), p_flags = 0, p_path);
  return cardinality(v_contents);
end $$;

-- The same of a whole mailbox that is about to be deleted; the names of its keywords too.
create function mailbox_keep_v1(p_account bigint, p_mailbox int, p_path text, p_by jsonb) returns void
language plpgsql as $$
begin
  perform removal_keep_v1(p_account, p_mailbox, p_path, '{1}', '{2147483647}', 0, p_by);
  insert into removed_keyword (account_id, mailbox_id, keyword_id, name)
    select p_account, p_mailbox, k.keyword_id, k.name from keyword k
     where k.account_id = p_account and k.mailbox_id = p_mailbox
       and exists (select from removal r where r.account_id = p_account and r.mailbox_id = p_mailbox);
end $$;

-- recorded_expunge_v1, and p_keep: what is removed can be restored. Then everything is as in expunge_v1 but for the contents.
create function recorded_expunge_v2(p_account bigint, p_mailbox int, p_lo int[], p_hi int[], p_path text, p_by jsonb, p_keep boolean,
  out highestmodseq int, out uids int[])
language plpgsql as $$
declare
  v_bytes bigint;
  v_unseen int;
  v_deleted int;
begin
  select m.deleted into v_deleted from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox;
  if not p_keep or v_deleted is null or v_deleted = 0 then
    select e.highestmodseq, e.uids into highestmodseq, uids
      from recorded_expunge_v1(p_account, p_mailbox, p_lo, p_hi, p_path, p_by) e;
    return;
  end if;
  perform from account a where a.account_id = p_account for no key update;
  select m.highestmodseq into highestmodseq from mailbox m
   where m.account_id = p_account and m.mailbox_id = p_mailbox for no key update;
  if not found then
    raise no_data_found;
  end if;
  select array_agg(m.uid order by m.uid), sum(m.size), count(*) filter (where m.flags & 1 = 0)
    into uids, v_bytes, v_unseen
    from unnest(p_lo, p_hi) as r(lo, hi)
         cross join lateral (select i.uid, i.size, i.flags from message i
                              where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid between r.lo and r.hi
                                and i.flags & 8 <> 0
                             offset 0) m;
  if uids is null then
    return;
  end if;
  v_deleted := cardinality(uids);
  perform removal_keep_v1(p_account, p_mailbox, p_path, p_lo, p_hi, 8, p_by);
  perform message_remove_v1(p_account, p_mailbox, uids);
  update account a set used_bytes = a.used_bytes - v_bytes, used_messages = a.used_messages - v_deleted
   where a.account_id = p_account;
  select a.modseq into highestmodseq
    from mailbox_advance_v1(p_account, p_mailbox, 0, -v_deleted, -v_bytes, -v_unseen, -v_deleted, -v_bytes) a;
  perform expunged_add_v1(p_account, p_mailbox, highestmodseq, uids);
  perform message_gone_v1(p_account, p_by, 15, p_mailbox, p_path, highestmodseq, uids, v_bytes, null);
end $$;

-- Puts messages of one removal (of p_uids; null: all) into a mailbox, with their flags, keywords, dates and annotations, within
-- the account's limits. `uids` are those that there were, rising; null: none. p_most: annotations of a message; p_octets: of the account.
create function recorded_restore_v1(
  p_account bigint, p_mailbox int, p_number int, p_uids int[], p_to int, p_to_path text, p_now bigint, p_keyword_limit int,
  p_most int, p_octets bigint, p_by jsonb,
  out uidvalidity int, out first_uid int, out modseq int, out uids int[])
language plpgsql as $$
declare
  v_removal removal;
  v_contents bigint[];
  v_bytes bigint;
  v_unseen int;
  v_used smallint[];
  v_missing text[];
  v_names text[];
  v_old smallint[];
  v_new smallint[];
  v_first int;
  v_objects boolean;
  v_row record;
begin
  perform from account a where a.account_id = p_account for no key update;
  select r.* into v_removal from removal r
   where r.account_id = p_account and r.mailbox_id = p_mailbox and r.number = p_number for update;
  if not found then
    return;
  end if;
  select array_agg(m.uid order by m.uid), array_agg(m.content_id order by m.uid), sum(m.size),
         count(*) filter (where m.flags & 1 = 0)
    into uids, v_contents, v_bytes, v_unseen
    from removed_message m
   where m.account_id = p_account and m.mailbox_id = p_mailbox and m.number = p_number
     and (p_uids is null or m.uid = any (p_uids));
  if uids is null then
    return;
  end if;
  perform account_charge_v1(p_account, cardinality(uids), v_bytes);
  select * into uidvalidity, first_uid, modseq
    from mailbox_advance_v1(p_account, p_to, cardinality(uids), cardinality(uids), v_bytes, v_unseen, 0, 0);

  v_used := array(select distinct k.id from removed_message m cross join lateral unnest(m.keywords) as k(id)
                   where m.account_id = p_account and m.mailbox_id = p_mailbox and m.number = p_number and m.keywords is not null
                     and (p_uids is null or m.uid = any (p_uids)));
  if cardinality(v_used) > 0 then
    select array_agg(s.keyword_id order by s.keyword_id), array_agg(s.name order by s.keyword_id) into v_old, v_names
      from (select k.keyword_id, k.name from keyword k
             where k.account_id = p_account and k.mailbox_id = p_mailbox and k.keyword_id = any (v_used)
            union
            select k.keyword_id, k.name from removed_keyword k
             where k.account_id = p_account and k.mailbox_id = p_mailbox and k.keyword_id = any (v_used)) s;
    v_missing := array(select n.name from unnest(v_names) as n(name)
                        where not exists (select from keyword t where t.account_id = p_account and t.mailbox_id = p_to
                                             and lower(t.name) = lower(n.name)));
    if cardinality(v_missing) > 0 then
      if cardinality(v_missing) + (select count(*) from keyword t where t.account_id = p_account and t.mailbox_id = p_to)
         > p_keyword_limit then
        raise exception 'too many keywords' using errcode = 'CP002';
      end if;
      update mailbox m set next_keyword = m.next_keyword + cardinality(v_missing)
       where m.account_id = p_account and m.mailbox_id = p_to
       returning m.next_keyword - cardinality(v_missing) into v_first;
      insert into keyword (account_id, mailbox_id, keyword_id, name)
        select p_account, p_to, v_first + t.n - 1, t.name from unnest(v_missing) with ordinality as t(name, n);
    end if;
    select array_agg(t.keyword_id order by o.n) into v_new
      from unnest(v_names) with ordinality as o(name, n)
           join keyword t on t.account_id = p_account and t.mailbox_id = p_to and lower(t.name) = lower(o.name);
  end if;

  insert into message (account_id, content_id, internal_date, save_date, mailbox_id, uid, modseq, size, flags, keywords,
      conversation_id, talk)
    select p_account, m.content_id, m.internal_date, to_timestamp(p_now), p_to,
           first_uid - 1 + (row_number() over (order by m.uid))::int, recorded_restore_v1.modseq, m.size, m.flags,
           case when m.keywords is not null and v_new is not null then
             nullif(array(select t.new from unnest(m.keywords) as k(id) join unnest(v_old, v_new) as t(old, new) on t.old = k.id
                           order by t.new), '{}') end,
           h.thread_id, case when h.thread_id is not null then o.talk end
      from removed_message m
           left join cpm_object o on o.account_id = p_account and o.content_id = m.content_id
           left join content_head h on h.account_id = p_account and h.content_id = m.content_id and o.content_id is not null
     where m.account_id = p_account and m.mailbox_id = p_mailbox and m.number = p_number
       and (p_uids is null or m.uid = any (p_uids));
  v_objects := exists (select from message m
                        where m.account_id = p_account and m.mailbox_id = p_to and m.uid >= first_uid and m.conversation_id is not null);
  if v_objects then
    perform conversation_add_v1(p_account, p_to, first_uid, cardinality(uids));
  end if;
  for v_row in
    select t.n::int as n, array_agg(a.owner_id) as owners, array_agg(a.entry) as entries, array_agg(a.value) as values
      from unnest(uids) with ordinality as t(uid, n)
           join removed_annotation a on a.account_id = p_account and a.mailbox_id = p_mailbox and a.number = p_number and a.uid = t.uid
     group by t.n
  loop
    perform annotations_put_v1(p_account, p_to, array[first_uid - 1 + v_row.n], v_row.owners, v_row.entries, v_row.values,
                               recorded_restore_v1.modseq, p_most, p_octets);
  end loop;

  perform removal_forget_v1(p_account, p_mailbox, p_number, uids, cardinality(uids), v_bytes);
  perform message_new_v1(p_account, p_by, 17, p_to, p_to_path, uidvalidity, first_uid, modseq, v_contents, v_bytes,
                         jsonb_build_object('from', v_removal.path, 'from_id', p_mailbox, 'from_uids', uids_text_v1(uids)));
end $$;

-- Takes messages off a removal, without a look at their contents. The account is locked.
create function removal_forget_v1(p_account bigint, p_mailbox int, p_number int, p_uids int[], p_messages int, p_bytes bigint)
returns void
language plpgsql as $$
begin
  delete from removed_message m
   where m.account_id = p_account and m.mailbox_id = p_mailbox and m.number = p_number and m.uid = any (p_uids);
  delete from removed_annotation a
   where a.account_id = p_account and a.mailbox_id = p_mailbox and a.number = p_number and a.uid = any (p_uids);
  delete from removal r
   where r.account_id = p_account and r.mailbox_id = p_mailbox and r.number = p_number and r.messages = p_messages;
  if not found then
    update removal r set messages = r.messages - p_messages, bytes = r.bytes - p_bytes
     where r.account_id = p_account and r.mailbox_id = p_mailbox and r.number = p_number;
  else
    delete from removed_keyword k
     where k.account_id = p_account and k.mailbox_id = p_mailbox
       and not exists (select from removal r where r.account_id = p_account and r.mailbox_id = p_mailbox);
  end if;
end $$;

-- Ends the time of messages that were removed before p_before: at most p_limit of them. Returns how many.
create function removal_expire_v1(p_account bigint, p_before timestamptz, p_limit int) returns int
language plpgsql as $$
declare
  v_removal record;
  v_uids int[];
  v_contents bigint[];
  v_bytes bigint;
  v_gone int := 0;
begin
  perform from account a where a.account_id = p_account for no key update;
  for v_removal in
    select r.mailbox_id, r.number from removal r
     where r.account_id = p_account and r.removed_at < p_before order by r.removed_at limit p_limit
  loop
    select array_agg(t.uid), array_agg(t.content_id), sum(t.size) into v_uids, v_contents, v_bytes
      from (select m.uid, m.content_id, m.size from removed_message m
             where m.account_id = p_account and m.mailbox_id = v_removal.mailbox_id and m.number = v_removal.number
             order by m.uid limit p_limit - v_gone) t;
    exit when v_uids is null;
    perform removal_forget_v1(p_account, v_removal.mailbox_id, v_removal.number, v_uids, cardinality(v_uids), v_bytes);
    perform content_refer_v1(p_account, v_contents, -1);
    v_gone := v_gone + cardinality(v_uids);
    exit when v_gone >= p_limit;
  end loop;
  return v_gone;
end $$;
