-- Policies of the provider, and what the removal of old messages needs (docs/decisions/0032, 0033). What a user prefers is an
-- annotation of the server: /private/vendor/cpmstore/policy/KEY.

create table site_policy (
  key text collate "C" primary key,
  value text not null,
  changed_at timestamptz not null default now()
);
comment on table site_policy is 'What the provider decides for all accounts. Keys and values: base/policy.cpp.';

create table account_policy (
  account_id bigint not null references account on delete cascade,
  key text collate "C" not null,
  value text not null,
  changed_at timestamptz not null default now(),
  primary key (account_id, key)
);
create index account_policy_retention on account_policy (account_id) where starts_with(key, 'retention.');
create index metadata_retention on metadata (account_id)
  where mailbox_id = 0 and value is not null and starts_with(entry, '/private/vendor/cpmstore/policy/retention.');
comment on table account_policy is 'What the provider decides for one account: wins over site_policy, which wins over what the user prefers.';
comment on index account_policy_retention is 'Accounts that the removal of old messages must look at; so is metadata_retention.';

create table sweep_round (
  id int primary key check (id = 1),
  after_account bigint not null,
  ended_at timestamptz not null
);
insert into sweep_round (id, after_account, ended_at) values (1, 0, '-infinity');
comment on table sweep_round is 'How far the removal of old messages is in its round over all accounts. A node that looks for work takes the next accounts by moving this on, so that nodes share a round.';
comment on column sweep_round.after_account is 'Accounts up to this one were taken in this round; 0: it is over.';

create table sweep_mark (
  account_id bigint not null,
  mailbox_id int not null,
  modseq int not null,
  seen_at timestamptz not null,
  primary key (account_id, mailbox_id, modseq),
  foreign key (account_id, mailbox_id) references mailbox on delete cascade
);
comment on table sweep_mark is 'The HIGHESTMODSEQ that a mailbox had at a moment: a message with \Deleted and no greater MODSEQ has had it since then at least. Some rows for mailboxes with such messages, of accounts with a finite retention.deleted.';

-- Removes messages of p_uids (rising) that are still to go: not \Flagged and saved before p_before, or with \Deleted and a MODSEQ
-- up to p_deleted. `uids` is null when there were none. Everything else is as in expunge_v1.
create function sweep_v1(p_account bigint, p_mailbox int, p_uids int[], p_before timestamptz, p_deleted int,
  out highestmodseq int, out uids int[])
language plpgsql as $$
declare
  v_contents bigint[];
  v_bytes bigint;
  v_unseen int;
  v_deleted int;
  v_deleted_bytes bigint;
begin
  perform from account a where a.account_id = p_account for no key update;
  select m.highestmodseq into highestmodseq from mailbox m
   where m.account_id = p_account and m.mailbox_id = p_mailbox for no key update;
  if not found then
    raise no_data_found;
  end if;

  select array_agg(m.uid order by m.uid), array_agg(m.content_id), sum(m.size), count(*) filter (where m.flags & 1 = 0),
         count(*) filter (where m.flags & 8 <> 0), coalesce(sum(m.size) filter (where m.flags & 8 <> 0), 0)
    into uids, v_contents, v_bytes, v_unseen, v_deleted, v_deleted_bytes
    from unnest(p_uids) as u (uid)
         cross join lateral (select i.uid, i.content_id, i.size, i.flags from message i
                              where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = u.uid
                                and (i.flags & 4 = 0 and i.save_date < p_before or i.flags & 8 <> 0 and i.modseq <= p_deleted)
                             offset 0) m;
  if uids is null then
    return;
  end if;
  perform message_remove_v1(p_account, p_mailbox, uids);

  update account a set used_bytes = a.used_bytes - v_bytes, used_messages = a.used_messages - cardinality(uids)
   where a.account_id = p_account;
  select a.modseq into highestmodseq
    from mailbox_advance_v1(p_account, p_mailbox, 0, -cardinality(uids), -v_bytes, -v_unseen, -v_deleted, -v_deleted_bytes) a;
  perform expunged_add_v1(p_account, p_mailbox, highestmodseq, uids);
  perform content_refer_v1(p_account, v_contents, -1);
end $$;
