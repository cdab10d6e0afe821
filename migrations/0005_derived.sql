-- More that is derived from the octets at deposit: what SORT and THREAD compare, the thread of a message (RFC 8474), and
-- whether its identifiers may be looked up in the index.

alter table content_head add column thread_id bigint, add column sort_keys bytea,
  add column ids_exact boolean not null default false;
comment on column content_head.thread_id is 'The thread: of the Conversation-ID, else of where the references begin, else of the Message-ID; null: none of these.';
comment on column content_head.sort_keys is 'imap/mime/sort_keys.h; null for messages stored before: made from the header when they are sorted.';
comment on column content_head.ids_exact is 'The four identifiers are all that the header says under these names: SEARCH HEADER may look them up.';

-- The thread called p_root.
create function thread_id_v1(p_root text) returns bigint
language sql immutable as $$
  select ('x' || encode(substr(sha256(convert_to(p_root, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint & 9223372036854775807
   where p_root <> ''
$$;

-- The first message identifier of a field (RFC 5322 3.6.4), as imap/mime/message_ids.h gives it.
create function header_id_v1(p_header text, p_field text) returns text
language sql immutable as $$
  select regexp_replace(i.found[1], '[\s"]', '', 'g')
    from regexp_match(p_header, '(?:^|\n)' || p_field || '[ \t]*:([^\n]*)', 'i') as f (value)
         cross join regexp_match(f.value[1], '<([^<>@]+@[^<>@]+)>') as i (found)
$$;

update content_head h
   set thread_id = (select thread_id_v1(coalesce(h.conversation_id, header_id_v1(u.header, 'References'),
                                                 header_id_v1(u.header, 'In-Reply-To'), header_id_v1(u.header, 'Message-ID')))
                      from (select regexp_replace(encode(coalesce(h.header, ''), 'escape'), '\r?\n([ \t])', '\1', 'g')) u (header));

-- A field stands in header_text once, with the value of the column, or not at all.
create function ids_exact_v1(p_header_text text, p_name text, p_id text) returns boolean
language sql immutable as $$
  select case when p_id is null then E'\n' || p_header_text not like E'%\n' || p_name || ':%'
              else array(select regexp_matches(p_header_text, '(?n)^' || p_name || ':.*$', 'g')) = array[[p_name || ': ' || upper(p_id)]]
         end
$$;

update content_head h
   set ids_exact = ids_exact_v1(h.header_text, 'CONVERSATION-ID', h.conversation_id)
               and ids_exact_v1(h.header_text, 'CONTRIBUTION-ID', h.contribution_id)
               and ids_exact_v1(h.header_text, 'IMDN-MESSAGE-ID', h.imdn_id)
               and ids_exact_v1(h.header_text, 'MESSAGE-ID', h.message_id);
drop function ids_exact_v1;

-- SEARCH asks for values that hold a text: those of its length that are it, and longer ones that hold it. Most identifiers
-- of an account are of one length, so that there are few longer ones. Everything that is asked stands in the index.
drop index content_head_message_id, content_head_imdn, content_head_conversation, content_head_contribution;
create index content_head_conversation on content_head
  (account_id, length(conversation_id), hashtextextended(upper(conversation_id), 0)) include (conversation_id, content_id)
  where conversation_id is not null;
create index content_head_contribution on content_head
  (account_id, length(contribution_id), hashtextextended(upper(contribution_id), 0)) include (contribution_id, content_id)
  where contribution_id is not null;
create index content_head_imdn on content_head
  (account_id, length(imdn_id), hashtextextended(upper(imdn_id), 0)) include (imdn_id, content_id)
  where imdn_id is not null;
create index content_head_message_id on content_head
  (account_id, length(message_id), hashtextextended(upper(message_id), 0)) include (message_id, content_id)
  where message_id is not null;
create index content_head_ids_inexact on content_head (account_id) include (content_id) where not ids_exact;

create index content_head_thread on content_head (account_id, thread_id) where thread_id is not null;

-- Contents with their bytes. All values of variable length stand one after the other in p_blob, 14 a message in the order
-- of the columns below; p_at holds where each begins, and the end of the last one. An empty value is null where the column allows it.
-- p_dates: days since 1970; p_moments: seconds since 1970.
create function content_insert_v2(
  p_account bigint, p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[], p_moments bigint[],
  p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea) returns void
language plpgsql as $$
begin
  insert into content (account_id, content_id, size, changed_at, refs, state, digest)
    select p_account, t.id, t.size, clock_timestamp(), 1, 1,
           substr(p_blob, p_at[14 * t.n - 13] + 1, p_at[14 * t.n - 12] - p_at[14 * t.n - 13])
      from unnest(p_contents, p_sizes) with ordinality as t(id, size, n);
  insert into content_chunk (account_id, content_id, n, data)
    select p_account, t.id, 0, substr(p_blob, p_at[14 * t.n - 12] + 1, p_at[14 * t.n - 11] - p_at[14 * t.n - 12])
      from unnest(p_contents, p_sizes) with ordinality as t(id, size, n)
     where t.size > 0;
  insert into content_head (account_id, content_id, sent_at, header_octets, sent_date, direction, envelope, body,
      body_structure, part_map, header, header_text, conversation_id, contribution_id, imdn_id, message_id, thread_id,
      ids_exact, sort_keys)
    select p_account, t.id, to_timestamp(t.moment), t.header_octets, date '1970-01-01' + t.day, t.direction,
           substr(p_blob, p_at[14 * t.n - 11] + 1, p_at[14 * t.n - 10] - p_at[14 * t.n - 11]),
           substr(p_blob, p_at[14 * t.n - 10] + 1, p_at[14 * t.n - 9] - p_at[14 * t.n - 10]),
           substr(p_blob, p_at[14 * t.n - 9] + 1, p_at[14 * t.n - 8] - p_at[14 * t.n - 9]),
           substr(p_blob, p_at[14 * t.n - 8] + 1, p_at[14 * t.n - 7] - p_at[14 * t.n - 8]),
           nullif(substr(p_blob, p_at[14 * t.n - 7] + 1, p_at[14 * t.n - 6] - p_at[14 * t.n - 7]), ''),
           convert_from(substr(p_blob, p_at[14 * t.n - 6] + 1, p_at[14 * t.n - 5] - p_at[14 * t.n - 6]), 'UTF8'),
           nullif(convert_from(substr(p_blob, p_at[14 * t.n - 4] + 1, p_at[14 * t.n - 3] - p_at[14 * t.n - 4]), 'UTF8'), ''),
           nullif(convert_from(substr(p_blob, p_at[14 * t.n - 3] + 1, p_at[14 * t.n - 2] - p_at[14 * t.n - 3]), 'UTF8'), ''),
           nullif(convert_from(substr(p_blob, p_at[14 * t.n - 2] + 1, p_at[14 * t.n - 1] - p_at[14 * t.n - 2]), 'UTF8'), ''),
           nullif(convert_from(substr(p_blob, p_at[14 * t.n - 1] + 1, p_at[14 * t.n] - p_at[14 * t.n - 1]), 'UTF8'), ''),
           t.thread, t.exact, substr(p_blob, p_at[14 * t.n] + 1, p_at[14 * t.n + 1] - p_at[14 * t.n])
      from unnest(p_contents, p_header_octets, p_dates, p_moments, p_directions, p_threads, p_exact)
           with ordinality as t(id, header_octets, day, moment, direction, thread, exact, n);
  insert into content_text (account_id, content_id, complete, body_text)
    select p_account, t.id, t.complete,
           convert_from(substr(p_blob, p_at[14 * t.n - 5] + 1, p_at[14 * t.n - 4] - p_at[14 * t.n - 5]), 'UTF8')
      from unnest(p_contents, p_complete) with ordinality as t(id, complete, n);
end $$;

-- Both in one round trip: n small messages, bytes included.
create function deposit_inline_v2(
  p_account bigint, p_mailbox int, p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea, p_internal bigint[],
  p_flags int[], p_keywords text[], p_now bigint, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
begin
  perform content_insert_v2(p_account, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions, p_threads, p_exact, p_complete,
                            p_at, p_blob);
  select * into uidvalidity, first_uid, modseq
    from deposit_v1(p_account, p_mailbox, p_contents, p_sizes, p_internal, p_flags, p_keywords, null, p_now);
end $$;

-- The same by the path of the mailbox, given by its levels: a whole APPEND in one statement, which commits by itself.
create function deposit_at_v2(
  p_account bigint, p_path text[], p_contents bigint[], p_sizes int[], p_header_octets int[], p_dates int[],
  p_moments bigint[], p_directions smallint[], p_threads bigint[], p_exact boolean[], p_complete boolean[], p_at int[], p_blob bytea, p_internal bigint[],
  p_flags int[], p_now bigint, out mailbox_id int, out uidvalidity int, out first_uid int, out modseq int)
language plpgsql as $$
declare
  v_name text;
begin
  mailbox_id := 0;
  foreach v_name in array p_path loop
    select m.mailbox_id into mailbox_id from mailbox m
     where m.account_id = p_account and m.parent_id = deposit_at_v2.mailbox_id and m.name = v_name;
    if not found then
      raise no_data_found;
    end if;
  end loop;
  select d.uidvalidity, d.first_uid, d.modseq into uidvalidity, first_uid, modseq
    from deposit_inline_v2(p_account, mailbox_id, p_contents, p_sizes, p_header_octets, p_dates, p_moments, p_directions,
                           p_threads, p_exact, p_complete, p_at, p_blob, p_internal, p_flags, null, p_now) d;
end $$;
