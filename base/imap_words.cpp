#include "base/imap_words.h"

#include <algorithm>

namespace cpm {

bool is_atom_char(unsigned char c) noexcept {
  if (c <= 0x20 || c >= 0x7f) return false;
  switch (c) {
    case '(':
    case ')':
    case '{':
    case '%':
    case '*':
    case '"':
    case '\\':
    case ']': return false;
    default: return true;
  }
}

bool is_atom(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_atom_char(static_cast<unsigned char>(c)); });
}

void capitalise_inbox(std::string& path) {
  constexpr std::string_view kInbox = "INBOX";
  if (path.size() < kInbox.size() || (path.size() > kInbox.size() && path[kInbox.size()] != '/')) return;
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  const bool begins =
      std::equal(kInbox.begin(), kInbox.end(), path.begin(), [&](char a, char b) { return a == upper(b); });
  if (begins) path.replace(0, kInbox.size(), kInbox);
}

}  // namespace cpm
