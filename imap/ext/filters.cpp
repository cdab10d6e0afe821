// FILTERS (RFC 5466): searches stored under a name as server annotations (/private/filters/values/NAME, /shared/…) and
// used by the search key FILTER. What is stored is checked when it is stored and again when it is used.
#include "imap/extension.h"
#include "imap/grammar/search_filter.h"

namespace cpm::imap::ext::filters {

namespace {

SearchNode parse_key(wire::Lexer& lexer, SearchContext& context) {
  lexer.sp();
  SearchNode node = SearchNode::of(SearchNode::Kind::filter);
  node.text = lexer.atom();
  if (!grammar::is_filter_name(node.text)) lexer.bad("A filter name has no /");
  context.uses_filter = true;
  return node;
}

Result<void> check_name(std::string_view name) {
  if (grammar::is_filter_name(name)) return {};
  return fail(Failure::invalid, "A filter name is an atom without /");
}

Result<void> check_filter(std::string_view name, std::string_view value, const ParseContext& context) {
  CPM_CHECK(check_name(name));
  CPM_CHECK(grammar::parse_stored_filter(value, context));
  return {};
}

Result<void> check_description(std::string_view name, std::string_view value, const ParseContext&) {
  CPM_CHECK(check_name(name));
  if (!wire::is_utf8(value)) return fail(Failure::invalid, "The description of a filter is not UTF-8");
  return {};
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "filters";
  extension.rfcs = {"RFC 5466"};
  extension.requires_names = {"search", "metadata"};
  extension.capabilities = {{"FILTERS"}};
  extension.search_keys = {{"FILTER", parse_key}};
  extension.metadata_rules = {{"/filters/values", check_filter}, {"/filters/descriptions", check_description}};
  extension.response_codes = {"BADCHARSET", "UNDEFINED-FILTER"};
  return extension;
}

}  // namespace cpm::imap::ext::filters
