-- Keys that authorize URLs (RFC 4467): one for each mailbox and each user who made URLs into it.
--
-- A mailbox that is deleted takes its keys along, so that one of the same name made later knows none of the old URLs;
-- one that is renamed keeps them.

create table urlauth_key (
  account_id bigint not null references account on delete cascade,
  mailbox_id int not null,
  user_id bigint not null,
  key bytea not null check (octet_length(key) = 32),
  made_at timestamptz not null default now(),
  primary key (account_id, mailbox_id, user_id),
  foreign key (account_id, mailbox_id) references mailbox on delete cascade
);
comment on table urlauth_key is 'Secrets that URLs with access granted are signed with (RFC 4467 2.2). No row: no URL was ever made, or all were revoked.';
comment on column urlauth_key.user_id is 'The account of the user whose URLs they are; the owner of the mailbox, as long as nobody else has rights in it.';
comment on column urlauth_key.key is 'Random; used for HMAC-SHA256.';
