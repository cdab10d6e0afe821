// SEARCH=FUZZY (RFC 6203): FUZZY lets texts match by similarity; each match has a relevancy score. What is similar:
// imap/mime/fuzzy.h. Dates, sizes, flags, numbers and UIDs within FUZZY are matched exactly.
#include "imap/extension.h"
#include "imap/grammar/search_program.h"

namespace cpm::imap::ext::fuzzy {

namespace {

SearchNode parse_fuzzy(wire::Lexer& lexer, SearchContext& context) {
  lexer.sp();
  const bool outer = context.fuzzy;
  context.fuzzy = context.uses_fuzzy = true;
  SearchNode node = parse_search_key(lexer, context);
  context.fuzzy = outer;
  return node;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "fuzzy";
  extension.rfcs = {"RFC 6203"};
  extension.requires_names = {"search", "search_keys"};
  extension.capabilities = {{"SEARCH=FUZZY"}};
  extension.search_keys = {{"FUZZY", parse_fuzzy}};
  return extension;
}

}  // namespace cpm::imap::ext::fuzzy
