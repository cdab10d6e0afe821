-- Objects without Message-Direction: who sent them is known before their rows are made, so that nothing that was just
-- inserted is changed again.

-- What cpm_objects_insert_v1 would do afterwards for the objects that say `undirected`: the sender tells the direction.
-- p_objects: as for cpm_objects_insert_v1, of messages that all are new; p_directions: of each of these messages.
create function objects_direct_v1(p_account bigint, inout p_objects jsonb, inout p_directions smallint[])
language plpgsql as $$
begin
  if (p_objects @? '$[*].undirected') is not true then
    return;
  end if;
  with told as materialized (
    select t.object, t.place, (t.object ->> 'n')::int as n,
           case when t.object ? 'undirected' then account_owns_v1(p_account, t.object ->> 'sender') end as own
      from jsonb_array_elements(p_objects) with ordinality as t(object, place))
  select (select jsonb_agg(case when w.own is null then w.object
                                when w.own and w.object ->> 'talk' = '2' then (w.object - 'undirected') || '{"talk": 1}'
                                else w.object - 'undirected' end order by w.place)
            from told w),
         array(select case when w.own then 1::smallint when not w.own then 2::smallint else d.direction end
                 from unnest(p_directions) with ordinality as d(direction, n)
                      left join told w on w.n = d.n
                order by d.n)
    into p_objects, p_directions;
end $$;

create or replace function deposit_inline_v3(
  p_account bigint, p_mailbox int, p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea,
  p_internal bigint[], p_flags int[], p_keywords text[], p_objects jsonb, p_now bigint,
  out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
declare
  v_objects jsonb := p_objects;
  v_directions smallint[] := p_directions;
begin
  if p_objects is not null then
    select t.p_objects, t.p_directions into v_objects, v_directions from objects_direct_v1(p_account, p_objects, p_directions) t;
  end if;
  perform content_insert_v2(p_account, p_contents, p_sizes, p_header_octets, p_dates, p_moments, v_directions, p_threads, p_exact,
                            p_complete, p_at, p_blob);
  select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
    from deposit_v2(p_account, p_mailbox, p_contents, p_sizes, p_internal, p_flags, p_keywords, null, v_objects, p_now) d;
end $$;
