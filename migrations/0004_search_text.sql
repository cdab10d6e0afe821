-- SEARCH TEXT finds names of header fields and the MIME headers of parts (RFC 9051 6.4.4): names are kept as all other
-- search text is, and MIME headers follow the header. Of messages that are there already the names are converted; their
-- MIME headers are looked up in the octets, for which they count as not complete.
update content_head h
   set header_text = (select coalesce(string_agg(case when l.line = '' then ''
                        else upper(split_part(l.line, ':', 1)) || ': ' || substr(l.line, length(split_part(l.line, ':', 1)) + 2)
                      end, E'\n' order by l.n), '')
                        from string_to_table(h.header_text, E'\n') with ordinality as l (line, n));

update content_text t set complete = false
  from content_head h
 where h.account_id = t.account_id and h.content_id = t.content_id and substr(h.body, 1, 2) = '((' and t.complete;

comment on column content_head.header_text is 'imap/mime/search_text.h: one normalised line a field; lines after a blank are of MIME headers.';
