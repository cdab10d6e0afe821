-- What writes an event for push, for each message that comes: in plpgsql, whose plans a session keeps (those of functions in SQL are
-- made again at each call), and with rows found by their key whatever the statistics.

create or replace function push_messages_v1(p_account bigint, p_mailbox int, p_uids text, p_expired boolean) returns jsonb
language plpgsql stable as $$
begin
  return (
    select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
             'uid', t.uid, 'size', t.size, 'internaldate', extract(epoch from t.internal_date)::bigint,
             'sent', extract(epoch from h.sent_at)::bigint, 'direction', nullif(h.direction, 0), 'kind', coalesce(o.kind, 0),
             'envelope', case when octet_length(h.envelope) <= 4000 then translate(encode(h.envelope, 'base64'), E'\n', '') end,
             'sender', o.sender, 'subject', o.subject, 'conversation_id', h.conversation_id,
             'contribution_id', h.contribution_id, 'imdn_id', h.imdn_id, 'conversation', o.conversation, 'group', nullif(o.is_group, false),
             'file_name', o.file_name, 'file_type', o.file_type, 'file_size', o.file_size)) order by t.uid)
      from (select * from push_uids_v1(p_account, p_mailbox, p_uids, p_expired) m order by m.uid limit 20) t
           left join lateral (select i.* from content_head i where i.account_id = p_account and i.content_id = t.content_id offset 0) h on true
           left join lateral (select i.* from cpm_object i where i.account_id = p_account and i.content_id = t.content_id offset 0) o on true);
end $$;

create or replace function push_uids_v1(p_account bigint, p_mailbox int, p_uids text, p_expired boolean) returns setof message
language plpgsql stable as $$
declare
  v_expired smallint[] := array(select k.keyword_id from keyword k
                                 where p_expired and k.account_id = p_account and k.mailbox_id = p_mailbox and lower(k.name) = '$expired');
begin
  if p_expired and v_expired = '{}' then
    return;
  end if;
  return query
    select m.* from regexp_split_to_table(p_uids, ',') as u (range)
           cross join lateral (select i.* from message i
                                where i.account_id = p_account and i.mailbox_id = p_mailbox
                                  and i.uid between split_part(u.range, ':', 1)::int
                                                and coalesce(nullif(split_part(u.range, ':', 2), ''), split_part(u.range, ':', 1))::int
                                offset 0) m
     where not p_expired or m.keywords && v_expired;
end $$;
