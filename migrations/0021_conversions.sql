-- What was made of stored content and can be made again at any time: results of CONVERT (RFC 5259) and texts of PREVIEW (RFC 8970).
-- Of one account only: no row is shared between accounts, so that nobody learns from a quick answer what others have
-- (docs/decisions/0051-conversions.md). Counted to no quota; removed with the content, with the account, and when there is too much.

create table converted_part (
  account_id bigint not null references account on delete cascade,
  content_id bigint not null,
  part text collate "C" not null,
  source bytea not null,
  primary key (account_id, content_id, part)
);
create index converted_part_source on converted_part (account_id, source);
comment on table converted_part is 'A part of a message of which something was made.';
comment on column converted_part.part is 'Its section number, "2.1"; empty: the whole message.';
comment on column converted_part.source is 'SHA-256 of its octets without transfer encoding and of what they are declared to be: equal parts share results.';

create table conversion (
  account_id bigint not null references account on delete cascade,
  octets bigint not null check (octets >= 0),
  used_at timestamptz not null default now(),
  source bytea not null,
  request bytea not null,
  head text not null,
  data bytea not null,
  primary key (account_id, source, request)
);
alter table conversion alter column data set storage external;
create index conversion_used on conversion (used_at) include (octets);
comment on table conversion is 'What became of a part, or why nothing can. Any row may be removed at any time.';
comment on column conversion.octets is 'Of data, and some more for the row.';
comment on column conversion.used_at is 'To about an hour: what was not used for longest goes first.';
comment on column conversion.source is 'converted_part.source.';
comment on column conversion.request is 'SHA-256 of the target, the parameters and the version of the worker.';
comment on column conversion.head is 'JSON: what it is, or the refusal (imap/session/conversions.h).';

create table preview (
  account_id bigint not null references account on delete cascade,
  content_id bigint not null,
  preview text not null,
  primary key (account_id, content_id)
);
comment on table preview is 'The preview of a message (imap/deliver/preview.h).';

select wall_raise_v1('converted_part'), wall_raise_v1('conversion'), wall_raise_v1('preview');

-- Keeps a result, unless the message is gone, and removes what the account used least until p_bound octets are left. Returns how many
-- results were removed.
create function conversion_keep_v1(p_account bigint, p_content bigint, p_part text, p_source bytea, p_request bytea, p_head text,
  p_data bytea, p_bound bigint)
returns int
language plpgsql as $$
declare
  v_gone int;
begin
  perform from content c where c.account_id = p_account and c.content_id = p_content for key share;
  if not found then
    return 0;
  end if;
  insert into converted_part as c (account_id, content_id, part, source) values (p_account, p_content, p_part, p_source)
    on conflict (account_id, content_id, part) do update set source = excluded.source where c.source <> excluded.source;
  insert into conversion as c (account_id, octets, source, request, head, data)
    values (p_account, octet_length(p_data) + 500, p_source, p_request, p_head, p_data)
    on conflict (account_id, source, request) do update set used_at = now();
  if (select sum(c.octets) from conversion c where c.account_id = p_account) <= p_bound then
    return 0;
  end if;
  delete from conversion c
   using (select i.source, i.request, sum(i.octets) over (order by i.used_at desc, i.source, i.request) as total
            from conversion i where i.account_id = p_account) o
   where c.account_id = p_account and c.source = o.source and c.request = o.request and o.total > p_bound;
  get diagnostics v_gone = row_count;
  return v_gone;
end $$;

-- Previews of contents that are still there.
create function previews_keep_v1(p_account bigint, p_contents bigint[], p_previews text[]) returns void
language sql as $$
  insert into preview as p (account_id, content_id, preview)
    select p_account, n.content_id, n.preview from unnest(p_contents, p_previews) as n(content_id, preview)
     where exists (select from content c where c.account_id = p_account and c.content_id = n.content_id)
     order by n.content_id
    on conflict (account_id, content_id) do update set preview = excluded.preview where p.preview <> excluded.preview
$$;

-- As before, and what was made of the contents goes with them.
create or replace function purge_v1(p_account bigint, p_contents bigint[], p_dead timestamptz, p_staged timestamptz) returns int
language plpgsql as $$
declare
  v_id bigint;
  v_state smallint;
  v_changed timestamptz;
  v_gone int := 0;
  v_sources bytea[];
begin
  perform from account a where a.account_id = p_account for no key update skip locked;
  if not found and exists (select from account a where a.account_id = p_account) then
    return 0;
  end if;
  foreach v_id in array p_contents loop
    select c.state, c.changed_at into v_state, v_changed from content c
     where c.account_id = p_account and c.content_id = v_id for update;
    continue when not found or not (v_state = 2 and v_changed < p_dead or v_state = 0 and v_changed < p_staged);
    delete from content c where c.account_id = p_account and c.content_id = v_id;
    delete from content_chunk c where c.account_id = p_account and c.content_id = v_id;
    delete from content_text c where c.account_id = p_account and c.content_id = v_id;
    delete from cpm_object c where c.account_id = p_account and c.content_id = v_id;
    delete from content_head c where c.account_id = p_account and c.content_id = v_id;
    delete from preview p where p.account_id = p_account and p.content_id = v_id;
    with gone as (
      delete from converted_part c where c.account_id = p_account and c.content_id = v_id returning c.source)
    select array_agg(g.source) into v_sources from gone g;
    if v_sources is not null then
      delete from conversion c
       where c.account_id = p_account and c.source = any (v_sources)
         and not exists (select from converted_part o where o.account_id = p_account and o.source = c.source);
    end if;
    v_gone := v_gone + 1;
  end loop;
  return v_gone;
end $$;
