#include "imap/grammar/search_program.h"

#include "imap/mime/casemap.h"
#include "imap/mime/charset.h"
#include "imap/registry.h"

namespace cpm::imap {

namespace {

bool starts_set(char c) { return (c >= '0' && c <= '9') || c == '*' || c == '$'; }

void count(wire::Lexer& lexer, SearchContext& context) {
  if (++context.keys > lexer.limits().search_keys) lexer.bad("Too many search keys");
}

// Keys up to ")" or the end; one of them stands for itself.
SearchNode parse_keys(wire::Lexer& lexer, SearchContext& context, char close) {
  SearchNode all = SearchNode::of(SearchNode::Kind::all_of);
  for (;;) {
    all.children.push_back(parse_search_key(lexer, context));
    if (close != '\0' && lexer.peek() == close) break;
    if (close == '\0' && (lexer.eof() || (lexer.peek() == ' ' && lexer.peek_at(1) == '\0'))) break;
    lexer.sp();
  }
  if (all.children.size() > 1) return all;
  SearchNode only = std::move(all.children.front());
  return only;
}

void parse_charset(wire::Lexer& lexer, SearchContext& context) {
  context.charset = lexer.astring();
  context.bad_charset = !mime::known_charset(context.charset);
  lexer.sp();
}

// Filters are in UTF-8, and so is a search that uses them (RFC 5466 3.1).
SearchNode parse_command_keys(wire::Lexer& lexer, SearchContext& context) {
  SearchNode program = parse_stored_keys(lexer, context);
  const bool utf8 =
      context.charset.empty() || wire::iequals(context.charset, "UTF-8") || wire::iequals(context.charset, "US-ASCII");
  if (context.uses_filter && !utf8) {
    lexer.bad("Filters are in UTF-8, and so is a search that uses them", "BADCHARSET (US-ASCII UTF-8)");
  }
  return program;
}

}  // namespace

SearchNode parse_stored_keys(wire::Lexer& lexer, SearchContext& context) {
  SearchNode program = parse_keys(lexer, context, '\0');
  lexer.end();
  return program;
}

SearchText parse_search_text(wire::Lexer& lexer, SearchContext& context) {
  const std::string octets = lexer.astring();
  if (context.bad_charset) return {};
  if (!mime::valid_in(octets, context.charset)) {
    lexer.bad(context.charset.empty() ? "Search text that is not UTF-8" : "Search text that is not in its CHARSET");
  }
  const std::string text = mime::to_utf8(octets, context.charset).value_or(octets);
  SearchText out{mime::unicode_casemap(text), std::nullopt};
  if (context.collation != Collation::unicode_casemap && !text.empty()) {
    out.stricter = schema::Stricter{context.collation, mime::folded(text, context.collation)};
  }
  return out;
}

SearchNode parse_search_key(wire::Lexer& lexer, SearchContext& context) {
  count(lexer, context);
  const wire::Lexer::Nest nest(lexer);
  if (lexer.try_take('(')) {
    SearchNode node = parse_keys(lexer, context, ')');
    lexer.take(')');
    return node;
  }
  if (starts_set(lexer.peek())) {
    SearchNode node = SearchNode::of(SearchNode::Kind::numbers);
    if (lexer.peek() != '$') lexer.refuse_numbers();  // RFC 9586 3.5; `$` names messages, whatever their numbers
    node.set = grammar::parse_sequence_set(lexer);
    return node;
  }
  const std::string name = lexer.word();
  const SearchKeySpec* key = context.registry.search_key(name);
  if (key == nullptr) lexer.bad("Unknown search key " + name);
  return key->parse(lexer, context);
}

SearchNode parse_search_program(wire::Lexer& lexer, SearchContext& context) {
  if (lexer.try_word("CHARSET")) {
    if (context.no_charset) lexer.bad("CHARSET cannot be given after ENABLE UTF8=ACCEPT");
    lexer.sp();
    parse_charset(lexer, context);
  }
  return parse_command_keys(lexer, context);
}

SearchNode parse_search_criteria(wire::Lexer& lexer, SearchContext& context) {
  parse_charset(lexer, context);
  const bool utf8 = wire::iequals(context.charset, "UTF-8") || wire::iequals(context.charset, "US-ASCII");
  if (context.no_charset && !utf8) lexer.bad("The charset is UTF-8 after ENABLE UTF8=ACCEPT");
  return parse_command_keys(lexer, context);
}

}  // namespace cpm::imap
