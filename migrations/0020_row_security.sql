-- A second wall underneath the rights check (decision 0047): PostgreSQL shows a session rows of those accounts only that its
-- statements were admitted to. The setting cpmstore.wall says which: a list of accounts ({5,9}), nothing, or `open` for work of the
-- store itself. schema::Database declares it with every transaction and every statement; who never does, as releases before this
-- schema, gets an error and not the appearance of an empty store.

-- ---------------------------------------------------------------- the wall

-- Puts a table behind the wall. p_account: false for tables that are of no account, which are written, and without p_read also
-- read, with the wall open only. p_read: what may be read besides. p_few: statements read few rows at a time.
create function wall_raise_v1(p_table regclass, p_account boolean default true, p_read text default null, p_few boolean default false)
returns void language plpgsql as $$
declare
  -- The accounts that are admitted; null: all.
  c_accounts constant text := $accounts$case when current_setting('cpmstore.wall') = 'open' then null
    else coalesce(nullif(current_setting('cpmstore.wall'), ''), '{}')::bigint[] end$accounts$;
  -- Evaluated for each row, and once a statement, which costs as much as some rows do. In this form the planner takes it for true of
  -- nearly all rows, as it is of those that statements ask for, and plans as if it were not there.
  c_row constant text := format('nullif((account_id = any (%s)) is not false, false) is not null', c_accounts);
  c_once constant text := format('nullif((account_id = any ((select %s)::bigint[])) is not false, false) is not null', c_accounts);
  c_open constant text := $open$current_setting('cpmstore.wall') = 'open'$open$;
  -- Of new rows: as little to prepare as can be, because most statements write one row.
  c_check constant text := c_open || $check$ or account_id = any (nullif(current_setting('cpmstore.wall'), '')::bigint[])$check$;
begin
  execute format('alter table %s enable row level security', p_table);
  execute format('alter table %s force row level security', p_table);
  execute format('create policy wall on %s using (%s) with check (%s)', p_table,
                 case when not p_account then c_open when p_few then c_row else c_once end,
                 case when p_account then c_check else c_open end);
  if p_read is not null then
    execute format('create policy wall_read on %s for select using (%s)', p_table, p_read);
  end if;
end $$;
comment on function wall_raise_v1(regclass, boolean, text, boolean) is 'Called for each table by the migration that makes it. A test fails for tables that are neither behind the wall nor among its exceptions.';

do $$
declare
  c_few constant text[] := '{account, account_policy, acl_pace, audit_chain, credential, login_device, quota_root, sweep_mark}';
  v_table record;
begin
  for v_table in
    select c.oid::regclass as name, c.relname = any (c_few) as few
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
       and c.relname not in ('address', 'shared_name', 'push_subscription')
     order by c.oid
  loop
    perform wall_raise_v1(v_table.name, true, null, v_table.few);
  end loop;
end $$;
-- Those of account 0 concern every account.
select wall_raise_v1('push_subscription', true, 'account_id = 0', true);
-- The directory: which name leads to which account. Everybody may look a name up, nobody but the store changes it.
select wall_raise_v1('address', false, 'true');
select wall_raise_v1('shared_name', false, 'true');
select wall_raise_v1('acl_group', false, 'true');
select wall_raise_v1('site_policy', false, 'true');
-- Of the store.
select wall_raise_v1('service', false);
select wall_raise_v1('service_pattern', false);
select wall_raise_v1('sweep_round', false);
select wall_raise_v1('audit_round', false);

-- Whether statements see an account now.
create function wall_sees_v1(p_account bigint) returns boolean
language sql stable as $$
  select p_account is not null
         and (p_account = any (case when current_setting('cpmstore.wall') = 'open' then null
                                    else coalesce(nullif(current_setting('cpmstore.wall'), ''), '{}')::bigint[] end)) is not false
$$;

-- The partitions of the record: each is behind the wall for who names it.
create or replace function audit_months_v1(p_months int) returns int
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
    perform wall_raise_v1(v_name::regclass);
    execute format('alter table audit attach partition %I for values from (%L) to (%L)', v_name, v_month,
                   ((v_month at time zone 'UTC') + interval '1 month') at time zone 'UTC');
    v_made := v_made + 1;
  end loop;
  return v_made;
end $$;

-- ---------------------------------------------------------------- what an index must find

-- Behind the wall PostgreSQL uses an index only for operators that it knows to keep secrets: not for those of expressions and of
-- LIKE. Tables with such indexes have a second entrance without policies, an empty parent, and views of it with the same
-- condition as an ordinary one. Nothing but these views names the parents. The constraint lets plans leave the parent itself out;
-- it has all columns in their order because a restored dump would put those that it has first.
create table wall_message (like message, check (account_id is null) no inherit);
create table wall_message_annotation (like message_annotation, check (account_id is null) no inherit);
create table wall_content_head (like content_head, check (account_id is null) no inherit);
create table wall_content_text (like content_text, check (account_id is null) no inherit);
alter table message inherit wall_message;
alter table message_annotation inherit wall_message_annotation;
alter table content_head inherit wall_content_head;
alter table content_text inherit wall_content_text;
comment on table wall_message is 'The table message without its policies, for message_by_modseq. Has no rows of its own.';
comment on table wall_message_annotation is 'The table message_annotation without its policies, for annotation_by_modseq. Has no rows of its own.';
comment on table wall_content_head is 'The table content_head without its policies, for content_by_id. Has no rows of its own.';
comment on table wall_content_text is 'The table content_text without its policies, for content_by_text. Has no rows of its own.';

-- They are for reading: what changes rows names the table.
create function wall_read_only_v1() returns trigger language plpgsql as $$
begin
  raise exception '% is for reading', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger read_only before insert or update or delete or truncate on wall_message
  for each statement execute function wall_read_only_v1();
create trigger read_only before insert or update or delete or truncate on wall_message_annotation
  for each statement execute function wall_read_only_v1();
create trigger read_only before insert or update or delete or truncate on wall_content_head
  for each statement execute function wall_read_only_v1();
create trigger read_only before insert or update or delete or truncate on wall_content_text
  for each statement execute function wall_read_only_v1();

create view message_by_modseq as
  select w.* from wall_message w
   where nullif((w.account_id = any ((
     select case when current_setting('cpmstore.wall') = 'open' then null
                 else coalesce(nullif(current_setting('cpmstore.wall'), ''), '{}')::bigint[] end)::bigint[])) is not false, false) is not null;
create view annotation_by_modseq as
  select w.* from wall_message_annotation w
   where nullif((w.account_id = any ((
     select case when current_setting('cpmstore.wall') = 'open' then null
                 else coalesce(nullif(current_setting('cpmstore.wall'), ''), '{}')::bigint[] end)::bigint[])) is not false, false) is not null;
create view content_by_id as
  select w.* from wall_content_head w
   where nullif((w.account_id = any ((
     select case when current_setting('cpmstore.wall') = 'open' then null
                 else coalesce(nullif(current_setting('cpmstore.wall'), ''), '{}')::bigint[] end)::bigint[])) is not false, false) is not null;
create view content_by_text as
  select w.* from wall_content_text w
   where nullif((w.account_id = any ((
     select case when current_setting('cpmstore.wall') = 'open' then null
                 else coalesce(nullif(current_setting('cpmstore.wall'), ''), '{}')::bigint[] end)::bigint[])) is not false, false) is not null;

create or replace function thread_of_v1(p_account bigint, p_imdn text, p_contribution text) returns bigint
language sql stable as $$
  select coalesce(
    (select h.thread_id from content_by_id h
      where h.account_id = p_account and length(h.imdn_id) = length(p_imdn)
        and hashtextextended(upper(h.imdn_id), 0) = hashtextextended(upper(p_imdn), 0)
        and h.imdn_id = p_imdn and h.thread_id is not null
      order by h.content_id desc limit 1),
    (select h.thread_id from content_by_id h
      where h.account_id = p_account and length(h.contribution_id) = length(p_contribution)
        and hashtextextended(upper(h.contribution_id), 0) = hashtextextended(upper(p_contribution), 0)
        and h.contribution_id = p_contribution and h.thread_id is not null
      order by h.content_id desc limit 1))
$$;

create or replace function deposited_v1(p_account bigint, p_mailbox int, p_imdn text[], p_contribution text[], p_digests bytea[])
returns table (n int, uid int)
language sql stable as $$
  select t.n::int, f.uid
    from unnest(p_imdn, p_contribution, p_digests) with ordinality as t(imdn, contribution, digest, n)
         cross join lateral (
           select m.uid
             from (select h.content_id, h.thread_id from content_by_id h
                    where t.imdn <> '' and h.account_id = p_account and length(h.imdn_id) = length(t.imdn)
                      and hashtextextended(upper(h.imdn_id), 0) = hashtextextended(upper(t.imdn), 0) and h.imdn_id = t.imdn
                   union all
                   select h.content_id, h.thread_id from content_by_id h
                    where t.imdn = '' and h.account_id = p_account and length(h.contribution_id) = length(t.contribution)
                      and hashtextextended(upper(h.contribution_id), 0) = hashtextextended(upper(t.contribution), 0)
                      and h.contribution_id = t.contribution) h
                  join content c on c.account_id = p_account and c.content_id = h.content_id and c.state = 1
                                    and c.digest = t.digest
                  join lateral (
                    select i.uid from cpm_object o
                           join message i on i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = o.uid
                                             and i.content_id = o.content_id
                     where o.account_id = p_account and o.content_id = h.content_id and o.mailbox_id = p_mailbox
                    union all  -- moved away and back, or a copy: looked for only then
                    select i.uid from message i
                     where i.account_id = p_account and i.conversation_id = h.thread_id and i.content_id = h.content_id
                       and i.mailbox_id = p_mailbox
                       and not exists (select from cpm_object o
                                              join message w on w.account_id = p_account and w.mailbox_id = p_mailbox
                                                                and w.uid = o.uid and w.content_id = o.content_id
                                        where o.account_id = p_account and o.content_id = h.content_id
                                          and o.mailbox_id = p_mailbox)) m on true
            order by m.uid limit 1) f
$$;

create or replace function contents_by_text_v1(p_account bigint, p_pattern text, p_header boolean, p_body boolean, p_most integer)
returns bytea language plpgsql stable as $$
declare
  v_sql text;
  v_count bigint;
  v_found bytea;
begin
  if (select count(*) from pg_index
       where indexrelid in (to_regclass('content_head_trigrams'), to_regclass('content_text_trigrams'))
         and indisvalid) < 2 then
    return null;
  end if;
  v_sql := concat_ws(' union all ',
    case when p_header then
      'select h.content_id from content_by_id h where h.account_id = $1 and h.header_text like $2' end,
    case when p_body then
      'select t.content_id from content_by_text t where t.account_id = $1 and t.body_text like $2'
      ' union all select t.content_id from content_by_text t where t.account_id = $1 and not t.complete' end);
  execute 'select count(*), string_agg(int8send(f.content_id), '''') from (' || v_sql || ' limit $3 + 1) f'
     into v_count, v_found using p_account, p_pattern, p_most;
  return case when v_count <= p_most then coalesce(v_found, ''::bytea) end;
end $$;

create or replace function flags_changed_v1(
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
    from message_by_modseq m
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

-- ---------------------------------------------------------------- doors

-- Functions that see more than whom they are called for: each does one thing, says what for, and closes the door behind it.
-- (A setting of a function would do that by itself, but PostgreSQL lets only superusers declare it for a name of ours.)

-- A name that logs in, with what proves it; a service with the addresses it acts for.
create function login_v1(
  p_address text, out account_id bigint, out state smallint, out salt bytea, out iterations int, out stored_key bytea, out server_key bytea,
  out role smallint, out service_salt bytea, out service_iterations int, out service_stored_key bytea, out service_server_key bytea,
  out patterns text) returns setof record
language plpgsql stable as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
begin
  perform set_config('cpmstore.wall', 'open', true);
  return query
    select d.account_id, a.state, c.salt, c.iterations, c.stored_key, c.server_key,
           s.role, s.salt, s.iterations, s.stored_key, s.server_key,
           (select string_agg(p.pattern, E'\n' order by p.pattern) from service_pattern p where p.name = s.name)
      from address d left join account a on a.account_id = d.account_id
           left join credential c on c.account_id = d.account_id
           left join service s on d.account_id is null and s.name = d.address
     where d.address = p_address;
  perform set_config('cpmstore.wall', v_before, true);
end $$;

-- Whose an address is that somebody asks to act for, and whether that account is in use.
create function login_acted_for_v1(p_address text, out account_id bigint, out state smallint) returns setof record
language plpgsql stable as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
begin
  perform set_config('cpmstore.wall', 'open', true);
  return query select d.account_id, a.state from address d join account a on a.account_id = d.account_id where d.address = p_address;
  perform set_config('cpmstore.wall', v_before, true);
end $$;

-- A log-in that was refused is recorded with the account whose address was named.
create or replace function login_refused_v1(p_address text, p_by jsonb, p_detail jsonb) returns void
language plpgsql as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
  v_account bigint;
begin
  select a.account_id into v_account from address a where a.address = p_address and a.account_id is not null;
  if found then
    perform set_config('cpmstore.wall', array[v_account]::text, true);
    perform login_record_v1(v_account, p_by, 3, 1, p_detail);
    perform set_config('cpmstore.wall', v_before, true);
  end if;
end $$;

-- Which of p_owners share something with p_reader: an entry gives the account, a group of it or everybody some right in some
-- mailbox. In which one, and whether another entry takes the right away, the rights check finds out (schema/access.h). p_signed:
-- p_reader is not who asks, but has signed URLs into mailboxes of the owner (RFC 4467); then their own account is asked for too.
create function wall_admits_v1(p_reader bigint, p_owners bigint[], p_signed boolean) returns bigint[]
language plpgsql stable as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
  v_admitted bigint[];
begin
  perform set_config('cpmstore.wall', 'open', true);
  select array_agg(o.owner) into v_admitted
    from unnest(p_owners) as o(owner)
   where (o.owner = p_reader
          or exists (select from acl a where a.account_id = o.owner and a.kind = 0 and not a.negative
                                         and (a.expires_at is null or a.expires_at > clock_timestamp()))
          or exists (select from acl a where a.account_id = o.owner and a.kind = 1 and a.grantee = p_reader and not a.negative
                                         and (a.expires_at is null or a.expires_at > clock_timestamp()))
          or exists (select from acl_member m join acl a on a.account_id = o.owner and a.kind = 2 and a.grantee = m.group_id
                      where m.account_id = p_reader and not a.negative
                        and (a.expires_at is null or a.expires_at > clock_timestamp())))
     and (not p_signed or exists (select from urlauth_key k where k.account_id = o.owner and k.user_id = p_reader));
  perform set_config('cpmstore.wall', v_before, true);
  return coalesce(v_admitted, '{}');
end $$;

-- Who shares something with an account, with its groups or with everybody, as the hints say.
create function shared_owners_v1(p_reader bigint, p_most int) returns bigint[]
language plpgsql stable as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
  v_owners bigint[];
begin
  if not wall_sees_v1(p_reader) then
    return '{}';
  end if;
  perform set_config('cpmstore.wall', 'open', true);
  select array_agg(distinct t.owner) into v_owners
    from (select s.owner from shared_to s where s.account_id = p_reader and s.kind = 1
          union all
          select s.owner from acl_member m cross join lateral (
                   select i.owner from shared_to i where i.account_id = m.group_id and i.kind = 2 limit p_most) s
           where m.account_id = p_reader
          union all
          (select s.owner from shared_to s where s.account_id = 0 and s.kind = 0 limit p_most)) t
   where t.owner <> p_reader;
  perform set_config('cpmstore.wall', v_before, true);
  return coalesce(v_owners, '{}');
end $$;

-- The hint that an owner shares something stands with the grantee.
create function share_hint_v1(p_owner bigint, p_kind int, p_grantee bigint, p_shares boolean) returns void
language plpgsql as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
begin
  if not wall_sees_v1(p_owner) then
    return;
  end if;
  perform set_config('cpmstore.wall', 'open', true);
  if p_shares then
    insert into shared_to (account_id, kind, owner) values (p_grantee, p_kind, p_owner) on conflict do nothing;
  else
    delete from shared_to s where s.account_id = p_grantee and s.kind = p_kind and s.owner = p_owner;
  end if;
  perform set_config('cpmstore.wall', v_before, true);
end $$;

-- Devices of who was given something, or had it taken, are told.
create function share_told_v1(p_owner bigint, p_grantee bigint, p_event int, p_detail jsonb) returns void
language plpgsql as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
begin
  if not wall_sees_v1(p_owner) then
    return;
  end if;
  perform set_config('cpmstore.wall', 'open', true);
  perform outbox_add_v1(p_grantee, 0, 0, p_event, p_detail);
  perform set_config('cpmstore.wall', v_before, true);
end $$;

-- A user's keys, wherever they have signed URLs, whether or not anything is still shared there.
create function url_keys_remove_v1(p_user bigint, p_owners bigint[], out owner bigint, out mailbox int) returns setof record
language plpgsql as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
begin
  if not wall_sees_v1(p_user) then
    return;
  end if;
  perform set_config('cpmstore.wall', 'open', true);
  return query delete from urlauth_key k where k.account_id = any (p_owners) and k.user_id = p_user returning k.account_id, k.mailbox_id;
  perform set_config('cpmstore.wall', v_before, true);
end $$;

-- Subscriptions that want an event of an account, whatever the mailbox and the kind: for whom a service may act only the store sees.
create or replace function push_wanting_v1(p_account bigint, p_event int) returns setof push_subscription
language plpgsql stable security invoker as $$
declare
  v_before text := coalesce(current_setting('cpmstore.wall', true), '');
begin
  if not wall_sees_v1(p_account) then
    return;
  end if;
  perform set_config('cpmstore.wall', 'open', true);
  return query
    select s.* from push_subscription s
     where s.account_id in (p_account, 0) and (s.events >> p_event) & 1 = 1
       and (not s.by_user or push_allowed_v1(p_account))
       and (s.service is null or exists (
              select from service_pattern p join address a on a.account_id = p_account
               where p.name = s.service
                 and a.address like replace(replace(replace(replace(replace(p.pattern,
                       '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_')))
     order by s.subscription_id;
  perform set_config('cpmstore.wall', v_before, true);
end $$;
alter function push_wanting_v1(bigint, int) reset all;
