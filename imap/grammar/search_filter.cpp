#include "imap/grammar/search_filter.h"

#include "imap/wire/command_reader.h"

#include <algorithm>

namespace cpm::imap::grammar {

namespace {

// The text as a command line with its literals; nothing when it is not exactly one.
std::optional<wire::CommandInput> as_command(std::string_view text, const Limits& limits) {
  if (text.starts_with('\r') || text.starts_with('\n')) return std::nullopt;  // a reader skips empty lines
  wire::CommandReader reader(limits);
  reader.feed(text);
  reader.feed("\r\n");
  for (;;) {
    switch (reader.next()) {
      case wire::CommandReader::Event::literal:
        if (reader.announcement().octets > text.size()) return std::nullopt;
        reader.accept(Spool(std::string()));
        break;
      case wire::CommandReader::Event::command: {
        wire::CommandInput input = reader.take();
        if (reader.buffered()) return std::nullopt;
        return input;
      }
      default: return std::nullopt;
    }
  }
}

}  // namespace

bool is_filter_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c != '/' && wire::is_atom_char(static_cast<unsigned char>(c));
  });
}

Result<StoredFilter> parse_stored_filter(std::string_view text, const ParseContext& context, std::size_t keys) {
  auto input = as_command(text, context.limits);
  if (!input) return fail(Failure::invalid, "A filter is one line of search keys");
  try {
    wire::Lexer lexer(*input, context.limits, true);
    SearchContext search{context.registry};
    search.collation = context.collation;
    search.keys = keys;
    StoredFilter filter;
    filter.program = parse_stored_keys(lexer, search);
    filter.uses_modseq = search.uses_modseq;
    filter.keys = search.keys;
    return filter;
  } catch (const wire::BadSyntax& error) {
    return fail(Failure::invalid, "Not a search program: " + error.text);
  }
}

}  // namespace cpm::imap::grammar
