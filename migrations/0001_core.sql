-- The core of the store: directory, accounts, mailboxes, messages and their content.
--
-- account_id leads every key, so that the data can be distributed by account; only the directory, the services and the
-- installation row have keys of their own. No sequences, no triggers, no foreign keys between accounts. Text that is compared
-- or sorted has the collation "C": bytewise, and safe across library upgrades.

-- ---------------------------------------------------------------- the schema itself

create table schema_version (
  id smallint primary key default 1 check (id = 1),
  version int not null
);
comment on table schema_version is 'One row. Locked by whoever migrates; its number is the newest migration applied.';

create table schema_migration (
  number int primary key,
  file text not null,
  digest bytea not null,
  applied_at timestamptz not null default now()
);
comment on table schema_migration is 'The migrations that were applied, in order.';
comment on column schema_migration.digest is 'SHA-256 of the text that was executed: a released migration is never edited.';

create table installation (
  id smallint primary key default 1 check (id = 1),
  secret bytea not null,
  epoch int not null default 0,
  uidvalidity_floor int not null default 1
);
comment on table installation is 'One row: what is particular to this store.';
comment on column installation.secret is 'Random, fixed. Makes answers about unknown users look like those about known ones.';
comment on column installation.epoch is 'Raised by hand after a failover that may have lost commits; mailboxes with an older epoch skip numbers.';
comment on column installation.uidvalidity_floor is 'Above every UIDVALIDITY of deleted accounts: an address that comes back never sees an old one.';

-- ---------------------------------------------------------------- directory

create table address (
  address text collate "C" primary key,
  account_id bigint,
  position int not null default 0
);
create index address_account on address (account_id, position) where account_id is not null;
create index address_first on address (address) where position = 0 and account_id is not null;
comment on table address is 'Every name that can log in, canonical: sip:, tel:, user@host of accounts, and the names of services.';
comment on column address.account_id is 'Null: the name belongs to a service.';
comment on column address.position is '0 is the first address of the account, by which it is listed; aliases follow in the order they were added.';

create table service (
  name text collate "C" primary key,
  role smallint not null check (role in (1, 2)),
  created_at timestamptz not null default now(),
  salt bytea,
  iterations int,
  stored_key bytea,
  server_key bytea,
  check ((salt is null) = (stored_key is null) and (salt is null) = (server_key is null) and (salt is null) = (iterations is null))
);
comment on table service is 'Identities that act for users through an authorization identity; they have no store of their own.';
comment on column service.role is '1 deposit: stores and marks, never deletes; 2 full: all rights of the owner.';
comment on column service.salt is 'SCRAM-SHA-256 keys as in credential; null: cannot log in by password.';

create table service_pattern (
  name text collate "C" not null references service on delete cascade,
  pattern text collate "C" not null,
  primary key (name, pattern)
);
comment on table service_pattern is 'For whom a service may act: * and ? are wildcards over addresses.';

-- ---------------------------------------------------------------- accounts

create table account (
  account_id bigint primary key,
  used_bytes bigint not null default 0 check (used_bytes >= 0),
  used_messages bigint not null default 0 check (used_messages >= 0),
  limit_bytes bigint,
  limit_messages bigint,
  created_at timestamptz not null default now(),
  next_mailbox int not null default 1,
  next_uidvalidity int not null default 1,
  mailboxes int not null default 0 check (mailboxes >= 0),
  state smallint not null default 0
) with (fillfactor = 50);
comment on table account is 'One store. Its row is locked first by everything that adds or removes messages or mailboxes; half-filled pages keep the update of each deposit HOT.';
comment on column account.account_id is 'Random 63 bits, made by the server.';
comment on column account.used_bytes is 'Sum of message.size of the account, changed in the transaction that changes the messages.';
comment on column account.used_messages is 'Rows in message of the account.';
comment on column account.limit_bytes is 'Null: no limit. The same for limit_messages.';
comment on column account.next_mailbox is 'The next mailbox_id; never reused. INBOX is 1.';
comment on column account.next_uidvalidity is 'The least UIDVALIDITY that the next mailbox may get; never reused for any name.';
comment on column account.mailboxes is 'Rows in mailbox of the account.';
comment on column account.state is '0 in use, 1 disabled: nobody may log in or act for it, everything is kept.';

create table credential (
  account_id bigint primary key references account on delete cascade,
  salt bytea not null,
  iterations int not null check (iterations > 0),
  stored_key bytea not null,
  server_key bytea not null,
  changed_at timestamptz not null default now()
);
comment on table credential is 'SCRAM-SHA-256 keys (RFC 5802 3) instead of a password; apart from account so that its row stays small. No row: no log-in by password.';

create table subscription (
  account_id bigint not null references account on delete cascade,
  path text collate "C" not null,
  primary key (account_id, path)
);
comment on table subscription is 'Names, not mailboxes: they outlive what they name (RFC 9051 6.3.7).';

-- ---------------------------------------------------------------- mailboxes

create table mailbox (
  account_id bigint not null references account on delete cascade,
  bytes bigint not null default 0 check (bytes >= 0),
  deleted_bytes bigint not null default 0 check (deleted_bytes >= 0),
  mailbox_id int not null,
  parent_id int not null default 0,
  uidvalidity int not null,
  uidnext int not null default 1 check (uidnext > 0),
  highestmodseq int not null default 1 check (highestmodseq > 0),
  messages int not null default 0 check (messages >= 0),
  unseen int not null default 0 check (unseen >= 0),
  deleted int not null default 0 check (deleted >= 0),
  recent_from int not null default 1,
  epoch int not null default 0,
  next_keyword smallint not null default 1,
  special_use smallint not null default 0,
  name text collate "C" not null,
  primary key (account_id, mailbox_id),
  constraint mailbox_name unique (account_id, parent_id, name)
) with (fillfactor = 60);
create unique index mailbox_special_use on mailbox (account_id, special_use) where special_use <> 0;
comment on table mailbox is 'One level of a mailbox path with its counters. UIDs and MODSEQs are allocated by updating this row, so that order of allocation is order of commit.';
comment on column mailbox.highestmodseq is 'MODSEQ of the last append, flag change or expunge (RFC 7162); rises at no other time. Like all numbers on the wire below 2^31.';
comment on column mailbox.bytes is 'Sum of message.size.';
comment on column mailbox.deleted_bytes is 'Of those with \Deleted (RFC 9208 DELETED-STORAGE).';
comment on column mailbox.parent_id is '0: top level. A rename of a subtree touches one row.';
comment on column mailbox.uidnext is 'The UID that the next message gets.';
comment on column mailbox.recent_from is 'Messages with a UID not below it are \Recent for the next session that selects the mailbox (RFC 3501 2.3.2).';
comment on column mailbox.unseen is 'Messages without \Seen.';
comment on column mailbox.deleted is 'Messages with \Deleted.';
comment on column mailbox.epoch is 'The installation epoch when the mailbox was last locked; see installation.epoch.';
comment on column mailbox.special_use is 'schema::SpecialUse (RFC 6154); 0 none. One mailbox a use.';
comment on column mailbox.next_keyword is 'The next keyword_id; never reused while the mailbox lives.';
comment on column mailbox.name is 'Last component of the path, UTF-8.';

create table keyword (
  account_id bigint not null,
  mailbox_id int not null,
  keyword_id smallint not null check (keyword_id > 0),
  name text collate "C" not null,
  primary key (account_id, mailbox_id, keyword_id),
  foreign key (account_id, mailbox_id) references mailbox on delete cascade
);
create unique index keyword_name on keyword (account_id, mailbox_id, lower(name));
comment on table keyword is 'Keywords of a mailbox that have no bit in message.flags.';
comment on column keyword.name is 'As first spelled; compared without regard to case.';

-- ---------------------------------------------------------------- messages

create table message (
  account_id bigint not null,
  content_id bigint not null,
  internal_date timestamptz not null,
  save_date timestamptz not null,
  mailbox_id int not null,
  uid int not null check (uid > 0),
  modseq int not null,
  size int not null check (size >= 0),
  flags int not null default 0,
  keywords smallint[],
  primary key (account_id, mailbox_id, uid)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
create index message_modseq on message (account_id, (mailbox_id::bigint << 32 | modseq));
create index message_deleted on message (account_id, mailbox_id, uid) where flags & 8 <> 0;
comment on table message is 'A message in a mailbox: only what changes or is listed. Narrow on purpose; wide types first, so that nothing is padded. No foreign keys: the mailbox row is locked by whoever adds or removes a mailbox or a message, and a check per row would cost a third of a copy; the check of the store looks instead.';
comment on index message_modseq is 'Changes since a MODSEQ. Mailbox and MODSEQ are one number, so that this index never competes with the primary key for other statements: with the statistics of small mailboxes both look equally cheap, and in a large one the wrong one reads it all.';
comment on index message_deleted is 'EXPUNGE finds its messages without reading the mailbox. No other index: each flag change writes one entry into each; this one holds messages with \Deleted only.';
comment on column message.content_id is 'The bytes; shared by copies within the account.';
comment on column message.modseq is 'Of the last change to existence or flags (RFC 7162).';
comment on column message.save_date is 'When the message came into this mailbox (RFC 8514).';
comment on column message.size is 'RFC822.SIZE.';
comment on column message.flags is 'schema::FlagBit: system flags and well-known keywords, one bit each.';
comment on column message.keywords is 'keyword_id of all others, sorted; null when there are none.';

create table expunged (
  account_id bigint not null,
  mailbox_id int not null,
  modseq int not null,
  uid_lo int not null check (uid_lo > 0),
  uid_hi int not null check (uid_hi >= uid_lo),
  primary key (account_id, mailbox_id, modseq, uid_lo)
);
comment on table expunged is 'What was removed, exactly, as ranges; kept while the mailbox lives, so that QRESYNC (RFC 7162) never has to guess.';

-- ---------------------------------------------------------------- content

create table content (
  account_id bigint not null,
  content_id bigint not null,
  size bigint not null check (size >= 0),
  changed_at timestamptz not null default now(),
  refs int not null check (refs >= 0),
  state smallint not null check (state in (0, 1, 2)),
  digest bytea not null,
  primary key (account_id, content_id)
) with (fillfactor = 80);
create index content_purge on content (changed_at) where state <> 1;
comment on table content is 'The octets of a message: reference count and state. Never shared between accounts.';
comment on column content.content_id is 'Random 63 bits, made by the server.';
comment on column content.changed_at is 'When the state was entered: staged leftovers and unused rows are removed some time after it.';
comment on column content.refs is 'Rows in message with this content.';
comment on column content.state is '0 staged: no message yet; 1 live; 2 no message refers to it, to be purged.';
comment on column content.digest is 'SHA-256 of the octets; may be empty while staged.';

create table content_head (
  account_id bigint not null,
  content_id bigint not null,
  sent_at timestamptz,
  header_octets int not null,
  sent_date date,
  direction smallint not null default 0,
  envelope bytea not null,
  body bytea not null,
  body_structure bytea not null,
  part_map bytea not null,
  header bytea,
  header_text text collate "C" not null,
  conversation_id text collate "C",
  contribution_id text collate "C",
  imdn_id text collate "C",
  message_id text collate "C",
  primary key (account_id, content_id)
) with (toast_tuple_target = 4080);
create index content_head_message_id on content_head (account_id, message_id) where message_id is not null;
create index content_head_imdn on content_head (account_id, imdn_id) where imdn_id is not null;
create index content_head_conversation on content_head (account_id, conversation_id) where conversation_id is not null;
create index content_head_contribution on content_head (account_id, contribution_id) where contribution_id is not null;
comment on table content_head is 'What is derived from the octets, once, at deposit. Immutable.';
comment on column content_head.header_octets is 'Length of the header block with its blank line.';
comment on column content_head.sent_at is 'The Date field as a moment; null when there is none or it cannot be read.';
comment on column content_head.sent_date is 'The day as written in the Date field, its zone ignored (SENTON, SENTBEFORE, SENTSINCE).';
comment on column content_head.direction is 'CPM: 0 unknown, 1 sent, 2 received.';
comment on column content_head.envelope is 'Ready IMAP bytes; so are body and body_structure.';
comment on column content_head.part_map is 'Octet ranges of the parts: BODY[section]<partial> needs no parsing.';
comment on column content_head.header is 'Exact octets of the header block with its blank line; null when longer than 64 KiB: then read from the chunks.';
comment on column content_head.header_text is 'Normalised for searching (i;unicode-casemap), one line a field.';
comment on column content_head.imdn_id is 'CPM facts, null for mail; so are conversation_id and contribution_id. All bounded by the server: they are indexed.';

create table content_chunk (
  account_id bigint not null,
  content_id bigint not null,
  n int not null check (n >= 0),
  data bytea not null,
  primary key (account_id, content_id, n)
) with (toast_tuple_target = 4080);
comment on table content_chunk is 'The octets in pieces of 256 KiB, the last one shorter; a small message is one row, an empty one none.';

create table content_text (
  account_id bigint not null,
  content_id bigint not null,
  complete boolean not null,
  body_text text collate "C" not null,
  primary key (account_id, content_id)
);
comment on table content_text is 'Normalised text of the body for SEARCH TEXT and BODY.';
comment on column content_text.complete is 'False: cut at the limit; the octets must be read to be exact.';

-- lz4 where the server has it: cheaper than the default at both ends.
do $$
begin
  if exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)) then
    alter table content_head alter column envelope set compression lz4, alter column body set compression lz4,
      alter column body_structure set compression lz4, alter column part_map set compression lz4,
      alter column header set compression lz4, alter column header_text set compression lz4;
    alter table content_chunk alter column data set compression lz4;
    alter table content_text alter column body_text set compression lz4;
  end if;
end
$$;

insert into schema_version (version) values (0);
insert into installation (secret)
  values (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
