#include "imap/grammar/sequence_set.h"

#include <algorithm>

namespace cpm::imap::grammar {

namespace {

std::uint32_t parse_number(wire::Lexer& lexer, bool star) {
  if (star && lexer.try_take('*')) return SequenceSet::kStar;
  return lexer.nz_number();
}

std::vector<SequenceSet::Range> parse_ranges(wire::Lexer& lexer, bool star) {
  std::vector<SequenceSet::Range> ranges;
  do {
    if (ranges.size() >= lexer.limits().set_ranges) lexer.bad("Too many ranges in the message set");
    SequenceSet::Range range;
    range.first = parse_number(lexer, star);
    range.last = lexer.try_take(':') ? parse_number(lexer, star) : range.first;
    ranges.push_back(range);
  } while (lexer.try_take(','));
  return ranges;
}

}  // namespace

NumberSet SequenceSet::resolve(std::uint32_t max) const {
  std::vector<NumberSet::Range> sorted;
  sorted.reserve(ranges.size());
  for (const Range& range : ranges) {
    std::uint32_t first = range.first == kStar ? max : range.first;
    std::uint32_t last = range.last == kStar ? max : range.last;
    if (first > last) std::swap(first, last);
    if (first == 0) continue;  // `*` of an empty mailbox
    sorted.push_back({first, last});
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  NumberSet result;
  for (const auto& range : sorted) result.add(range.first, range.last);
  return result;
}

SequenceSet parse_sequence_set(wire::Lexer& lexer) {
  SequenceSet set;
  if (lexer.try_take('$')) {
    set.saved = true;
    return set;
  }
  set.ranges = parse_ranges(lexer, true);
  return set;
}

NumberSet parse_uid_set(wire::Lexer& lexer) {
  SequenceSet set;
  set.ranges = parse_ranges(lexer, false);
  return set.resolve(0);
}

}  // namespace cpm::imap::grammar
