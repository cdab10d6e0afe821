#include "imap/grammar/mailbox_name.h"

#include "base/imap_words.h"
#include "imap/grammar/mutf7.h"

#include <algorithm>

namespace cpm::imap::grammar {

namespace {

// C0, DEL, C1, U+2028 and U+2029 (RFC 6855 3). REQUIRES: valid UTF-8.
bool has_forbidden_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if (octet < 0x20 || octet == 0x7f) return true;
    if (octet == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return text.find("\u2028") != std::string_view::npos || text.find("\u2029") != std::string_view::npos;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

}  // namespace

Result<std::string> canonical_mailbox(std::string_view wire_name, bool utf8, bool fresh, const Limits& limits) {
  std::string path(wire_name);
  if (!utf8 && is_ascii(wire_name)) {
    CPM_TRY(decoded, decode_mutf7(wire_name));
    path = std::move(decoded);
  } else if (!wire::is_utf8(path)) {
    return fail(Failure::invalid, "Mailbox name is not valid UTF-8");
  }
  if (fresh && path.size() > 1 && path.back() == kDelimiter) path.pop_back();
  if (path.empty()) return fail(Failure::invalid, "Mailbox name is empty");
  if (has_forbidden_character(path)) return fail(Failure::invalid, "Control character in the mailbox name");
  if (path.size() > limits.mailbox_name_octets) return fail(Failure::limit, "Mailbox name is too long");
  if (path.front() == kDelimiter || path.back() == kDelimiter || path.find("//") != std::string::npos) {
    return fail(Failure::invalid, "Mailbox name has an empty level");
  }
  if (fresh && path.find_first_of("%*") != std::string::npos) {
    return fail(Failure::invalid, "Mailbox name may not contain % or *");
  }
  const auto levels = static_cast<std::size_t>(std::count(path.begin(), path.end(), kDelimiter)) + 1;
  if (levels > limits.mailbox_depth) return fail(Failure::limit, "Too many levels of mailboxes");
  capitalise_inbox(path);
  return path;
}

std::string parse_mailbox(wire::Lexer& lexer) { return lexer.astring(); }

}  // namespace cpm::imap::grammar
