// partial-range (RFC 9394 4): the 1st to 500th of a rising list, or with minus signs counted from its end.
// Runs on: any thread. A value type.
#pragma once

#include "base/number_set.h"
#include "imap/wire/lexer.h"

#include <cstdint>
#include <string>

namespace cpm::imap::grammar {

struct PartialRange {
  std::uint32_t first = 1;  // as the client gave them; the greater one may come first
  std::uint32_t last = 1;
  bool from_end = false;

  [[nodiscard]] std::uint64_t size() const;  // how many it can name
  // Those of `numbers` that the range names; what it names beyond them is ignored.
  [[nodiscard]] NumberSet choose(const NumberSet& numbers) const;
  [[nodiscard]] std::string to_string() const;  // as given
};

[[nodiscard]] PartialRange parse_partial_range(wire::Lexer& lexer);

}  // namespace cpm::imap::grammar
