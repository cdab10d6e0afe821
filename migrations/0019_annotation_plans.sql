-- Annotations of messages: no plan depends on statistics; each message is one descent of the primary key.

drop index message_annotation_modseq;
create index message_annotation_modseq on message_annotation (account_id, (mailbox_id::bigint << 32 | modseq));
comment on index message_annotation_modseq is 'Which entries changed since a MODSEQ. One number, as in message_modseq, so that it never competes with the primary key.';

create or replace function annotations_put_v1(
  p_account bigint, p_mailbox int, p_uids int[], p_owners bigint[], p_entries text[], p_values bytea[], p_modseq int,
  p_most int, p_octets bigint, out modseq int, out changed int[])
language plpgsql as $$
declare
  v_octets bigint;
  v_grown int[];
  v_emptied int[];
  v_step record;
  v_full record;
begin
  select array_agg(distinct t.uid order by t.uid), coalesce(sum(t.after - t.before), 0),
         array_agg(distinct t.uid) filter (where t.before = 0 and t.after > 0),
         array_agg(distinct t.uid) filter (where t.after = 0)
    into changed, v_octets, v_grown, v_emptied
    from (select u.uid, case when a.value is null then 0 else octet_length(e.entry) + octet_length(a.value) end as before,
                 case when e.value is null then 0 else octet_length(e.entry) + octet_length(e.value) end as after
            from unnest(p_uids) as u(uid)
                 cross join unnest(p_owners, p_entries, p_values) as e(owner, entry, value)
                 left join lateral (select i.value from message_annotation i
                                     where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = u.uid
                                       and i.owner_id = e.owner and i.entry = e.entry offset 0) a on true
           where a.value is distinct from e.value) t;
  if changed is null then
    return;
  end if;
  if v_octets <> 0 then
    update account a set annotation_octets = a.annotation_octets + v_octets
     where a.account_id = p_account and (v_octets < 0 or a.annotation_octets + v_octets <= p_octets);
    if not found then
      raise exception 'quota of account % root 0 is reached', p_account using errcode = 'CP001';
    end if;
    perform annotation_charge_v1(p_account, p_mailbox, v_octets);
  end if;
  modseq := p_modseq;
  if modseq is null then
    select m.modseq into modseq from mailbox_advance_v1(p_account, p_mailbox, 0, 0, 0, 0, 0, 0) m;
    for v_step in select * from uid_steps_v1(changed) loop
      update message m set modseq = annotations_put_v1.modseq
       where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between v_step.lo and v_step.hi
         and (v_step.pick is null or m.uid = any (v_step.pick));
    end loop;
  end if;
  insert into message_annotation as a (account_id, owner_id, mailbox_id, uid, modseq, entry, value)
    select p_account, e.owner, p_mailbox, u.uid, annotations_put_v1.modseq, e.entry, e.value
      from unnest(changed) as u(uid)
           cross join unnest(p_owners, p_entries, p_values) as e(owner, entry, value)
           left join lateral (select true as there from message_annotation i
                               where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = u.uid
                                 and i.owner_id = e.owner and i.entry = e.entry offset 0) o on true
     where e.value is not null or o.there
  on conflict (account_id, mailbox_id, uid, owner_id, entry) do update
     set value = excluded.value, modseq = excluded.modseq
   where a.value is distinct from excluded.value;
  update mailbox m set has_annotations = true
   where m.account_id = p_account and m.mailbox_id = p_mailbox and not m.has_annotations;
  if v_grown is not null and exists (
       select from unnest(v_grown) as u(uid)
              cross join lateral (select count(*) as n from message_annotation i
                                   where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = u.uid
                                     and i.owner_id = any (p_owners) and i.value is not null
                                   group by i.owner_id offset 0) c
        where c.n > p_most) then
    raise exception 'too many annotations' using errcode = 'CP004';
  end if;
  for v_full in
    select u.uid, c.owner_id
      from unnest(v_emptied) as u(uid)
           cross join lateral (select i.owner_id, count(*) as n from message_annotation i
                                where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = u.uid
                                  and i.owner_id = any (p_owners) and i.value is null
                                group by i.owner_id offset 0) c
     where c.n > 32
  loop
    delete from message_annotation a
     where a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid = v_full.uid and a.owner_id = v_full.owner_id
       and a.value is null
       and a.entry not in (select i.entry from message_annotation i
                            where i.account_id = p_account and i.mailbox_id = p_mailbox and i.uid = v_full.uid
                              and i.owner_id = v_full.owner_id and i.value is null
                            order by i.modseq desc, i.entry limit 32);
  end loop;
end $$;
