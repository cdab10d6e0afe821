-- Access control lists (RFC 4314): who else may do what in a mailbox, until when, by whose word; groups of accounts; names
-- under which accounts are shared; who has been given something; what of a message's flags each reader has for themself.
--
-- Entries and data are read with the account_id of the owner of the mailbox, what concerns the reader (groups, choices,
-- hints) with that of the reader: no statement names two accounts.

alter table mailbox add column owner_rights int;
comment on column mailbox.owner_rights is 'What the owner may do, schema::Right; null: everything, nearly always. Kept equal to the entries of the owner in acl, so that reading the mailbox row is all that a look of the owner takes.';

create table acl (
  account_id bigint not null,
  grantee bigint not null,
  granted_at timestamptz not null default now(),
  expires_at timestamptz,
  mailbox_id int not null,
  rights int not null,
  kind smallint not null check (kind in (0, 1, 2)),
  negative boolean not null,
  grantor text collate "C" not null,
  reason text collate "C" not null default '',
  primary key (account_id, mailbox_id, kind, grantee, negative),
  foreign key (account_id, mailbox_id) references mailbox on delete cascade,
  check ((kind = 0) = (grantee = 0))
);
create index acl_grantee on acl (account_id, kind, grantee);
create index acl_expiry on acl (expires_at) where expires_at is not null;
comment on table acl is 'Entries of access control lists (RFC 4314): rights of an identifier in a mailbox.';
comment on column acl.account_id is 'The owner of the mailbox.';
comment on column acl.grantee is 'An account (kind 1), a group (kind 2), 0 for anyone (kind 0).';
comment on column acl.rights is 'schema::Right.';
comment on column acl.negative is 'True: these rights are taken away, whatever else grants them (RFC 4314 2).';
comment on column acl.grantor is 'Who made or last changed it: the name that logged in, or cpmctl.';
comment on column acl.granted_at is 'When it was made or last changed.';
comment on column acl.expires_at is 'From this moment on the entry counts for nothing, whether or not it is still there. Null: never.';
comment on column acl.reason is 'Free text of the grantor.';
comment on index acl_grantee is 'Whether an account still shares anything with somebody, and what.';
comment on index acl_expiry is 'What the upkeep is to remove.';

create table acl_pace (
  account_id bigint primary key references account on delete cascade,
  since timestamptz not null,
  made int not null
);
comment on table acl_pace is 'How many new entries an account has made since when: sharing is limited by the hour.';

create table acl_group (
  group_id bigint primary key,
  name text collate "C" not null unique,
  created_at timestamptz not null default now()
);
comment on table acl_group is 'Groups of accounts, made by administrators; group:NAME as an identifier.';
comment on column acl_group.group_id is 'Random 63 bits: a group that is made again under its old name is given nothing of what the old one had.';

create table acl_member (
  account_id bigint not null references account on delete cascade,
  group_id bigint not null,
  primary key (account_id, group_id)
);
create index acl_member_group on acl_member (group_id, account_id);
comment on table acl_member is 'The groups of an account.';

create table shared_to (
  account_id bigint not null,
  owner bigint not null,
  kind smallint not null check (kind in (0, 1, 2)),
  primary key (account_id, kind, owner)
);
create index shared_to_owner on shared_to (owner);
comment on table shared_to is 'Hints for LIST: some mailbox of the owner has an entry for this grantee. What it grants stands in acl.';
comment on column shared_to.account_id is 'The grantee: an account, a group, or 0 for anyone, as in acl.';

create table shared_choice (
  account_id bigint not null references account on delete cascade,
  owner bigint not null,
  changed_at timestamptz not null default now(),
  mailbox_id int not null default 0,
  state smallint not null check (state in (1, 2)),
  primary key (account_id, owner, mailbox_id)
);
comment on table shared_choice is 'What a reader decided about shares; no row: shown.';
comment on column shared_choice.mailbox_id is '0: everything of that owner.';
comment on column shared_choice.state is '1 hidden: LIST does not show it, all else works. 2 refused: for this reader it does not exist.';

create table shared_name (
  name text collate "C" primary key,
  account_id bigint not null unique references account on delete cascade
);
comment on table shared_name is 'Accounts whose mailboxes stand under Shared/NAME for others, instead of under Other Users/ADDRESS.';

create table reader_flags (
  account_id bigint not null,
  reader bigint not null,
  mailbox_id int not null,
  uid int not null,
  modseq int not null,
  flags int not null,
  primary key (account_id, mailbox_id, reader, uid),
  foreign key (account_id, mailbox_id) references mailbox on delete cascade
);
comment on table reader_flags is 'Flags that each reader of a shared mailbox has for themself: \Seen and \read-report-sent. The owner has theirs in the message row.';
comment on column reader_flags.account_id is 'The owner of the mailbox.';
comment on column reader_flags.modseq is 'Of the last change for this reader; the MODSEQ of the message for the reader is the greater one.';
comment on column reader_flags.flags is 'schema::FlagBit; what is missing in the table is not set.';

-- Names that now lead to others keep leading somewhere: mailboxes that were called so before.
update mailbox set name = name || ' (own)' where parent_id = 0 and name in ('Other Users', 'Shared');

-- As before, and with what the owner took from themself: without `i` nothing is stored, without `s`, `t`, `w` flags are dropped
-- (RFC 4314 4). Bits: 4 s, 8 w, 16 i, 256 t of schema::Right; 1 \Seen, 8 \Deleted of schema::FlagBit.
create or replace function deposit_at_v3(
  p_account bigint, p_path text[], p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea,
  p_internal bigint[], p_flags int[], p_objects jsonb, p_now bigint,
  out mailbox_id int, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
declare
  v_name text;
  v_rights int;
  v_flags int[] := p_flags;
begin
  mailbox_id := 0;
  foreach v_name in array p_path loop
    select m.mailbox_id, m.owner_rights into mailbox_id, v_rights from mailbox m
     where m.account_id = p_account and m.parent_id = deposit_at_v3.mailbox_id and m.name = v_name;
    if not found then
      raise no_data_found;
    end if;
  end loop;
  if v_rights is not null then
    if v_rights & 16 = 0 then
      raise exception using errcode = 'CP005', message = 'no right to store in this mailbox';
    end if;
    v_flags := array(select f & (case when v_rights & 8 <> 0 then ~9 else 0 end | case when v_rights & 4 <> 0 then 1 else 0 end
                                 | case when v_rights & 256 <> 0 then 8 else 0 end)
                       from unnest(p_flags) with ordinality as t(f, n) order by n);
  end if;
  select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
    from deposit_inline_v3(p_account, mailbox_id, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions,
                           p_threads, p_exact, p_complete, p_at, p_blob, p_internal, v_flags, null, p_objects, p_now) d;
end $$;
