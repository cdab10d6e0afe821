-- Annotations (RFC 5464): of a mailbox, or of the server as one account sees it.
--
-- The owner of a value leads its name, so that private values of several users may stand at one mailbox. What is removed
-- stays for a while without a value: sessions that asked for news hear of it.

alter table account add column metadata_changes bigint not null default 0;
comment on column account.metadata_changes is 'Number of the last change to metadata; counting it locks the account, so that order of numbers is order of commit.';

create table metadata (
  account_id bigint not null references account on delete cascade,
  mailbox_id int not null check (mailbox_id >= 0),
  in_mailbox int generated always as (nullif(mailbox_id, 0)) stored,
  owner_id bigint not null,
  entry text collate "C" not null,
  spelling text collate "C" not null,
  changed bigint not null check (changed > 0),
  value bytea,
  primary key (account_id, mailbox_id, owner_id, entry),
  foreign key (account_id, in_mailbox) references mailbox on delete cascade,
  check (entry = lower(spelling) and (owner_id = 0) = starts_with(entry, '/shared/') and (owner_id <> 0) = starts_with(entry, '/private/'))
);
create index metadata_changed on metadata (account_id, changed);
create index metadata_mailbox on metadata (account_id, in_mailbox) where in_mailbox is not null;
comment on table metadata is 'Annotations of mailboxes and, with mailbox 0, of the server.';
comment on column metadata.in_mailbox is 'The mailbox; null for the server. Annotations go with their mailbox.';
comment on column metadata.owner_id is 'Whose value it is: 0 for /shared, the account of the user for /private.';
comment on column metadata.entry is 'The whole name in lower case: names are compared without regard to case.';
comment on column metadata.spelling is 'The name as it was last written.';
comment on column metadata.changed is 'account.metadata_changes of the last change.';
comment on column metadata.value is 'Any octets. Null: removed (or kept elsewhere, as /private/specialuse is); the row is there for those who have not heard of it.';
