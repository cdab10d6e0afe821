-- Annotations of messages (RFC 5257): an entry of a message has a value that all see, or one for each user.
--
-- They belong to the message in its mailbox: they go with it when it is moved, are copied with it and removed with it, in the
-- statement that does so. Refusals, beside those of 0002:
--   CP004  a message would have too many annotations

alter table account add column annotation_octets bigint not null default 0 check (annotation_octets >= 0);
comment on column account.annotation_octets is 'Octets of entries and values in message_annotation, removed ones left out; changed in the transaction that changes them.';

alter table mailbox add column has_annotations boolean not null default false;
comment on column mailbox.has_annotations is 'Messages here have or had annotations: what copies or removes messages must look.';

create table message_annotation (
  account_id bigint not null,
  owner_id bigint not null,
  mailbox_id int not null,
  uid int not null check (uid <> 0),
  modseq int not null,
  entry text collate "C" not null,
  value bytea,
  primary key (account_id, mailbox_id, uid, owner_id, entry),
  foreign key (account_id, mailbox_id) references mailbox on delete cascade
);
create index message_annotation_modseq on message_annotation (account_id, mailbox_id, modseq);
comment on table message_annotation is 'Annotations of messages.';
comment on column message_annotation.owner_id is 'Whose value it is: 0 for shared ones, the account of the user for private ones.';
comment on column message_annotation.uid is 'Negative only within copy_v2: on its way to another mailbox.';
comment on column message_annotation.modseq is 'Of the last change, as in message.modseq.';
comment on column message_annotation.entry is 'The whole name, "/1/comment"; names are case-sensitive.';
comment on column message_annotation.value is 'Any octets. Null: removed; the row tells sessions that have not heard of it. Some 32 of a message and an owner.';
comment on index message_annotation_modseq is 'Which entries changed since a MODSEQ.';

-- Sets the same entries of several messages: p_values[i] (null: removes it) of p_owners[i], p_entries[i]. `changed` are those for
-- which that was a change; they get p_modseq, or the next one of the mailbox when that is null. p_most: values that one owner may
-- have at a message; p_octets: of the account. The caller holds the locks of the account and the mailbox.
create function annotations_put_v1(
  p_account bigint, p_mailbox int, p_uids int[], p_owners bigint[], p_entries text[], p_values bytea[], p_modseq int,
  p_most int, p_octets bigint, out modseq int, out changed int[])
language plpgsql as $$
declare
  v_octets bigint;
  v_grown int[];
  v_emptied int[];
  v_step record;
begin
  select array_agg(distinct t.uid order by t.uid), coalesce(sum(t.after - t.before), 0),
         array_agg(distinct t.uid) filter (where t.before = 0 and t.after > 0),
         array_agg(distinct t.uid) filter (where t.after = 0)
    into changed, v_octets, v_grown, v_emptied
    from (select u.uid, case when a.value is null then 0 else octet_length(a.entry) + octet_length(a.value) end as before,
                 case when e.value is null then 0 else octet_length(e.entry) + octet_length(e.value) end as after
            from unnest(p_uids) as u(uid)
                 cross join unnest(p_owners, p_entries, p_values) as e(owner, entry, value)
                 left join message_annotation a on a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid = u.uid
                                                   and a.owner_id = e.owner and a.entry = e.entry
           where a.value is distinct from e.value) t;
  if changed is null then
    return;
  end if;
  if v_octets <> 0 then
    update account a set annotation_octets = a.annotation_octets + v_octets
     where a.account_id = p_account and (v_octets < 0 or a.annotation_octets + v_octets <= p_octets);
    if not found then
      raise exception 'limit of the account' using errcode = 'CP001';
    end if;
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
     where e.value is not null
        or exists (select from message_annotation o where o.account_id = p_account and o.mailbox_id = p_mailbox
                      and o.uid = u.uid and o.owner_id = e.owner and o.entry = e.entry)
  on conflict (account_id, mailbox_id, uid, owner_id, entry) do update
     set value = excluded.value, modseq = excluded.modseq
   where a.value is distinct from excluded.value;
  update mailbox m set has_annotations = true
   where m.account_id = p_account and m.mailbox_id = p_mailbox and not m.has_annotations;
  if v_grown is not null and exists (
       select from message_annotation a
        where a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid = any (v_grown) and a.owner_id = any (p_owners)
          and a.value is not null
        group by a.uid, a.owner_id having count(*) > p_most) then
    raise exception 'too many annotations' using errcode = 'CP004';
  end if;
  if v_emptied is not null then
    delete from message_annotation a
     using (select t.uid, t.owner_id, t.entry,
                   row_number() over (partition by t.uid, t.owner_id order by t.modseq desc, t.entry) as place
              from message_annotation t
             where t.account_id = p_account and t.mailbox_id = p_mailbox and t.uid = any (v_emptied)
               and t.owner_id = any (p_owners) and t.value is null) old
     where a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid = old.uid and a.owner_id = old.owner_id
       and a.entry = old.entry and old.place > 32;
  end if;
end $$;

-- Before a mailbox is deleted: its annotations no longer count.
create function annotations_drop_v1(p_account bigint, p_mailbox int) returns void
language plpgsql as $$
declare
  v_octets bigint;
begin
  with gone as (
    delete from message_annotation a where a.account_id = p_account and a.mailbox_id = p_mailbox
    returning octet_length(a.entry) + octet_length(a.value) as octets)
  select sum(g.octets) into v_octets from gone g;
  if v_octets > 0 then
    update account a set annotation_octets = a.annotation_octets - v_octets where a.account_id = p_account;
  end if;
end $$;

-- Deletes rows of message with their annotations. The account is locked.
create or replace function message_delete_v1(p_account bigint, p_mailbox int, p_uids int[]) returns void
language plpgsql as $$
declare
  v_step record;
  v_annotated boolean;
  v_octets bigint;
  v_sum bigint := 0;
begin
  v_annotated := exists (select from mailbox m
                          where m.account_id = p_account and m.mailbox_id = p_mailbox and m.has_annotations);
  for v_step in select * from uid_steps_v1(p_uids) loop
    delete from message m
     where m.account_id = p_account and m.mailbox_id = p_mailbox and m.uid between v_step.lo and v_step.hi
       and (v_step.pick is null or m.uid = any (v_step.pick));
    continue when not v_annotated;
    with gone as (
      delete from message_annotation a
       where a.account_id = p_account and a.mailbox_id = p_mailbox and a.uid between v_step.lo and v_step.hi
         and (v_step.pick is null or a.uid = any (v_step.pick))
      returning octet_length(a.entry) + octet_length(a.value) as octets)
    select sum(g.octets) into v_octets from gone g;
    v_sum := v_sum + coalesce(v_octets, 0);
  end loop;
  if v_sum > 0 then
    update account a set annotation_octets = a.annotation_octets - v_sum where a.account_id = p_account;
  end if;
end $$;

-- copy_v1 with annotations: shared ones when p_shared, private ones when p_private: of p_user, or of everybody when that is null
-- (RFC 5257 4.6). p_octets: of annotations of the account.
create function copy_v2(
  p_account bigint, p_from int, p_to int, p_lo int[], p_hi int[], p_move boolean, p_mask int, p_keep_keywords boolean,
  p_now bigint, p_keyword_limit int, p_user bigint, p_private boolean, p_shared boolean, p_octets bigint,
  out uidvalidity int, out first_uid int, out source_modseq int, out uids int[])
language plpgsql as $$
declare
  v_annotated boolean;
  v_modseq int;
  v_octets bigint;
begin
  -- The locks of copy_v1, so that nobody annotates meanwhile.
  perform from account a where a.account_id = p_account for no key update;
  perform from mailbox m where m.account_id = p_account and m.mailbox_id = least(p_from, p_to) for no key update;
  perform from mailbox m where m.account_id = p_account and m.mailbox_id = greatest(p_from, p_to) for no key update;
  v_annotated := exists (select from mailbox m
                          where m.account_id = p_account and m.mailbox_id = p_from and m.has_annotations);
  if v_annotated and p_move then
    -- Out of the way of the removal.
    update message_annotation a set uid = -a.uid
      from unnest(p_lo, p_hi) as r(lo, hi)
     where a.account_id = p_account and a.mailbox_id = p_from and a.uid between r.lo and r.hi and a.value is not null
       and case when a.owner_id = 0 then p_shared else p_private and (p_user is null or a.owner_id = p_user) end;
  end if;
  select c.uidvalidity, c.first_uid, c.source_modseq, c.uids into uidvalidity, first_uid, source_modseq, uids
    from copy_v1(p_account, p_from, p_to, p_lo, p_hi, p_move, p_mask, p_keep_keywords, p_now, p_keyword_limit) c;
  if not v_annotated or uids is null then
    return;
  end if;
  select m.highestmodseq into v_modseq from mailbox m where m.account_id = p_account and m.mailbox_id = p_to;
  if p_move then
    update message_annotation a set mailbox_id = p_to, uid = copy_v2.first_uid - 1 + t.n, modseq = v_modseq
      from unnest(uids) with ordinality as t(uid, n)
     where a.account_id = p_account and a.mailbox_id = p_from and a.uid = -t.uid;
    v_annotated := found;
  else
    with added as (
      insert into message_annotation (account_id, owner_id, mailbox_id, uid, modseq, entry, value)
        select p_account, a.owner_id, p_to, copy_v2.first_uid - 1 + t.n, v_modseq, a.entry, a.value
          from unnest(uids) with ordinality as t(uid, n)
               join message_annotation a on a.account_id = p_account and a.mailbox_id = p_from and a.uid = t.uid
         where a.value is not null
           and case when a.owner_id = 0 then p_shared else p_private and (p_user is null or a.owner_id = p_user) end
      returning octet_length(entry) + octet_length(value) as octets)
    select sum(d.octets) into v_octets from added d;
    v_annotated := v_octets > 0;
    if v_annotated then
      update account a set annotation_octets = a.annotation_octets + v_octets
       where a.account_id = p_account and a.annotation_octets + v_octets <= p_octets;
      if not found then
        raise exception 'limit of the account' using errcode = 'CP001';
      end if;
    end if;
  end if;
  if v_annotated then
    update mailbox m set has_annotations = true
     where m.account_id = p_account and m.mailbox_id = p_to and not m.has_annotations;
  end if;
end $$;
