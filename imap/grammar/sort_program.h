// sort-criteria of SORT (RFC 5256 5, RFC 5957 5, RFC 5257 4.9): "(SUBJECT REVERSE DATE)".
// Runs on: any thread.
#pragma once

#include "imap/extension.h"
#include "imap/wire/lexer.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cpm::imap {

enum class SortKey : std::uint8_t {
  arrival,
  cc,
  date,
  from,
  size,
  subject,
  to,
  display_from,
  display_to,
  relevancy,
  annotation
};

struct SortCriterion {
  SortKey key = SortKey::arrival;
  bool reverse = false;
  std::string entry;    // of an annotation
  bool shared = false;  // its shared value, else the private one

  [[nodiscard]] bool same_key(const SortCriterion& other) const {
    return key == other.key && entry == other.entry && shared == other.shared;
  }
};
using SortOrder = std::vector<SortCriterion>;  // no key twice

// A key that comes again decides nothing and is left out. Throws BadSyntax for an unknown one.
[[nodiscard]] SortOrder parse_sort_criteria(wire::Lexer& lexer, const ParseContext& context);

}  // namespace cpm::imap
