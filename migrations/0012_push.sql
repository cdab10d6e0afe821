-- Push (docs/push.md, docs/decisions/0042): who wants to hear of what, and the outbox of what is still to be told.
--
-- An event is written in the transaction of the change, a row for each subscription that wants it: what was committed is told,
-- what was rolled back is not. Rows of one mailbox are written under the lock of its row, so that their order is order of commit.

create table push_subscription (
  subscription_id bigint primary key,
  account_id bigint not null,
  of_account bigint generated always as (nullif(account_id, 0)) stored references account on delete cascade,
  service text collate "C" references service on delete cascade,
  device text collate "C" not null,
  sink smallint not null check (sink in (1, 2)),
  by_user boolean not null default false,
  events int not null,
  digest int not null default 0 check (digest >= 0),
  url text not null,
  origin text collate "C" not null,
  secret text,
  target text,
  mailbox text collate "C",
  kinds smallint[],
  created_at timestamptz not null default now(),
  check ((account_id = 0) = (service is not null))
);
create unique index push_subscription_device on push_subscription (account_id, coalesce(service, ''), device);
comment on table push_subscription is 'Who is told of events: a device of an account, or a service for all whom it may act for.';
comment on column push_subscription.subscription_id is 'Random 63 bits.';
comment on column push_subscription.account_id is '0: of a service.';
comment on column push_subscription.device is 'Its name, unique in the account or service.';
comment on column push_subscription.sink is '1 webhook, 2 OMA Push (PAP).';
comment on column push_subscription.by_user is 'Made by the user over IMAP: counts only while the policy notify lets it.';
comment on column push_subscription.events is 'Bit n: events of number n.';
comment on column push_subscription.digest is 'Seconds for which events are collected; 0: told at once, each by itself.';
comment on column push_subscription.origin is 'scheme://host:port of url: what requests are counted by.';
comment on column push_subscription.secret is 'Key of the signature; null: not signed.';
comment on column push_subscription.target is 'Address of the device at the push proxy gateway; null: the first address of the account.';
comment on column push_subscription.mailbox is 'Only this mailbox and what is below; null: all.';
comment on column push_subscription.kinds is 'Only new messages of these schema::ObjectKind; null: all.';

create table outbox (
  account_id bigint not null,
  subscription_id bigint not null,
  event_id bigint not null,
  created_at timestamptz not null,
  queue int not null,
  mailbox_id int not null,
  modseq int not null,
  event smallint not null,
  detail jsonb not null,
  primary key (account_id, subscription_id, event_id)
);
create index outbox_order on outbox (account_id, subscription_id, queue, mailbox_id, modseq, created_at, event_id);
comment on table outbox is 'Events to be told, one row for each subscription; removed when the receiver took it. No foreign keys: rows of what is gone are removed by whoever finds them.';
comment on column outbox.event_id is 'Random 63 bits; the same for all subscriptions. What a receiver knows a repeated event by.';
comment on column outbox.queue is 'What is told in order: mailbox_id; 0 for those of a digest.';
comment on column outbox.mailbox_id is '0: an event of the account.';
comment on column outbox.modseq is 'The order within a mailbox.';
comment on column outbox.event is 'schema::PushEvent.';
comment on column outbox.detail is 'What is told, as docs/push.md names it; the receiver gets it with what all events have.';

create table push_queue (
  account_id bigint not null,
  subscription_id bigint not null,
  queue int not null,
  attempts int not null default 0,
  lease bigint not null default 0,
  due_at timestamptz not null,
  origin text collate "C" not null,
  last_error text,
  primary key (account_id, subscription_id, queue)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
create index push_queue_due on push_queue (due_at);
comment on table push_queue is 'Queues of the outbox that are not empty. A node that delivers takes the row by a lease.';
comment on column push_queue.attempts is 'Failed ones in a row, for the first event of the queue.';
comment on column push_queue.lease is 'Random: who took it; 0: nobody.';
comment on column push_queue.due_at is 'When a node may take it: at once, after a failure later, when taken the end of the lease.';

create table push_dead (
  account_id bigint not null,
  subscription_id bigint not null,
  event_id bigint not null,
  created_at timestamptz not null,
  died_at timestamptz not null default clock_timestamp(),
  queue int not null,
  mailbox_id int not null,
  modseq int not null,
  attempts int not null,
  event smallint not null,
  reason text not null,
  detail jsonb not null,
  primary key (account_id, subscription_id, event_id)
);
create index push_dead_died on push_dead (died_at);
comment on table push_dead is 'Events that could not be told (dead letters), kept for a while to be told by hand.';

-- Whether the policy `notify` lets a user be told as they wish: the account's decision, that for all, the preference (0032).
create function push_allowed_v1(p_account bigint) returns boolean
language sql stable as $$
  select coalesce(
    (select p.value from account_policy p where p.account_id = p_account and p.key = 'notify'),
    (select s.value from site_policy s where s.key = 'notify'),
    (select case when encode(m.value, 'escape') in ('off', 'false', 'no', '0') then 'off' end from metadata m
      where m.account_id = p_account and m.mailbox_id = 0 and m.owner_id = p_account
        and m.entry = '/private/vendor/cpmstore/policy/notify' and m.value is not null),
    'on') = 'on'
$$;

-- Subscriptions that want an event of an account, whatever the mailbox and the kind.
-- It runs as the owner of the tables: for whom a service may act is nothing that sessions read.
create function push_wanting_v1(p_account bigint, p_event int) returns setof push_subscription
language sql stable security definer set search_path from current as $$
    select s.* from push_subscription s
     where s.account_id in (p_account, 0) and (s.events >> p_event) & 1 = 1
       and (not s.by_user or push_allowed_v1(p_account))
       and (s.service is null or exists (
              select from service_pattern p join address a on a.account_id = p_account
               where p.name = s.service
                 and a.address like replace(replace(replace(replace(replace(p.pattern,
                       '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_')))
     order by s.subscription_id
$$;

-- Those of p_uids (a set as IMAP writes it) that exist and, with p_expired, are marked $Expired.
create function push_uids_v1(p_account bigint, p_mailbox int, p_uids text, p_expired boolean) returns setof message
language sql stable as $$
  select m.* from regexp_split_to_table(p_uids, ',') as u (range)
         cross join lateral (select split_part(u.range, ':', 1)::int as lo,
                                    coalesce(nullif(split_part(u.range, ':', 2), ''), split_part(u.range, ':', 1))::int as hi) r
         join message m on m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between r.lo and r.hi
   where not p_expired or exists (select from keyword k
                                   where k.account_id = p_account and k.mailbox_id = p_mailbox and lower(k.name) = '$expired'
                                     and k.keyword_id = any (m.keywords))
$$;

-- What is told of messages that have just come into a mailbox: the first 20 one by one.
create function push_messages_v1(p_account bigint, p_mailbox int, p_uids text, p_expired boolean) returns jsonb
language sql stable as $$
  select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
           'uid', t.uid, 'size', t.size, 'internaldate', extract(epoch from t.internal_date)::bigint,
           'sent', extract(epoch from h.sent_at)::bigint, 'direction', nullif(h.direction, 0), 'kind', coalesce(o.kind, 0),
           'envelope', case when octet_length(h.envelope) <= 4000 then translate(encode(h.envelope, 'base64'), E'\n', '') end,
           'sender', o.sender, 'subject', o.subject, 'conversation_id', h.conversation_id,
           'contribution_id', h.contribution_id, 'imdn_id', h.imdn_id, 'conversation', o.conversation, 'group', nullif(o.is_group, false),
           'file_name', o.file_name, 'file_type', o.file_type, 'file_size', o.file_size)) order by t.uid)
    from (select * from push_uids_v1(p_account, p_mailbox, p_uids, p_expired) m order by m.uid limit 20) t
         left join content_head h on h.account_id = p_account and h.content_id = t.content_id
         left join cpm_object o on o.account_id = p_account and o.content_id = t.content_id
$$;

-- Adds an event for whoever wants it. REQUIRES: within the transaction of the change, after it, with the mailbox's row locked
-- when it is about a mailbox. p_mailbox 0: about the account. p_modseq 0: that of the mailbox now. Keys of p_detail: docs/push.md.
-- Of messages that came (event 1) `uids` is enough; one marked $Expired is an event 12 too.
create function outbox_add_v1(p_account bigint, p_mailbox int, p_modseq int, p_event int, p_detail jsonb) returns void
language plpgsql as $$
declare
  v_subscription push_subscription;
  v_detail jsonb;
  v_row mailbox;
  v_path text;
  v_event bigint := ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 16))::bit(64)::bigint & 9223372036854775807;
  v_moment timestamptz := clock_timestamp();
  v_queue int;
begin
  if p_event = 1 and coalesce(p_detail ->> 'how', 'append') = 'append' and exists (select from push_subscription s where s.account_id in (p_account, 0) and s.events & 4096 <> 0) then
    select jsonb_build_object('uids', string_agg(m.uid::text, ',' order by m.uid)) into v_detail
      from push_uids_v1(p_account, p_mailbox, p_detail ->> 'uids', true) m;
    if v_detail ->> 'uids' is not null then
      perform outbox_add_v1(p_account, p_mailbox, p_modseq, 12, p_detail || v_detail);
    end if;
    v_detail := null;
  end if;
  -- The usual case: nobody wants it.
  if not exists (select from push_subscription s where s.account_id in (p_account, 0) and (s.events >> p_event) & 1 = 1) then
    return;
  end if;
  for v_subscription in select * from push_wanting_v1(p_account, p_event) loop
    if v_detail is null then
      v_detail := coalesce(p_detail, '{}');
      if p_mailbox <> 0 then
        select * into v_row from mailbox m where m.account_id = p_account and m.mailbox_id = p_mailbox;
        v_path := coalesce(v_detail ->> 'mailbox', v_detail ->> 'path', mailbox_path_v1(p_account, p_mailbox));
        v_detail := v_detail || jsonb_strip_nulls(jsonb_build_object('mailbox', v_path, 'uidvalidity', v_row.uidvalidity,
          'uidnext', v_row.uidnext, 'messages', v_row.messages, 'unseen', v_row.unseen));
        if p_event in (1, 12) and not v_detail ? 'objects' then
          v_detail := v_detail || jsonb_build_object('objects', coalesce(push_messages_v1(p_account, p_mailbox, v_detail ->> 'uids', p_event = 12), '[]'));
        end if;
      end if;
    end if;
    if v_subscription.mailbox is not null and p_mailbox <> 0 and v_path is distinct from v_subscription.mailbox
       and not starts_with(v_path, v_subscription.mailbox || '/') then
      continue;
    end if;
    if v_subscription.kinds is not null and v_detail ? 'objects' and not exists (
         select from jsonb_array_elements(v_detail -> 'objects') o where (o ->> 'kind')::smallint = any (v_subscription.kinds)) then
      continue;
    end if;
    v_queue := case when v_subscription.digest > 0 then 0 else p_mailbox end;
    insert into outbox (account_id, subscription_id, event_id, created_at, queue, mailbox_id, modseq, event, detail)
      values (p_account, v_subscription.subscription_id, v_event, v_moment, v_queue, p_mailbox,
              case when p_mailbox = 0 or p_modseq > 0 then p_modseq else coalesce(v_row.highestmodseq, 2147483647) end,
              p_event, v_detail);
    -- The lock that this takes makes a node that finds the queue empty wait for the row above.
    insert into push_queue as q (account_id, subscription_id, queue, origin, due_at)
      values (p_account, v_subscription.subscription_id, v_queue, v_subscription.origin,
              v_moment + v_subscription.digest * interval '1 second')
      on conflict (account_id, subscription_id, queue) do update set due_at = excluded.due_at
        where q.attempts = 0 and q.lease = 0 and q.due_at > excluded.due_at;
  end loop;
end $$;

-- ---------------------------------------------------------------- devices

create table login_device (
  account_id bigint not null references account on delete cascade,
  device text collate "C" not null,
  network text collate "C" not null,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  primary key (account_id, device, network)
);
comment on table login_device is 'From where a user logged in: what is not here is a new device. At most 200 of an account.';
comment on column login_device.device is 'What the client said of itself (RFC 2971); empty: nothing.';
comment on column login_device.network is 'Of its address: 24 bits of IPv4, 48 of IPv6.';

-- Notes a log-in; true when nobody came like this before.
create function login_seen_v1(p_account bigint, p_device text, p_network text, p_detail jsonb) returns boolean
language plpgsql as $$
begin
  update login_device d set last_seen = now() where d.account_id = p_account and d.device = p_device and d.network = p_network;
  if found then
    return false;
  end if;
  insert into login_device (account_id, device, network) values (p_account, p_device, p_network) on conflict do nothing;
  if not found then
    return false;
  end if;
  delete from login_device d
   where d.account_id = p_account
     and (d.device, d.network) in (select o.device, o.network from login_device o where o.account_id = p_account
                                    order by o.last_seen desc offset 200);
  perform outbox_add_v1(p_account, 0, 0, 13, p_detail);
  return true;
end $$;
