-- Rights and annotations of a deleted mailbox are kept beside its messages, and come back with them.

create table removed_acl (
  account_id bigint not null,
  grantee bigint not null,
  granted_at timestamptz not null,
  expires_at timestamptz,
  mailbox_id int not null,
  number int not null,
  rights int not null,
  kind smallint not null,
  negative boolean not null,
  grantor text collate "C" not null,
  reason text collate "C" not null,
  primary key (account_id, mailbox_id, number, kind, grantee, negative),
  foreign key (account_id, mailbox_id, number) references removal on delete cascade
);
comment on table removed_acl is 'Access control entries (as in acl) of a deleted mailbox that can be restored. They grant nothing here.';

create table removed_metadata (
  account_id bigint not null,
  owner_id bigint not null,
  mailbox_id int not null,
  number int not null,
  spelling text collate "C" not null,
  value bytea not null,
  primary key (account_id, mailbox_id, number, owner_id, spelling),
  foreign key (account_id, mailbox_id, number) references removal on delete cascade
);
comment on table removed_metadata is 'Annotations (RFC 5464) of a deleted mailbox that can be restored.';

-- Behind the wall of row-level security, as every table of an account.
do $$
begin
  if to_regproc('wall_raise_v1') is not null then
    perform wall_raise_v1('removed_acl');
    perform wall_raise_v1('removed_metadata');
  end if;
end $$;

-- mailbox_keep_v1, and what is not of its messages. A mailbox without messages leaves nothing to restore.
create function mailbox_keep_v2(p_account bigint, p_mailbox int, p_path text, p_by jsonb) returns void
language plpgsql as $$
declare
  v_number int;
begin
  perform mailbox_keep_v1(p_account, p_mailbox, p_path, p_by);
  select r.number into v_number from removal r
   where r.account_id = p_account and r.mailbox_id = p_mailbox and r.whole;
  if not found then
    return;
  end if;
  insert into removed_acl (account_id, grantee, granted_at, expires_at, mailbox_id, number, rights, kind, negative, grantor, reason)
    select p_account, a.grantee, a.granted_at, a.expires_at, p_mailbox, v_number, a.rights, a.kind, a.negative, a.grantor, a.reason
      from acl a where a.account_id = p_account and a.mailbox_id = p_mailbox;
  insert into removed_metadata (account_id, owner_id, mailbox_id, number, spelling, value)
    select p_account, m.owner_id, p_mailbox, v_number, m.spelling, m.value
      from metadata m where m.account_id = p_account and m.mailbox_id = p_mailbox and m.value is not null;
end $$;

-- Puts them to the mailbox that was made for the removal, in place of what it inherited, before its messages come back. Entries that have
-- expired stay away. p_octets: of the account's annotations. The account is locked.
create function mailbox_rights_back_v1(p_account bigint, p_mailbox int, p_number int, p_to int, p_octets bigint) returns void
language plpgsql as $$
declare
  v_bytes bigint;
  v_changed bigint;
begin
  delete from acl a where a.account_id = p_account and a.mailbox_id = p_to;
  insert into acl (account_id, grantee, granted_at, expires_at, mailbox_id, rights, kind, negative, grantor, reason)
    select p_account, r.grantee, r.granted_at, r.expires_at, p_to, r.rights, r.kind, r.negative, r.grantor, r.reason
      from removed_acl r
     where r.account_id = p_account and r.mailbox_id = p_mailbox and r.number = p_number
       and (r.expires_at is null or r.expires_at > clock_timestamp());
  -- What the owner left themself, as schema/acl.cpp notes it: 8191 all rights, 2 r that brings 2048 0 along, 1025 l and a.
  update mailbox b
     set owner_rights = (select nullif((l.given | case when l.given & 2 <> 0 then 2048 else 0 end) & ~l.taken | 1025, 8191)
           from (select coalesce(max(a.rights) filter (where not a.negative), 8191) as given,
                        coalesce(max(a.rights) filter (where a.negative), 0) as taken
                   from acl a
                  where a.account_id = p_account and a.mailbox_id = p_to and a.kind = 1 and a.grantee = p_account) l)
   where b.account_id = p_account and b.mailbox_id = p_to;

  select sum(octet_length(r.spelling) + octet_length(r.value)) into v_bytes from removed_metadata r
   where r.account_id = p_account and r.mailbox_id = p_mailbox and r.number = p_number;
  if v_bytes is null then
    return;
  end if;
  update account a set metadata_changes = a.metadata_changes + 1
   where a.account_id = p_account and a.used_annotations + v_bytes <= p_octets
   returning a.metadata_changes into v_changed;
  if not found then
    raise exception 'too many annotations' using errcode = 'CP002';
  end if;
  insert into metadata (account_id, mailbox_id, owner_id, entry, spelling, changed, value)
    select p_account, p_to, r.owner_id, lower(r.spelling), r.spelling, v_changed, r.value
      from removed_metadata r
     where r.account_id = p_account and r.mailbox_id = p_mailbox and r.number = p_number;
  perform annotation_charge_v1(p_account, p_to, v_bytes);
end $$;

-- ---------------------------------------------------------------- levels of quotas

-- What removes and adds in one transaction (REPLACE, RFC 8508) is told of quotas by what is left of both: no "there is room again"
-- and "full" for a message that takes the place of another one.

-- Brings the level of the account up to date, and tells when it is another. p_released: something was removed.
create or replace function account_level_v1(p_account bigint, p_released boolean) returns void
language plpgsql as $$
declare
  v record;
  v_level smallint;
begin
  if current_setting('cpmstore.quota_hold', true) = 'on' then
    return;
  end if;
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
create or replace function root_level_v1(p_account bigint, p_root int, p_released boolean) returns void
language plpgsql as $$
declare
  v record;
  v_level smallint;
begin
  if current_setting('cpmstore.quota_hold', true) = 'on' then
    return;
  end if;
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

-- From here on in this transaction no level is looked at, until quota_settle_v1.
create function quota_hold_v1() returns void
language sql volatile as $$
  select set_config('cpmstore.quota_hold', 'on', true)
$$;

-- Looks at the levels of an account, and of the roots of one of its mailboxes, after quota_hold_v1. Once for each account and mailbox
-- in which something changed meanwhile.
create function quota_settle_v1(p_account bigint, p_mailbox int) returns void
language plpgsql as $$
declare
  v_root int;
begin
  perform set_config('cpmstore.quota_hold', 'off', true);
  perform account_level_v1(p_account, false);
  for v_root in
    select unnest(m.quota_roots) from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox
  loop
    perform root_level_v1(p_account, v_root, false);
  end loop;
end $$;
