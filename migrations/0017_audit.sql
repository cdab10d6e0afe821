-- The record of who did what: one row a change, written in the transaction of the change by the function that makes it
-- (docs/decisions/0040-audit.md). Rows are never updated. A job seals them, account by account, in a chain of hashes, so
-- that whoever changes, removes or adds rows afterwards is found out. Old months are dropped as a whole.

create table audit_session (
  account_id bigint not null,
  session_id bigint not null,
  begun_at timestamptz not null,
  program text not null,
  actor text not null,
  acted_for text not null,
  client text not null default '',
  peer text not null default '',
  node text not null default '',
  session text not null default '',
  primary key (account_id, session_id)
);
create index audit_session_begun on audit_session using brin (begun_at) with (autosummarize = on);
comment on table audit_session is 'Who acted: one row for each session (and anew when its client names itself, or after a day), in each account it did something in. Never updated. No foreign keys: the record outlives the account.';
comment on column audit_session.account_id is 'Whose store; 0: the installation as a whole (services, site policies).';
comment on column audit_session.session_id is 'Random 63 bits, made by the server.';
comment on column audit_session.program is 'imap, cpmctl, or upkeep: what the server does by itself.';
comment on column audit_session.actor is 'Who logged in: an address or the name of a service; with cpmctl the user of the operating system.';
comment on column audit_session.acted_for is 'The address it acted for.';
comment on column audit_session.client is 'What the client says it is (RFC 2971).';
comment on column audit_session.peer is 'Network address of the client.';
comment on column audit_session.session is 'The name of the session in the log of the node.';

create table audit (
  account_id bigint not null,
  at timestamptz not null,
  session_id bigint not null,
  octets bigint not null default 0,
  n int not null,
  mailbox_id int not null default 0,
  modseq int not null default 0,
  messages int not null default 0,
  command smallint not null,
  result smallint not null default 0,
  mailbox text not null default '',
  uids text not null default '',
  detail jsonb,
  primary key (account_id, at, n)
) partition by range (at);
create index audit_at on audit using brin (at) with (autosummarize = on);
comment on table audit is 'What was done: one row a command and mailbox. Partitioned by month.';
comment on column audit.account_id is 'Whose store was changed; 0: the installation as a whole.';
comment on column audit.at is 'By the clock of the database when the change was made, before its commit; never before what is sealed.';
comment on column audit.octets is 'Sum of the sizes of the messages.';
comment on column audit.n is 'Random, for changes of the same microsecond.';
comment on column audit.mailbox_id is '0: none.';
comment on column audit.modseq is 'The MODSEQ of the mailbox that the change took; 0: none.';
comment on column audit.command is 'schema::AuditCommand.';
comment on column audit.result is '0 done, 1 refused.';
comment on column audit.mailbox is 'Its path then.';
comment on column audit.uids is 'As ranges: 3,5:9.';
comment on column audit.detail is 'What else there is to say, by command: docs/audit.md.';

create table audit_chain (
  account_id bigint primary key,
  sealed_to timestamptz not null,
  seal int not null,
  hash bytea not null,
  anchor_to timestamptz not null,
  anchor_seal int not null,
  anchor_hash bytea not null
);
comment on table audit_chain is 'The head of each account''s chain, and the anchor: the last seal that was dropped with its month.';
comment on column audit_chain.sealed_to is 'Everything before it is sealed. New rows are never dated before it.';
comment on column audit_chain.seal is 'Number of the newest seal; 0: none yet. Its hash follows.';
comment on column audit_chain.anchor_seal is 'The chain that can be verified begins behind this one.';

create table audit_seal (
  account_id bigint not null,
  seal int not null,
  from_at timestamptz not null,
  to_at timestamptz not null,
  sealed_at timestamptz not null default clock_timestamp(),
  rows int not null,
  digests bytea not null,
  hash bytea not null,
  primary key (account_id, seal)
);
comment on table audit_seal is 'Seals the rows of one account from from_at to before to_at.';
comment on column audit_seal.digests is 'Of each row in order of (at, n): the first 16 octets of SHA-256 over its columns and those of its session (audit_digest_v1).';
comment on column audit_seal.hash is 'SHA-256 of: hash of the seal before (of the first one: 32 octets 0), seal, from_at, to_at (microseconds since 1970), rows, digests; numbers as int8.';

create table audit_round (
  id smallint primary key check (id = 1),
  sealed_to timestamptz not null,
  next_to timestamptz not null,
  next_xid xid8 not null
);
insert into audit_round (id, sealed_to, next_to, next_xid)
  values (1, '-infinity', clock_timestamp(), pg_current_xact_id());
comment on table audit_round is 'How far all chains are sealed. The node that locks it does the round.';
comment on column audit_round.next_to is 'The next round seals up to here, as soon as no transaction is older than next_xid: then everything dated before it is visible, or never will be.';

-- ---------------------------------------------------------------- months

-- Makes the partitions of the next months. Attaching does not keep anybody waiting; making them as partitions would.
create function audit_months_v1(p_months int) returns int
language plpgsql as $$
declare
  v_month timestamptz;
  v_name text;
  v_made int := 0;
begin
  for v_month in
    select generate_series(date_trunc('month', now() at time zone 'UTC'),
                           date_trunc('month', now() at time zone 'UTC') + make_interval(months => p_months),
                           '1 month') at time zone 'UTC'
  loop
    v_name := 'audit_' || to_char(v_month at time zone 'UTC', 'YYYY_MM');
    continue when to_regclass(v_name) is not null;
    execute format('create table %I (like audit including defaults including storage)', v_name);
    execute format('alter table audit attach partition %I for values from (%L) to (%L)', v_name, v_month,
                   ((v_month at time zone 'UTC') + interval '1 month') at time zone 'UTC');
    v_made := v_made + 1;
  end loop;
  return v_made;
end $$;
select audit_months_v1(24);

-- ---------------------------------------------------------------- writing

-- Rising UIDs as text: 3,5:9.
create function uids_text_v1(p_uids int[]) returns text
language sql immutable as $$
  select case when cardinality(p_uids) = 1 then p_uids[1]::text
              when p_uids[cardinality(p_uids)] - p_uids[1] = cardinality(p_uids) - 1
                then p_uids[1] || ':' || p_uids[cardinality(p_uids)]
              else (select string_agg(case when i.lo = i.hi then i.lo::text else i.lo || ':' || i.hi end, ',' order by i.lo)
                      from (select min(t.uid) as lo, max(t.uid) as hi
                              from (select u.uid, u.uid - u.n as island from unnest(p_uids) with ordinality as u(uid, n)) t
                             group by t.island) i)
         end
$$;

-- One row of the record. p_by says who: {"s": session}, and besides, when this account may not know the session yet, program,
-- actor, acted_for, client, peer, node, session and at (seconds). Null: nothing is recorded.
create function audit_add_v1(
  p_account bigint, p_by jsonb, p_command int, p_result int, p_mailbox int, p_path text, p_modseq int, p_uids text,
  p_messages int, p_octets bigint, p_detail jsonb) returns void
language plpgsql as $$
begin
  if p_by is null then
    return;
  end if;
  perform pg_current_xact_id();  -- before the moment is taken: what is sealed rests on it
  if p_by ? 'actor' then
    insert into audit_session (account_id, session_id, begun_at, program, actor, acted_for, client, peer, node, session)
      values (p_account, (p_by ->> 's')::bigint, clock_timestamp(), p_by ->> 'program', p_by ->> 'actor', p_by ->> 'acted_for',
              coalesce(p_by ->> 'client', ''), coalesce(p_by ->> 'peer', ''), coalesce(p_by ->> 'node', ''),
              coalesce(p_by ->> 'session', ''))
      on conflict do nothing;
  end if;
  insert into audit (account_id, at, session_id, octets, n, mailbox_id, modseq, messages, command, result, mailbox, uids, detail)
    values (p_account,
            greatest(clock_timestamp(), (select c.sealed_to from audit_chain c where c.account_id = p_account)),
            (p_by ->> 's')::bigint, p_octets, (random() * 2147483647)::int, p_mailbox, p_modseq, p_messages, p_command,
            p_result, p_path, p_uids, p_detail);
end $$;

-- ---------------------------------------------------------------- changes with their record

-- Each does what the function of its name does and records it. p_path: of the mailbox, as the caller knows it.

create function recorded_deposit_v1(
  p_account bigint, p_mailbox int, p_contents bigint[], p_sizes int[], p_dates bigint[], p_flags int[],
  p_keywords text[], p_staged bigint[], p_objects jsonb, p_now bigint, p_path text, p_by jsonb,
  out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
begin
  select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
    from deposit_v2(p_account, p_mailbox, p_contents, p_sizes, p_dates, p_flags, p_keywords, p_staged, p_objects, p_now) d;
  perform message_new_v1(p_account, p_by, 10, p_mailbox, p_path, uidvalidity, first_uid, modseq, p_contents,
                         (select sum(s) from unnest(p_sizes) s), null);
end $$;

create function recorded_deposit_inline_v1(
  p_account bigint, p_mailbox int, p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea,
  p_internal bigint[], p_flags int[], p_keywords text[], p_objects jsonb, p_now bigint, p_path text, p_by jsonb,
  out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
begin
  select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
    from deposit_inline_v3(p_account, p_mailbox, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions,
                           p_threads, p_exact, p_complete, p_at, p_blob, p_internal, p_flags, p_keywords, p_objects, p_now) d;
  perform message_new_v1(p_account, p_by, 10, p_mailbox, p_path, uidvalidity, first_uid, modseq, p_contents,
                         (select sum(s) from unnest(p_sizes) s), null);
end $$;

create function recorded_deposit_at_v1(
  p_account bigint, p_path text[], p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea,
  p_internal bigint[], p_flags int[], p_objects jsonb, p_now bigint, p_by jsonb,
  out mailbox_id int, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
begin
  select d.mailbox_id, d.uidvalidity, d.first_uid, d.modseq into mailbox_id, uidvalidity, first_uid, modseq
    from deposit_at_v3(p_account, p_path, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions,
                       p_threads, p_exact, p_complete, p_at, p_blob, p_internal, p_flags, p_objects, p_now) d;
  perform message_new_v1(p_account, p_by, 10, mailbox_id, array_to_string(p_path, '/'), uidvalidity, first_uid, modseq,
                         p_contents, (select sum(s) from unnest(p_sizes) s), null);
end $$;

-- New messages with consecutive UIDs.
create function message_new_v1(
  p_account bigint, p_by jsonb, p_command int, p_mailbox int, p_path text, p_validity int, p_first int, p_modseq int,
  p_contents bigint[], p_octets bigint, p_detail jsonb) returns void
language plpgsql as $$
declare
  v_count int := cardinality(p_contents);
  v_uids text := case when v_count = 1 then p_first::text else p_first || ':' || p_first + v_count - 1 end;
begin
  perform audit_add_v1(p_account, p_by, p_command, 0, p_mailbox, p_path, p_modseq, v_uids, v_count, p_octets, p_detail);
  if not exists (select from push_subscription s where s.account_id in (p_account, 0)) then
    return;
  end if;
  perform outbox_add_v1(p_account, p_mailbox, p_modseq, 1,
            jsonb_build_object('uids', v_uids, 'first', p_first, 'count', v_count, 'octets', p_octets, 'mailbox', p_path,
              'how', case p_command when 10 then 'append' when 11 then 'copy' when 12 then 'move' else 'restore' end));
end $$;

-- The messages that took a MODSEQ by a change of flags.
create function flags_changed_v1(
  p_account bigint, p_by jsonb, p_mailbox int, p_path text, p_modseq int, p_and int, p_or int, p_keywords boolean) returns void
language plpgsql as $$
declare
  v_uids int[];
  v_octets bigint;
  v_detail jsonb := jsonb_build_object('keep', p_and, 'set', p_or);
begin
  if p_by is null and not exists (select from push_subscription s where s.account_id in (p_account, 0)) then
    return;
  end if;
  select array_agg(m.uid order by m.uid), sum(m.size) into v_uids, v_octets
    from message m
   where m.account_id = p_account and (m.mailbox_id::bigint << 32 | m.modseq) = (p_mailbox::bigint << 32 | p_modseq);
  if v_uids is null then
    return;
  end if;
  if p_keywords then
    v_detail := v_detail || '{"keywords": true}';
  end if;
  perform audit_add_v1(p_account, p_by, 13, 0, p_mailbox, p_path, p_modseq, uids_text_v1(v_uids), cardinality(v_uids), v_octets,
                       v_detail);
  perform outbox_add_v1(p_account, p_mailbox, p_modseq, 3,
                        v_detail || jsonb_build_object('uids', uids_text_v1(v_uids), 'first', v_uids[1],
                                                       'count', cardinality(v_uids), 'mailbox', p_path));
end $$;

create function recorded_flags_set_v1(p_account bigint, p_mailbox int, p_lo int[], p_hi int[], p_and int, p_or int,
  p_path text, p_by jsonb, out highestmodseq int, out packed bytea, out keywords text)
language plpgsql as $$
declare
  v_before int;
begin
  select m.highestmodseq into v_before from mailbox m
   where m.account_id = p_account and m.mailbox_id = p_mailbox for no key update;
  select s.highestmodseq, s.packed, s.keywords into highestmodseq, packed, keywords
    from flags_set_v1(p_account, p_mailbox, p_lo, p_hi, p_and, p_or) s;
  if highestmodseq > v_before then
    perform flags_changed_v1(p_account, p_by, p_mailbox, p_path, highestmodseq, p_and, p_or, false);
  end if;
end $$;

create function recorded_flags_apply_v1(
  p_account bigint, p_mailbox int, p_uids int[], p_and int, p_or int, p_replace boolean, p_add smallint[],
  p_remove smallint[], p_unseen int, p_deleted int, p_deleted_bytes bigint, p_path text, p_by jsonb) returns int
language plpgsql as $$
declare
  v_modseq int;
begin
  v_modseq := flags_apply_v1(p_account, p_mailbox, p_uids, p_and, p_or, p_replace, p_add, p_remove, p_unseen, p_deleted,
                             p_deleted_bytes);
  perform flags_changed_v1(p_account, p_by, p_mailbox, p_path, v_modseq, p_and, p_or, p_replace is not null);
  return v_modseq;
end $$;

create function recorded_copy_v1(
  p_account bigint, p_from int, p_to int, p_lo int[], p_hi int[], p_move boolean, p_mask int, p_keep_keywords boolean,
  p_now bigint, p_keyword_limit int, p_user bigint, p_private boolean, p_shared boolean, p_annotation_octets bigint,
  p_from_path text, p_to_path text, p_by jsonb,
  out uidvalidity int, out first_uid int, out source_modseq int, out uids int[])
language plpgsql as $$
declare
  v_contents bigint[];
  v_octets bigint;
  v_modseq int;
  v_source text;
begin
  select c.uidvalidity, c.first_uid, c.source_modseq, c.uids into uidvalidity, first_uid, source_modseq, uids
    from copy_v2(p_account, p_from, p_to, p_lo, p_hi, p_move, p_mask, p_keep_keywords, p_now, p_keyword_limit, p_user,
                 p_private, p_shared, p_annotation_octets) c;
  if uids is null then
    return;
  end if;
  -- Their own MODSEQ is the newest of the target, whose row is locked.
  select array_agg(m.content_id order by m.uid), sum(m.size), max(m.modseq) into v_contents, v_octets, v_modseq
    from message m
   where m.account_id = p_account and m.mailbox_id = p_to and m.uid between first_uid and first_uid + cardinality(uids) - 1;
  v_source := uids_text_v1(uids);
  perform message_new_v1(p_account, p_by, case when p_move then 12 else 11 end, p_to, p_to_path, uidvalidity, first_uid,
                         v_modseq, v_contents, v_octets, jsonb_build_object('from', p_from_path, 'from_id', p_from, 'from_uids', v_source));
  if p_move then
    perform message_gone_v1(p_account, p_by, 14, p_from, p_from_path, source_modseq, uids, v_octets,
                            jsonb_build_object('to', p_to_path, 'to_id', p_to, 'to_uids',
                                               first_uid || ':' || first_uid + cardinality(uids) - 1));
  end if;
end $$;

-- Messages that left a mailbox.
create function message_gone_v1(
  p_account bigint, p_by jsonb, p_command int, p_mailbox int, p_path text, p_modseq int, p_uids int[], p_octets bigint,
  p_detail jsonb) returns void
language plpgsql as $$
declare
  v_uids text := uids_text_v1(p_uids);
begin
  perform audit_add_v1(p_account, p_by, p_command, 0, p_mailbox, p_path, p_modseq, v_uids, cardinality(p_uids), p_octets, p_detail);
  if not exists (select from push_subscription s where s.account_id in (p_account, 0)) then
    return;
  end if;
  perform outbox_add_v1(p_account, p_mailbox, p_modseq, 2,
            jsonb_build_object('uids', v_uids, 'first', p_uids[1], 'count', cardinality(p_uids), 'octets', p_octets, 'mailbox', p_path,
              'how', case p_command when 14 then 'move' when 15 then 'expunge' else 'retention' end));
end $$;

create function recorded_expunge_v1(p_account bigint, p_mailbox int, p_lo int[], p_hi int[], p_path text, p_by jsonb,
  out highestmodseq int, out uids int[])
language plpgsql as $$
declare
  v_bytes bigint;
begin
  if exists (select from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox and m.deleted > 0) then
    perform from account a where a.account_id = p_account for no key update;
    select m.bytes into v_bytes from mailbox m
     where m.account_id = p_account and m.mailbox_id = p_mailbox for no key update;
  end if;
  select e.highestmodseq, e.uids into highestmodseq, uids from expunge_v1(p_account, p_mailbox, p_lo, p_hi) e;
  if uids is not null then
    perform message_gone_v1(p_account, p_by, 15, p_mailbox, p_path, highestmodseq, uids,
                            v_bytes - (select m.bytes from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox), null);
  end if;
end $$;

create function recorded_sweep_v1(p_account bigint, p_mailbox int, p_uids int[], p_before timestamptz, p_deleted int,
  p_path text, p_by jsonb, out highestmodseq int, out uids int[])
language plpgsql as $$
declare
  v_bytes bigint;
begin
  perform from account a where a.account_id = p_account for no key update;
  select m.bytes into v_bytes from mailbox m
   where m.account_id = p_account and m.mailbox_id = p_mailbox for no key update;
  select s.highestmodseq, s.uids into highestmodseq, uids from sweep_v1(p_account, p_mailbox, p_uids, p_before, p_deleted) s;
  if uids is not null then
    perform message_gone_v1(p_account, p_by, 16, p_mailbox, p_path, highestmodseq, uids,
                            v_bytes - (select m.bytes from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox), null);
  end if;
end $$;

-- Any other change: its record and, when p_event is not null, its event for push.
create function change_record_v1(
  p_account bigint, p_by jsonb, p_command int, p_result int, p_mailbox int, p_path text, p_modseq int, p_uids text,
  p_messages int, p_octets bigint, p_detail jsonb, p_event int) returns void
language plpgsql as $$
begin
  perform audit_add_v1(p_account, p_by, p_command, p_result, p_mailbox, p_path, p_modseq, p_uids, p_messages, p_octets, p_detail);
  if p_event is not null then
    perform outbox_add_v1(p_account, p_mailbox, p_modseq, p_event,
                          coalesce(p_detail, '{}') || jsonb_build_object('mailbox', p_path, 'path', p_path, 'count', p_messages, 'octets', p_octets));
  end if;
end $$;

-- Log-ins and log-outs: not worth a wait for the disk. A change that is recorded later takes them along.
create function login_record_v1(p_account bigint, p_by jsonb, p_command int, p_result int, p_detail jsonb) returns void
language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  perform audit_add_v1(p_account, p_by, p_command, p_result, 0, '', 0, '', 0, 0, p_detail);
end $$;

-- A log-in that was refused, recorded with the account whose address was named, if there is one.
create function login_refused_v1(p_address text, p_by jsonb, p_detail jsonb) returns void
language plpgsql as $$
declare
  v_account bigint;
begin
  select a.account_id into v_account from address a where a.address = p_address and a.account_id is not null;
  if found then
    perform login_record_v1(v_account, p_by, 3, 1, p_detail);
  end if;
end $$;

-- ---------------------------------------------------------------- sealing

-- What is sealed of a row: all its columns and who did it, as text; of its SHA-256 the first 16 octets.
create function audit_digest_v1(p_row audit, p_by audit_session) returns bytea
language sql stable as $$
  select substr(sha256(convert_to(row(encode(timestamptz_send(p_row.at), 'hex'), p_row.session_id, p_row.octets, p_row.n, p_row.mailbox_id,
           p_row.modseq, p_row.messages, p_row.command, p_row.result, p_row.mailbox, p_row.uids, p_row.detail,
           encode(timestamptz_send(p_by.begun_at), 'hex'), p_by.program, p_by.actor, p_by.acted_for, p_by.client, p_by.peer, p_by.node,
           p_by.session)::text, 'UTF8')), 1, 16)
$$;

create function audit_micros_v1(p_at timestamptz) returns bytea
language sql immutable as $$
  select int8send((extract(epoch from p_at) * 1000000)::bigint)
$$;

-- Seals what an account did from where its chain ends to before p_to, a bounded number of rows of one month. Returns the
-- number of rows; 0: nothing is left to seal.
create function audit_seal_v1(p_account bigint, p_to timestamptz) returns int
language plpgsql as $$
declare
  c_rows constant int := 10000;
  v_chain audit_chain;
  v_first timestamptz;
  v_from timestamptz;
  v_end timestamptz;
  v_to timestamptz;
  v_rows int;
  v_digests bytea;
  v_hash bytea := decode(repeat('00', 32), 'hex');
begin
  select c.* into v_chain from audit_chain c where c.account_id = p_account for no key update;
  if not found then
    insert into audit_chain (account_id, sealed_to, seal, hash, anchor_to, anchor_seal, anchor_hash)
      values (p_account, '1970-01-01Z', 0, v_hash, '1970-01-01Z', 0, v_hash) on conflict do nothing;
    select c.* into v_chain from audit_chain c where c.account_id = p_account for no key update;
  end if;
  select min(a.at) into v_first from audit a where a.account_id = p_account and a.at >= v_chain.sealed_to and a.at < p_to;
  if v_first is null then
    return 0;
  end if;
  -- No seal reaches over the end of a month, so that months can be dropped.
  v_from := greatest(v_chain.sealed_to, date_trunc('month', v_first at time zone 'UTC') at time zone 'UTC');
  v_end := least(p_to, (date_trunc('month', v_first at time zone 'UTC') + interval '1 month') at time zone 'UTC');
  select a.at into v_to from audit a
   where a.account_id = p_account and a.at >= v_from and a.at < v_end order by a.at offset c_rows limit 1;
  v_to := coalesce(v_to, v_end);
  select count(*), string_agg(audit_digest_v1(a, s), '' order by a.at, a.n) into v_rows, v_digests
    from audit a left join audit_session s on s.account_id = p_account and s.session_id = a.session_id
   where a.account_id = p_account and a.at >= v_from and a.at < v_to;
  if v_rows = 0 then  -- more than c_rows of one microsecond
    raise exception 'too many changes of one moment' using errcode = 'data_corrupted';
  end if;
  v_hash := sha256(v_chain.hash || int8send(v_chain.seal + 1) || audit_micros_v1(v_from) || audit_micros_v1(v_to)
                   || int8send(v_rows) || v_digests);
  insert into audit_seal (account_id, seal, from_at, to_at, rows, digests, hash)
    values (p_account, v_chain.seal + 1, v_from, v_to, v_rows, v_digests, v_hash);
  update audit_chain c set sealed_to = v_to, seal = v_chain.seal + 1, hash = v_hash where c.account_id = p_account;
  return v_rows;
end $$;

-- Accounts with rows that can be sealed now, and up to where; null while a transaction runs that may still write before there.
create function audit_due_v1(out upto timestamptz, out accounts bigint[]) language sql volatile as $$
  select r.next_to,
         case when pg_snapshot_xmin(pg_current_snapshot()) >= r.next_xid
              then array(select distinct a.account_id from audit a where a.at >= r.sealed_to and a.at < r.next_to) end
    from audit_round r where r.id = 1
$$;

-- Ends the round that sealed up to p_upto and begins the next.
create function audit_round_v1(p_upto timestamptz) returns void
language plpgsql as $$
declare
  v_to timestamptz;
  v_xid xid8;
begin
  v_to := clock_timestamp();
  v_xid := pg_current_xact_id();  -- given after the moment: who took an earlier one has a smaller number
  update audit_round r set sealed_to = r.next_to, next_to = v_to, next_xid = v_xid where r.id = 1 and r.next_to = p_upto;
end $$;

-- ---------------------------------------------------------------- the end of a month

-- Before what is dated before p_before is dropped: chains begin behind it from now on.
create function audit_anchor_v1(p_before timestamptz) returns void
language plpgsql as $$
begin
  update audit_chain c set anchor_to = s.to_at, anchor_seal = s.seal, anchor_hash = s.hash
    from (select distinct on (t.account_id) t.account_id, t.seal, t.to_at, t.hash from audit_seal t
           where t.to_at <= p_before order by t.account_id, t.seal desc) s
   where c.account_id = s.account_id;
  delete from audit_seal t using audit_chain c where c.account_id = t.account_id and t.seal <= c.anchor_seal;
  -- A session is named anew after a day.
  delete from audit_session s where s.begun_at < p_before - interval '2 days';
end $$;
