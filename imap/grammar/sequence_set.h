// sequence-set of the wire: ranges that may hold `*`, or `$` for the saved search result (RFC 9051 9, RFC 5182).
// Runs on: any thread. A value type.
#pragma once

#include "base/number_set.h"
#include "imap/wire/lexer.h"

#include <cstdint>
#include <vector>

namespace cpm::imap::grammar {

struct SequenceSet {
  static constexpr std::uint32_t kStar = 0;  // `*`: the greatest number in use
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    bool operator==(const Range&) const = default;
  };
  std::vector<Range> ranges;
  bool saved = false;  // `$`

  // Numbers with `*` taken as `max`; ranges may be given in either order. With max 0 (empty mailbox) a range with `*`
  // names nothing.
  [[nodiscard]] NumberSet resolve(std::uint32_t max) const;
};

[[nodiscard]] SequenceSet parse_sequence_set(wire::Lexer& lexer);  // `$` included
[[nodiscard]] NumberSet parse_uid_set(wire::Lexer& lexer);         // no `*`

}  // namespace cpm::imap::grammar
