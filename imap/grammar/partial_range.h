// partial-range (RFC 9394 4): the 1st to 500th of a rising list, or with minus signs counted from its end.
// Runs on: any thread. A value type.
#pragma once

#include "base/number_set.h"
#include "imap/wire/lexer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace cpm::imap::grammar {

struct PartialRange {
  std::uint32_t first = 1;  // as the client gave them; the greater one may come first
  std::uint32_t last = 1;
  bool from_end = false;

  [[nodiscard]] std::uint64_t size() const;  // how many it can name
  // The places, from 1 on, of a list of `size` that the range names: first, last. What it names beyond is ignored;
  // nothing when that is all.
  [[nodiscard]] std::optional<std::pair<std::uint64_t, std::uint64_t>> places(std::uint64_t size) const;
  // Those of `numbers` that the range names.
  [[nodiscard]] NumberSet choose(const NumberSet& numbers) const;
  [[nodiscard]] std::string to_string() const;  // as given
};

[[nodiscard]] PartialRange parse_partial_range(wire::Lexer& lexer);

}  // namespace cpm::imap::grammar
