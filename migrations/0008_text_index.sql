-- Substrings of texts by an index of trigrams, where the operator made one (cpmctl db text-index). The contents of the
-- account that may hold a text: null when there is no such index, or when it would not narrow them down to p_most.
-- The statement is planned for the very pattern, because what an index is worth depends on it.
create function contents_by_text_v1(p_account bigint, p_pattern text, p_header boolean, p_body boolean, p_most integer)
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
      'select h.content_id from content_head h where h.account_id = $1 and h.header_text like $2' end,
    case when p_body then
      'select t.content_id from content_text t where t.account_id = $1 and t.body_text like $2'
      ' union all select t.content_id from content_text t where t.account_id = $1 and not t.complete' end);
  execute 'select count(*), string_agg(int8send(f.content_id), '''') from (' || v_sql || ' limit $3 + 1) f'
     into v_count, v_found using p_account, p_pattern, p_most;
  return case when v_count <= p_most then coalesce(v_found, ''::bytea) end;
end $$;
