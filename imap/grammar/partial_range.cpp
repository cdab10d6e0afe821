#include "imap/grammar/partial_range.h"

#include <algorithm>

namespace cpm::imap::grammar {

std::uint64_t PartialRange::size() const { return std::uint64_t{std::max(first, last)} - std::min(first, last) + 1; }

std::optional<std::pair<std::uint64_t, std::uint64_t>> PartialRange::places(std::uint64_t size) const {
  std::uint64_t from = std::min(first, last);  // 1-based places, inclusive
  std::uint64_t to = std::min<std::uint64_t>(std::max(first, last), size);
  if (from > size) return std::nullopt;
  if (from_end) {
    const std::uint64_t nearest = from;
    from = size + 1 - to;
    to = size + 1 - nearest;
  }
  return std::pair(from, to);
}

NumberSet PartialRange::choose(const NumberSet& numbers) const {
  const auto wanted = places(numbers.size());
  if (!wanted) return {};
  const auto [from, to] = *wanted;
  NumberSet chosen;
  std::uint64_t before = 0;  // numbers in the ranges passed
  for (const auto& range : numbers.ranges()) {
    const std::uint64_t count = std::uint64_t{range.last} - range.first + 1;
    const std::uint64_t low = std::max(from, before + 1);
    const std::uint64_t high = std::min(to, before + count);
    if (low <= high) {
      chosen.add(range.first + static_cast<std::uint32_t>(low - before - 1),
                 range.first + static_cast<std::uint32_t>(high - before - 1));
    }
    before += count;
    if (before >= to) break;
  }
  return chosen;
}

std::string PartialRange::to_string() const {
  const std::string sign = from_end ? "-" : "";
  return sign + std::to_string(first) + ':' + sign + std::to_string(last);
}

PartialRange parse_partial_range(wire::Lexer& lexer) {
  PartialRange range;
  range.from_end = lexer.try_take('-');
  range.first = lexer.nz_number();
  lexer.take(':');
  if (range.from_end) lexer.take('-');
  range.last = lexer.nz_number();
  return range;
}

}  // namespace cpm::imap::grammar
