-- What was expunged long ago, in few rows: ranges of many commands in one value. Recent commands stay as rows of
-- `expunged`; a job folds the older ones into sets, and small sets into larger ones, so that a mailbox has some rows and
-- a handful of sets however often something was expunged in it. Nothing is ever forgotten.

create table expunged_set (
  account_id bigint not null,
  mailbox_id int not null,
  modseq int not null,
  level smallint not null check (level >= 0),
  uids int4multirange not null check (not isempty(uids)),
  primary key (account_id, mailbox_id, modseq),
  foreign key (account_id, mailbox_id) references mailbox on delete cascade
);
comment on table expunged_set is 'Older expunges of a mailbox, many commands in one row.';
comment on column expunged_set.modseq is 'The greatest of those in it: whoever knows less is told of the whole set, and of everything newer.';
comment on column expunged_set.level is 'Four sets of one level become one of the next.';
comment on column expunged_set.uids is 'The UIDs; besides, UIDs of newer expunges where that joins ranges, because who hears of this set hears of those anyway.';

create table expunged_due (
  account_id bigint not null,
  mailbox_id int not null,
  primary key (account_id, mailbox_id),
  foreign key (account_id, mailbox_id) references mailbox on delete cascade
);
comment on table expunged_due is 'Mailboxes that the compaction should look at.';

create view expunged_range as
  select account_id, mailbox_id, modseq, uid_lo, uid_hi from expunged
  union all
  select s.account_id, s.mailbox_id, s.modseq, lower(r.uids), upper(r.uids) - 1
    from expunged_set s cross join lateral unnest(s.uids) as r (uids);
comment on view expunged_range is 'Everything ever expunged. A UID may come more than once.';

-- Records removed UIDs (rising) as ranges, and nothing else: QRESYNC tells what this command removed. Now and then it
-- says that the mailbox is due: by chance, so that it costs next to nothing and needs no counter; on average once in
-- 256 rows.
create or replace function expunged_add_v1(p_account bigint, p_mailbox int, p_modseq int, p_uids int[]) returns void
language plpgsql as $$
declare
  v_first int := p_uids[1];
  v_last int := p_uids[cardinality(p_uids)];
  v_rows int := 1;
begin
  if v_last - v_first = cardinality(p_uids) - 1 then
    insert into expunged (account_id, mailbox_id, modseq, uid_lo, uid_hi)
      values (p_account, p_mailbox, p_modseq, v_first, v_last);
  else
    insert into expunged (account_id, mailbox_id, modseq, uid_lo, uid_hi)
      select p_account, p_mailbox, p_modseq, min(t.uid), max(t.uid)
        from (select u.uid, u.uid - u.n as island from unnest(p_uids) with ordinality as u(uid, n)) t
       group by t.island;
    get diagnostics v_rows = row_count;
  end if;
  if random() * 256 < v_rows then
    insert into expunged_due (account_id, mailbox_id) values (p_account, p_mailbox) on conflict do nothing;
  end if;
end $$;

-- The ranges of p_uids, joined with whatever newer expunges stand beside or between them.
create function expunged_join_v1(p_uids int4multirange, p_newer int4multirange) returns int4multirange
language sql immutable as $$
  select range_agg(r.uids) from unnest(p_uids + p_newer) as r (uids) where r.uids && p_uids
$$;

-- Folds the older rows of one mailbox, and sets of one size. Returns the number of rows folded. Deposits and other
-- changes go on meanwhile; only DELETE of the mailbox waits.
create function expunged_compact_v1(p_account bigint, p_mailbox int) returns int
language plpgsql as $$
declare
  c_keep constant int := 256;    -- newest rows, told exactly to clients that were away for a short time
  c_fold constant int := 1024;   -- fewer rows than this are not worth it
  c_merge constant int := 4;
  v_bound int;
  v_rows int;
  v_modseq int;
  v_level int;
  v_uids int4multirange;
  v_newer int4multirange;
begin
  perform from mailbox b where b.account_id = p_account and b.mailbox_id = p_mailbox for key share;
  if not found then return 0; end if;
  select count(*) into v_rows from expunged e where e.account_id = p_account and e.mailbox_id = p_mailbox;
  if v_rows < c_fold then return 0; end if;
  -- Rows of one MODSEQ stay together: the whole of a command is folded, or nothing of it.
  select e.modseq into v_bound from expunged e where e.account_id = p_account and e.mailbox_id = p_mailbox
   order by e.modseq desc offset c_keep limit 1;
  with folded as (
    delete from expunged e where e.account_id = p_account and e.mailbox_id = p_mailbox and e.modseq <= v_bound
    returning e.modseq, e.uid_lo, e.uid_hi)
  select max(f.modseq), range_agg(int4range(f.uid_lo, f.uid_hi, '[]')), count(*)
    into v_modseq, v_uids, v_rows from folded f;
  if v_modseq is null then return 0; end if;  -- another node was faster
  select coalesce(range_agg(int4range(e.uid_lo, e.uid_hi, '[]')), '{}') into v_newer from expunged e
   where e.account_id = p_account and e.mailbox_id = p_mailbox;
  v_uids := expunged_join_v1(v_uids, v_newer);
  insert into expunged_set (account_id, mailbox_id, modseq, level, uids)
    values (p_account, p_mailbox, v_modseq, 0, v_uids);
  loop
    select s.level into v_level from expunged_set s where s.account_id = p_account and s.mailbox_id = p_mailbox
     group by s.level having count(*) >= c_merge order by s.level limit 1;
    exit when not found;
    with merged as (
      delete from expunged_set s where s.account_id = p_account and s.mailbox_id = p_mailbox and s.level = v_level
      returning s.modseq, s.uids)
    select max(m.modseq), range_agg(m.uids) into v_modseq, v_uids from merged m;
    exit when v_modseq is null;
    select coalesce(range_agg(n.uids), '{}') into v_newer from (
      select int4multirange(int4range(e.uid_lo, e.uid_hi, '[]')) as uids from expunged e
       where e.account_id = p_account and e.mailbox_id = p_mailbox
      union all
      select s.uids from expunged_set s
       where s.account_id = p_account and s.mailbox_id = p_mailbox and s.modseq > v_modseq) n;
    insert into expunged_set (account_id, mailbox_id, modseq, level, uids)
      values (p_account, p_mailbox, v_modseq, v_level + 1, expunged_join_v1(v_uids, v_newer));
  end loop;
  return v_rows;
end $$;

insert into expunged_due (account_id, mailbox_id)
  select account_id, mailbox_id from expunged group by account_id, mailbox_id having count(*) >= 1024;
