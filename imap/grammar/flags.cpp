#include "imap/grammar/flags.h"

#include <algorithm>

namespace cpm::imap::grammar {

void parse_flag(wire::Lexer& lexer, schema::FlagSet& flags) {
  const bool system = lexer.try_take('\\');
  const std::string name = (system ? "\\" : "") + lexer.atom();
  if (system && wire::iequals(name, "\\Recent")) return;
  if (const std::uint32_t bit = schema::flag_bit(name)) {
    flags.bits |= bit;
    return;
  }
  if (name.size() > lexer.limits().keyword_octets) lexer.bad("Flag name is too long");
  if (system) lexer.bad("Unknown system flag " + name);
  const bool known = std::any_of(flags.keywords.begin(), flags.keywords.end(),
                                 [&](const std::string& other) { return wire::iequals(other, name); });
  if (!known) flags.keywords.push_back(name);
  if (flags.keywords.size() > lexer.limits().keywords_per_mailbox) lexer.bad("Too many flags");
}

schema::FlagSet parse_flag_list(wire::Lexer& lexer) {
  schema::FlagSet flags;
  lexer.list(true, [&] { parse_flag(lexer, flags); });
  return flags;
}

schema::FlagSet parse_store_flags(wire::Lexer& lexer) {
  if (lexer.peek() == '(') return parse_flag_list(lexer);
  schema::FlagSet flags;
  do {
    parse_flag(lexer, flags);
  } while (lexer.try_sp() && !lexer.eof());
  return flags;
}

}  // namespace cpm::imap::grammar
