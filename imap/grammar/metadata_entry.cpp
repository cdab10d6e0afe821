#include "imap/grammar/metadata_entry.h"

#include <algorithm>

namespace cpm::imap::grammar {

namespace {

// A letter or sign that a name may have: ASCII without control characters and wildcards.
bool name_char(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet >= 0x20 && octet < 0x7f && c != '*' && c != '%';
}

}  // namespace

std::string entry_fault(std::string_view name, bool whole, const Limits& limits) {
  if (name.size() > limits.metadata_entry_octets) return "Entry name too long";
  if (!name.starts_with('/')) return "An entry name begins with /";
  if (name.ends_with('/')) return "An entry name does not end with /";
  if (name.find("//") != std::string_view::npos) return "An entry name has an empty component";
  if (!std::all_of(name.begin(), name.end(), name_char)) return "An entry name has a character that is not allowed";
  const std::string upper = wire::upper(name) + "/";
  const bool known = upper.starts_with("/PRIVATE/") || upper.starts_with("/SHARED/");
  if (!known) return "An entry name begins with /private or /shared";
  const auto components = std::count(name.begin(), name.end(), '/');
  const bool vendor = upper.find("/VENDOR/") == upper.find('/', 1);
  if (whole && components < (vendor ? 4 : 2)) return "An entry name has more components";
  return {};
}

schema::MetadataEntry parse_entry(wire::Lexer& lexer, bool whole) {
  const std::string name = lexer.astring();
  const std::string fault = entry_fault(name, whole, lexer.limits());
  if (!fault.empty()) lexer.bad(fault);
  return schema::MetadataEntry(name);
}

}  // namespace cpm::imap::grammar
