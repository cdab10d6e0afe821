-- Quotas (RFC 9208, MSS-38, 39, 41): four resources (STORAGE, MESSAGE, MAILBOX, ANNOTATION-STORAGE), of the whole account and of
-- subtrees of its mailboxes, each exact in the transaction that changes it (docs/decisions/0044-quota-roots.md).
--
-- Who changes what is stored calls one of these, with the account row locked before any mailbox:
--   account_charge_v1     messages and octets come or go; the first lock of everything that adds messages
--   mailbox_advance_v1    the same of one mailbox: charges the roots of subtrees that the mailbox belongs to
--   annotation_charge_v1  octets of annotations come or go, of a mailbox (its messages included) or of the server; annotation_move_v1: with
--                         messages that move
--   quota_place_v1        mailboxes were made or have other names
--   mailbox_release_v1    a mailbox is about to be deleted, with all that it holds
-- What adds may raise CP001; what takes away never does, however far above a limit the account is.

alter table account
  add column used_annotations bigint not null default 0 check (used_annotations >= 0),
  add column limit_mailboxes bigint,
  add column limit_annotations bigint,
  add column quota_roots int not null default 0,
  add column next_root int not null default 1,
  add column quota_warn smallint[],
  add column quota_level smallint not null default 0,
  add column quota_refused boolean not null default false;
comment on column account.used_annotations is 'Octets of annotations, names and values: of the server, mailboxes and messages.';
comment on column account.limit_mailboxes is 'Null: no limit. The same for limit_annotations (octets).';
comment on column account.quota_roots is 'Rows in quota_root of the account.';
comment on column account.next_root is 'The next root_id; never reused.';
comment on column account.quota_warn is 'Percents at which is warned; null: those of the installation; empty: none.';
comment on column account.quota_level is 'The greatest of quota_warn that the fullest resource has reached; 100: it is full; 0: below all.';
comment on column account.quota_refused is 'Something was refused for lack of room since anything was last removed: told once.';

alter table installation add column quota_warn smallint[] not null default '{80,95}';
comment on column installation.quota_warn is 'Percents of a limit at which accounts without levels of their own are warned, rising.';

alter table mailbox
  add column annotation_bytes bigint not null default 0 check (annotation_bytes >= 0),
  add column quota_roots int[];
comment on column mailbox.annotation_bytes is 'Octets of its annotations and of those of its messages, names and values.';
comment on column mailbox.quota_roots is 'The roots of subtrees that it belongs to, rising; null: none but that of the account.';

create table quota_root (
  account_id bigint not null references account on delete cascade,
  root_id int not null check (root_id > 0),
  path text collate "C" not null check (path <> ''),
  used_bytes bigint not null default 0 check (used_bytes >= 0),
  used_messages bigint not null default 0 check (used_messages >= 0),
  used_mailboxes bigint not null default 0 check (used_mailboxes >= 0),
  used_annotations bigint not null default 0 check (used_annotations >= 0),
  limit_bytes bigint,
  limit_messages bigint,
  limit_mailboxes bigint,
  limit_annotations bigint,
  quota_level smallint not null default 0,
  quota_refused boolean not null default false,
  primary key (account_id, root_id),
  unique (account_id, path)
) with (fillfactor = 50);
comment on table quota_root is 'Limits of a subtree of mailboxes, besides those of the account. Changed only while the account row is locked.';
comment on column quota_root.path is 'Mailboxes of this name and below it, whichever they are: it does not go with a mailbox that is renamed.';
comment on column quota_root.used_bytes is 'As in account, of these mailboxes; so are the other columns.';

update mailbox m set annotation_bytes = t.octets
  from (select account_id, mailbox_id, sum(octet_length(entry) + octet_length(value)) as octets from metadata
         where value is not null and mailbox_id <> 0 group by account_id, mailbox_id) t
 where m.account_id = t.account_id and m.mailbox_id = t.mailbox_id;
update account a set used_annotations = t.octets
  from (select account_id, sum(octet_length(entry) + octet_length(value)) as octets from metadata
         where value is not null group by account_id) t
 where a.account_id = t.account_id;

update mailbox m set annotation_bytes = m.annotation_bytes + t.octets
  from (select account_id, mailbox_id, sum(octet_length(entry) + octet_length(value)) as octets from message_annotation
         where value is not null group by account_id, mailbox_id) t
 where m.account_id = t.account_id and m.mailbox_id = t.mailbox_id;
update account a set used_annotations = a.used_annotations + a.annotation_octets where a.annotation_octets > 0;

-- ---------------------------------------------------------------- levels

-- How full the fullest of several resources is, as one of p_warn: 100 full, 0 below all of them. No limit: null.
create function quota_level_v1(p_used bigint[], p_limit bigint[], p_warn smallint[]) returns smallint
language sql immutable as $$
  select (case when f.full then 100 else coalesce((select max(w.level) from unnest(p_warn) as w(level) where w.level <= f.percent), 0) end)::smallint
    from (select coalesce(bool_or(t.used >= t.max), false) as full, max(t.used * 100.0 / nullif(t.max, 0)) as percent
            from unnest(p_used, p_limit) as t(used, max) where t.max is not null) f
$$;

-- Tells push of a level: event 7 a warning, 8 full or refused, 9 room again. p_path: of the root; empty: the account. `used` and
-- `limit` are those of the fullest resource, in octets or numbers.
create function quota_tell_v1(p_account bigint, p_path text, p_event int, p_level int, p_used bigint[], p_limit bigint[]) returns void
language sql as $$
  select outbox_add_v1(p_account, 0, 0, p_event,
           jsonb_strip_nulls(jsonb_build_object('root', p_path, 'level', p_level, 'resource', t.resource, 'used', t.used, 'limit', t.max)))
    from (select 1) one
         left join (select r.resource, u.used, u.max
            from unnest(p_used, p_limit) with ordinality as u(used, max, n)
                 join unnest(array['STORAGE', 'MESSAGE', 'MAILBOX', 'ANNOTATION-STORAGE']) with ordinality as r(resource, n)
                      on r.n = u.n
           where u.max is not null
           order by case when u.max = 0 then 1e9 else u.used::float8 / u.max end desc, u.n limit 1) t on true
$$;

-- Brings the level of the account up to date, and tells when it is another. p_released: something was removed.
create function account_level_v1(p_account bigint, p_released boolean) returns void
language plpgsql as $$
declare
  v record;
  v_level smallint;
begin
  select a.quota_level, a.quota_refused, coalesce(a.quota_warn, (select i.quota_warn from installation i)) as warn,
         array[a.used_bytes, a.used_messages, a.mailboxes, a.used_annotations] as used,
         array[a.limit_bytes, a.limit_messages, a.limit_mailboxes, a.limit_annotations] as max
    into v from account a where a.account_id = p_account;
  v_level := quota_level_v1(v.used, v.max, v.warn);
  if v_level = v.quota_level and not (p_released and v.quota_refused) then
    return;
  end if;
  update account a set quota_level = v_level, quota_refused = a.quota_refused and not p_released where a.account_id = p_account;
  if v_level > v.quota_level then
    raise notice 'quota level % of account % root 0', v_level, p_account;  -- read by the server (schema/quota_news.h)
  end if;
  perform quota_tell_v1(p_account, '', case when v_level <= v.quota_level then 9 when v_level = 100 then 8 else 7 end,
                        v_level, v.used, v.max);
end $$;

-- The same of the root of a subtree.
create function root_level_v1(p_account bigint, p_root int, p_released boolean) returns void
language plpgsql as $$
declare
  v record;
  v_level smallint;
begin
  select r.path, r.quota_level, r.quota_refused,
         coalesce(a.quota_warn, (select i.quota_warn from installation i)) as warn,
         array[r.used_bytes, r.used_messages, r.used_mailboxes, r.used_annotations] as used,
         array[r.limit_bytes, r.limit_messages, r.limit_mailboxes, r.limit_annotations] as max
    into v
    from quota_root r join account a on a.account_id = p_account
   where r.account_id = p_account and r.root_id = p_root;
  v_level := quota_level_v1(v.used, v.max, v.warn);
  if v_level = v.quota_level and not (p_released and v.quota_refused) then
    return;
  end if;
  update quota_root r set quota_level = v_level, quota_refused = r.quota_refused and not p_released
   where r.account_id = p_account and r.root_id = p_root;
  if v_level > v.quota_level then
    raise notice 'quota level % of account % root %', v_level, p_account, p_root;
  end if;
  perform quota_tell_v1(p_account, v.path, case when v_level <= v.quota_level then 9 when v_level = 100 then 8 else 7 end,
                        v_level, v.used, v.max);
end $$;

-- Notes that something was refused for lack of room, in a transaction of its own after it, and tells it once until something is
-- removed; root 0: by the account.
create function quota_refused_v1(p_account bigint, p_root int) returns void
language plpgsql as $$
declare
  v record;
begin
  if p_root = 0 then
    update account a set quota_refused = true where a.account_id = p_account and not a.quota_refused
      returning '' as path, a.quota_level, array[a.used_bytes, a.used_messages, a.mailboxes, a.used_annotations] as used,
                array[a.limit_bytes, a.limit_messages, a.limit_mailboxes, a.limit_annotations] as max
           into v;
  else
    perform from account a where a.account_id = p_account for no key update;
    update quota_root r set quota_refused = true
     where r.account_id = p_account and r.root_id = p_root and not r.quota_refused
      returning r.path, r.quota_level, array[r.used_bytes, r.used_messages, r.used_mailboxes, r.used_annotations] as used,
                array[r.limit_bytes, r.limit_messages, r.limit_mailboxes, r.limit_annotations] as max
           into v;
  end if;
  if found then
    perform quota_tell_v1(p_account, v.path, 8, v.quota_level, v.used, v.max);
  end if;
end $$;

-- ---------------------------------------------------------------- charges

-- Usage of roots of subtrees, each within its limits. REQUIRES: the account is locked.
create function root_charge_v1(p_account bigint, p_roots int[], p_mailboxes bigint, p_messages bigint, p_bytes bigint, p_annotations bigint)
returns void
language plpgsql as $$
declare
  v record;
begin
  for v in
    update quota_root r
       set used_mailboxes = r.used_mailboxes + p_mailboxes, used_messages = r.used_messages + p_messages,
           used_bytes = r.used_bytes + p_bytes, used_annotations = r.used_annotations + p_annotations
     where r.account_id = p_account and r.root_id = any (p_roots)
     returning r.root_id, r.used_bytes, r.used_messages, r.used_mailboxes, r.used_annotations,
               r.limit_bytes, r.limit_messages, r.limit_mailboxes, r.limit_annotations
  loop
    if p_bytes > 0 and v.used_bytes > v.limit_bytes or p_messages > 0 and v.used_messages > v.limit_messages
       or p_mailboxes > 0 and v.used_mailboxes > v.limit_mailboxes
       or p_annotations > 0 and v.used_annotations > v.limit_annotations then
      raise exception 'quota of account % root % is reached', p_account, v.root_id using errcode = 'CP001';
    end if;
    if coalesce(v.limit_bytes, v.limit_messages, v.limit_mailboxes, v.limit_annotations) is not null then
      perform root_level_v1(p_account, v.root_id, p_mailboxes < 0 or p_messages < 0 or p_bytes < 0 or p_annotations < 0);
    end if;
  end loop;
end $$;

-- What moves from one mailbox to another: off the roots that only the first belongs to, on those of the second alone.
create function root_shift_v1(p_account bigint, p_from int[], p_to int[], p_messages bigint, p_bytes bigint, p_annotations bigint)
returns void
language plpgsql as $$
begin
  if p_from is not distinct from p_to then
    return;
  end if;
  perform root_charge_v1(p_account, array(select unnest(p_from) except select unnest(p_to)), 0, -p_messages, -p_bytes, -p_annotations);
  perform root_charge_v1(p_account, array(select unnest(p_to) except select unnest(p_from)), 0, p_messages, p_bytes, p_annotations);
end $$;

create or replace function account_charge_v1(p_account bigint, p_messages bigint, p_bytes bigint) returns void
language plpgsql as $$
declare
  v_limited boolean;
begin
  update account a
     set used_bytes = a.used_bytes + p_bytes, used_messages = a.used_messages + p_messages
   where a.account_id = p_account
     and (p_bytes <= 0 or a.limit_bytes is null or a.used_bytes + p_bytes <= a.limit_bytes)
     and (p_messages <= 0 or a.limit_messages is null or a.used_messages + p_messages <= a.limit_messages)
   returning coalesce(a.limit_bytes, a.limit_messages) is not null into v_limited;
  if not found then
    if exists (select from account a where a.account_id = p_account) then
      raise exception 'quota of account % root 0 is reached', p_account using errcode = 'CP001';
    end if;
    raise no_data_found;
  end if;
  if v_limited then
    perform account_level_v1(p_account, p_messages < 0 or p_bytes < 0);
  end if;
end $$;

-- Octets of annotations, names and values: of the mailbox and its messages; mailbox 0: of the server.
create function annotation_charge_v1(p_account bigint, p_mailbox int, p_octets bigint) returns void
language plpgsql as $$
declare
  v_limited boolean;
  v_roots int[];
begin
  if p_octets = 0 then
    return;
  end if;
  update account a set used_annotations = a.used_annotations + p_octets
   where a.account_id = p_account
     and (p_octets < 0 or a.limit_annotations is null or a.used_annotations + p_octets <= a.limit_annotations)
   returning a.limit_annotations is not null into v_limited;
  if not found then
    if exists (select from account a where a.account_id = p_account) then
      raise exception 'quota of account % root 0 is reached', p_account using errcode = 'CP001';
    end if;
    raise no_data_found;
  end if;
  if p_mailbox <> 0 then
    update mailbox m set annotation_bytes = m.annotation_bytes + p_octets
     where m.account_id = p_account and m.mailbox_id = p_mailbox returning m.quota_roots into v_roots;
    if not found then
      raise no_data_found;
    end if;
    if v_roots is not null then
      perform root_charge_v1(p_account, v_roots, 0, 0, 0, p_octets);
    end if;
  end if;
  if v_limited then
    perform account_level_v1(p_account, p_octets < 0);
  end if;
end $$;

-- The same octets from one mailbox to another, with their messages. REQUIRES: the account is locked.
create function annotation_move_v1(p_account bigint, p_from int, p_to int, p_octets bigint) returns void
language plpgsql as $$
declare
  v_from int[];
  v_to int[];
begin
  if p_octets = 0 or p_from = p_to then
    return;
  end if;
  update mailbox m set annotation_bytes = m.annotation_bytes - p_octets
   where m.account_id = p_account and m.mailbox_id = p_from returning m.quota_roots into v_from;
  update mailbox m set annotation_bytes = m.annotation_bytes + p_octets
   where m.account_id = p_account and m.mailbox_id = p_to returning m.quota_roots into v_to;
  perform root_shift_v1(p_account, v_from, v_to, 0, 0, p_octets);
end $$;

-- One step of a mailbox, without roots: for what charges them itself. What mailbox_advance_v1 was before there were roots.
create function mailbox_step_v1(
  p_account bigint, p_mailbox int, p_uids int, p_messages int, p_bytes bigint, p_unseen int, p_deleted int,
  p_deleted_bytes bigint, out uidvalidity int, out first_uid int, out modseq int, out roots int[])
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
   returning m.uidvalidity, m.uidnext - p_uids, m.highestmodseq, m.epoch, (select i.epoch from installation i), m.quota_roots
        into uidvalidity, first_uid, modseq, v_epoch, v_current, roots;
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

-- One step of a mailbox. Messages that come or go are charged to the roots that it belongs to; those that go have been taken off
-- the account.
create or replace function mailbox_advance_v1(
  p_account bigint, p_mailbox int, p_uids int, p_messages int, p_bytes bigint, p_unseen int, p_deleted int,
  p_deleted_bytes bigint, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
declare
  v_roots int[];
begin
  select s.uidvalidity, s.first_uid, s.modseq, s.roots into uidvalidity, first_uid, modseq, v_roots
    from mailbox_step_v1(p_account, p_mailbox, p_uids, p_messages, p_bytes, p_unseen, p_deleted, p_deleted_bytes) s;
  if p_messages = 0 and p_bytes = 0 then
    return;
  end if;
  if v_roots is not null then
    perform root_charge_v1(p_account, v_roots, 0, p_messages, p_bytes, 0);
  end if;
  if p_messages < 0 then
    perform account_level_v1(p_account, true);
  end if;
end $$;

-- The roots that mailboxes belong to, by their names: called when they were made or renamed. What comes into a root must have room.
create function quota_place_v1(p_account bigint, p_mailboxes int[]) returns void
language plpgsql as $$
declare
  v record;
begin
  perform from mailbox m where m.account_id = p_account and m.mailbox_id = any (p_mailboxes) order by m.mailbox_id for no key update;
  for v in
    with place as (
      select m.mailbox_id, m.messages, m.bytes, m.annotation_bytes, coalesce(m.quota_roots, '{}') as old,
             array(select r.root_id from quota_root r
                    where r.account_id = p_account and (p.path = r.path or starts_with(p.path, r.path || '/'))
                    order by r.root_id) as new
        from mailbox m cross join lateral (select mailbox_path_v1(p_account, m.mailbox_id) as path) p
       where m.account_id = p_account and m.mailbox_id = any (p_mailboxes)
      offset 0),
    placed as (
      update mailbox m set quota_roots = nullif(p.new, '{}') from place p
       where m.account_id = p_account and m.mailbox_id = p.mailbox_id and p.new <> p.old)
    select t.root, sum(t.sign) as mailboxes, sum(t.sign * t.messages) as messages, sum(t.sign * t.bytes) as bytes,
           sum(t.sign * t.annotation_bytes) as annotations
      from (select unnest(p.new) as root, 1 as sign, p.messages, p.bytes, p.annotation_bytes from place p
            union all
            select unnest(p.old), -1, p.messages, p.bytes, p.annotation_bytes from place p) t
     group by t.root having sum(t.sign) <> 0 or sum(t.sign * t.messages) <> 0 or sum(t.sign * t.bytes) <> 0
     order by sum(t.sign), t.root
  loop
    perform root_charge_v1(p_account, array[v.root], v.mailboxes::bigint, v.messages::bigint, v.bytes::bigint, v.annotations::bigint);
  end loop;
end $$;

-- A mailbox with all that it holds is taken off the account and its roots: called before it is deleted, the account locked.
create function mailbox_release_v1(p_account bigint, p_mailbox int) returns void
language plpgsql as $$
declare
  v record;
begin
  select m.messages, m.bytes, m.annotation_bytes, m.quota_roots into v
    from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox for update;
  if not found then
    raise no_data_found;
  end if;
  update account a
     set used_messages = a.used_messages - v.messages, used_bytes = a.used_bytes - v.bytes,
         used_annotations = a.used_annotations - v.annotation_bytes, mailboxes = a.mailboxes - 1
   where a.account_id = p_account;
  if v.quota_roots is not null then
    perform root_charge_v1(p_account, v.quota_roots, -1, -v.messages, -v.bytes, -v.annotation_bytes);
  end if;
  perform account_level_v1(p_account, true);
end $$;

-- ---------------------------------------------------------------- roots of subtrees

-- The root of the mailboxes of this name and below; nothing when there is one already.
create function quota_root_add_v1(p_account bigint, p_path text) returns int
language plpgsql as $$
declare
  v_root int;
begin
  update account a set next_root = a.next_root + 1, quota_roots = a.quota_roots + 1
   where a.account_id = p_account and not exists (select from quota_root r where r.account_id = p_account and r.path = p_path)
   returning a.next_root - 1 into v_root;
  if v_root is not null then
    insert into quota_root (account_id, root_id, path) values (p_account, v_root, p_path);
    perform quota_place_v1(p_account, array(select m.mailbox_id from mailbox m where m.account_id = p_account));
  end if;
  return v_root;
end $$;

-- Removes a root; the mailboxes stay.
create function quota_root_remove_v1(p_account bigint, p_root int) returns void
language plpgsql as $$
begin
  perform from account a where a.account_id = p_account for no key update;
  perform from mailbox m where m.account_id = p_account and p_root = any (m.quota_roots) order by m.mailbox_id for no key update;
  update mailbox m set quota_roots = nullif(array_remove(m.quota_roots, p_root), '{}')
   where m.account_id = p_account and p_root = any (m.quota_roots);
  delete from quota_root r where r.account_id = p_account and r.root_id = p_root;
  if found then
    update account a set quota_roots = a.quota_roots - 1 where a.account_id = p_account;
  end if;
end $$;

-- ---------------------------------------------------------------- copy and move

-- As before; what moves within a root takes no room of it, and what moves within a mailbox changes no counter twice.
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
  v_from_roots int[];
  v_to_roots int[];
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

  if p_move then
    select a.uidvalidity, a.first_uid, a.modseq, a.roots into uidvalidity, first_uid, v_modseq, v_to_roots
      from mailbox_step_v1(p_account, p_to, v_count, v_count, v_bytes,
                           case when p_mask & 1 <> 0 then v_unseen else v_count end,
                           case when p_mask & 8 <> 0 then v_deleted else 0 end,
                           case when p_mask & 8 <> 0 then v_deleted_bytes else 0 end) a;
  else
    select a.uidvalidity, a.first_uid, a.modseq into uidvalidity, first_uid, v_modseq
      from mailbox_advance_v1(p_account, p_to, v_count, v_count, v_bytes,
                              case when p_mask & 1 <> 0 then v_unseen else v_count end,
                              case when p_mask & 8 <> 0 then v_deleted else 0 end,
                              case when p_mask & 8 <> 0 then v_deleted_bytes else 0 end) a;
  end if;
  if p_move and p_from <> p_to then
    select a.modseq, a.roots into source_modseq, v_from_roots
      from mailbox_step_v1(p_account, p_from, 0, -v_count, -v_bytes, -v_unseen, -v_deleted, -v_deleted_bytes) a;
    perform root_shift_v1(p_account, v_from_roots, v_to_roots, v_count, v_bytes, 0);
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

-- ---------------------------------------------------------------- annotations of messages

-- As in the migration that made them; their octets are charged to the account's quota and to the roots of their mailbox.
create or replace function annotations_put_v1(
  p_account bigint, p_mailbox int, p_uids int[], p_owners bigint[], p_entries text[], p_values bytea[], p_modseq int,
  p_most int, p_octets bigint, out modseq int, out changed int[])
language plpgsql as $$
declare
  v_octets bigint;
  v_grown int[];
  v_emptied int[];
  v_step record;
begin
  select array_agg(distinct t.uid order by t.uid), coalesce(sum(t.after - t.before), 0),
         array_agg(distinct t.uid) filter (where t.before = 0 and t.after > 0),
         array_agg(distinct t.uid) filter (where t.after = 0)
    into changed, v_octets, v_grown, v_emptied
    from (select u.uid, case when a.value is null then 0 else octet_length(a.entry) + octet_length(a.value) end as before,
                 case when e.value is null then 0 else octet_length(e.entry) + octet_length(e.value) end as after
            from unnest(p_uids) as u(uid)
                 cross join unnest(p_owners, p_entries, p_values) as e(owner, entry, value)
                 left join message_annotation a on a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid = u.uid
                                                   and a.owner_id = e.owner and a.entry = e.entry
           where a.value is distinct from e.value) t;
  if changed is null then
    return;
  end if;
  if v_octets <> 0 then
    update account a set annotation_octets = a.annotation_octets + v_octets
     where a.account_id = p_account and (v_octets < 0 or a.annotation_octets + v_octets <= p_octets);
    if not found then
      raise exception 'quota of account % root 0 is reached', p_account using errcode = 'CP001';
    end if;
    perform annotation_charge_v1(p_account, p_mailbox, v_octets);
  end if;
  modseq := p_modseq;
  if modseq is null then
    select m.modseq into modseq from mailbox_advance_v1(p_account, p_mailbox, 0, 0, 0, 0, 0, 0) m;
    for v_step in select * from uid_steps_v1(changed) loop
      update message m set modseq = annotations_put_v1.modseq
       where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between v_step.lo and v_step.hi
         and (v_step.pick is null or m.uid = any (v_step.pick));
    end loop;
  end if;
  insert into message_annotation as a (account_id, owner_id, mailbox_id, uid, modseq, entry, value)
    select p_account, e.owner, p_mailbox, u.uid, annotations_put_v1.modseq, e.entry, e.value
      from unnest(changed) as u(uid)
           cross join unnest(p_owners, p_entries, p_values) as e(owner, entry, value)
     where e.value is not null
        or exists (select from message_annotation o where o.account_id = p_account and o.mailbox_id = p_mailbox
                      and o.uid = u.uid and o.owner_id = e.owner and o.entry = e.entry)
  on conflict (account_id, mailbox_id, uid, owner_id, entry) do update
     set value = excluded.value, modseq = excluded.modseq
   where a.value is distinct from excluded.value;
  update mailbox m set has_annotations = true
   where m.account_id = p_account and m.mailbox_id = p_mailbox and not m.has_annotations;
  if v_grown is not null and exists (
       select from message_annotation a
        where a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid = any (v_grown) and a.owner_id = any (p_owners)
          and a.value is not null
        group by a.uid, a.owner_id having count(*) > p_most) then
    raise exception 'too many annotations' using errcode = 'CP004';
  end if;
  if v_emptied is not null then
    delete from message_annotation a
     using (select t.uid, t.owner_id, t.entry,
                   row_number() over (partition by t.uid, t.owner_id order by t.modseq desc, t.entry) as place
              from message_annotation t
             where t.account_id = p_account and t.mailbox_id = p_mailbox and t.uid = any (v_emptied)
               and t.owner_id = any (p_owners) and t.value is null) old
     where a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid = old.uid and a.owner_id = old.owner_id
       and a.entry = old.entry and old.place > 32;
  end if;
end $$;

create or replace function annotations_drop_v1(p_account bigint, p_mailbox int) returns void
language plpgsql as $$
declare
  v_octets bigint;
begin
  with gone as (
    delete from message_annotation a where a.account_id = p_account and a.mailbox_id = p_mailbox
    returning octet_length(a.entry) + octet_length(a.value) as octets)
  select sum(g.octets) into v_octets from gone g;
  if v_octets > 0 then
    update account a set annotation_octets = a.annotation_octets - v_octets where a.account_id = p_account;
    perform annotation_charge_v1(p_account, p_mailbox, -v_octets);
  end if;
end $$;

create or replace function message_delete_v1(p_account bigint, p_mailbox int, p_uids int[]) returns void
language plpgsql as $$
declare
  v_step record;
  v_annotated boolean;
  v_octets bigint;
  v_sum bigint := 0;
begin
  v_annotated := exists (select from mailbox m
                          where m.account_id = p_account and m.mailbox_id = p_mailbox and m.has_annotations);
  for v_step in select * from uid_steps_v1(p_uids) loop
    delete from message m
     where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between v_step.lo and v_step.hi
       and (v_step.pick is null or m.uid = any (v_step.pick));
    continue when not v_annotated;
    with gone as (
      delete from message_annotation a
       where a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid between v_step.lo and v_step.hi
         and (v_step.pick is null or a.uid = any (v_step.pick))
      returning octet_length(a.entry) + octet_length(a.value) as octets)
    select sum(g.octets) into v_octets from gone g;
    v_sum := v_sum + coalesce(v_octets, 0);
  end loop;
  if v_sum > 0 then
    update account a set annotation_octets = a.annotation_octets - v_sum where a.account_id = p_account;
    perform annotation_charge_v1(p_account, p_mailbox, -v_sum);
  end if;
end $$;

create or replace function copy_v2(
  p_account bigint, p_from int, p_to int, p_lo int[], p_hi int[], p_move boolean, p_mask int, p_keep_keywords boolean,
  p_now bigint, p_keyword_limit int, p_user bigint, p_private boolean, p_shared boolean, p_octets bigint,
  out uidvalidity int, out first_uid int, out source_modseq int, out uids int[])
language plpgsql as $$
declare
  v_annotated boolean;
  v_modseq int;
  v_octets bigint;
begin
  -- The locks of copy_v1, so that nobody annotates meanwhile.
  perform from account a where a.account_id = p_account for no key update;
  perform from mailbox m where m.account_id = p_account and m.mailbox_id = least(p_from, p_to) for no key update;
  perform from mailbox m where m.account_id = p_account and m.mailbox_id = greatest(p_from, p_to) for no key update;
  v_annotated := exists (select from mailbox m
                          where m.account_id = p_account and m.mailbox_id = p_from and m.has_annotations);
  if v_annotated and p_move then
    -- Out of the way of the removal.
    update message_annotation a set uid = -a.uid
      from unnest(p_lo, p_hi) as r(lo, hi)
     where a.account_id = p_account and a.mailbox_id = p_from and a.uid between r.lo and r.hi and a.value is not null
       and case when a.owner_id = 0 then p_shared else p_private and (p_user is null or a.owner_id = p_user) end;
  end if;
  select c.uidvalidity, c.first_uid, c.source_modseq, c.uids into uidvalidity, first_uid, source_modseq, uids
    from copy_v1(p_account, p_from, p_to, p_lo, p_hi, p_move, p_mask, p_keep_keywords, p_now, p_keyword_limit) c;
  if not v_annotated or uids is null then
    return;
  end if;
  select m.highestmodseq into v_modseq from mailbox m where m.account_id = p_account and m.mailbox_id = p_to;
  if p_move then
    with moved as (
      update message_annotation a set mailbox_id = p_to, uid = copy_v2.first_uid - 1 + t.n, modseq = v_modseq
        from unnest(uids) with ordinality as t(uid, n)
       where a.account_id = p_account and a.mailbox_id = p_from and a.uid = -t.uid
      returning octet_length(a.entry) + octet_length(a.value) as octets)
    select sum(m.octets) into v_octets from moved m;
    v_annotated := v_octets > 0;
    if v_annotated then
      perform annotation_move_v1(p_account, p_from, p_to, v_octets);
    end if;
  else
    with added as (
      insert into message_annotation (account_id, owner_id, mailbox_id, uid, modseq, entry, value)
        select p_account, a.owner_id, p_to, copy_v2.first_uid - 1 + t.n, v_modseq, a.entry, a.value
          from unnest(uids) with ordinality as t(uid, n)
               join message_annotation a on a.account_id = p_account and a.mailbox_id = p_from and a.uid = t.uid
         where a.value is not null
           and case when a.owner_id = 0 then p_shared else p_private and (p_user is null or a.owner_id = p_user) end
      returning octet_length(entry) + octet_length(value) as octets)
    select sum(d.octets) into v_octets from added d;
    v_annotated := v_octets > 0;
    if v_annotated then
      update account a set annotation_octets = a.annotation_octets + v_octets
       where a.account_id = p_account and a.annotation_octets + v_octets <= p_octets;
      if not found then
        raise exception 'quota of account % root 0 is reached', p_account using errcode = 'CP001';
      end if;
      perform annotation_charge_v1(p_account, p_to, v_octets);
    end if;
  end if;
  if v_annotated then
    update mailbox m set has_annotations = true
     where m.account_id = p_account and m.mailbox_id = p_to and not m.has_annotations;
  end if;
end $$;

-- ---------------------------------------------------------------- deposits of several sessions in one transaction

-- Locks what several deposits of one transaction will lock, in the order of all others: the account, mailboxes by rising id. Paths
-- of mailboxes that do not exist are for the deposits to find out.
create function deposit_group_lock_v1(p_account bigint, p_paths text[]) returns void
language plpgsql as $$
declare
  v_ids int[] := '{}';
  v_path text;
  v_name text;
  v_id int;
begin
  perform from account a where a.account_id = p_account for no key update;
  foreach v_path in array p_paths loop
    v_id := 0;
    foreach v_name in array string_to_array(v_path, '/') loop
      select m.mailbox_id into v_id from mailbox m where m.account_id = p_account and m.parent_id = v_id and m.name = v_name;
      exit when not found;
    end loop;
    v_ids := v_ids || v_id;
  end loop;
  perform from mailbox m where m.account_id = p_account and m.mailbox_id = any (v_ids) order by m.mailbox_id for no key update;
end $$;
