// Sequence sets: what parses resolves to sorted disjoint ranges that hold exactly the numbers named, and its own
// spelling parses to the same set.
#include "base/limits.h"
#include "imap/grammar/sequence_set.h"
#include "imap/wire/lexer.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace cpm;
using namespace cpm::imap;

void require(bool held) {
  if (!held) std::abort();
}

void check(const grammar::SequenceSet& set, std::uint32_t max, const Limits& limits) {
  const NumberSet numbers = set.resolve(max);
  const auto& ranges = numbers.ranges();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    require(ranges[i].first >= 1 && ranges[i].first <= ranges[i].last);
    if (i > 0) require(ranges[i].first > ranges[i - 1].last && ranges[i].first - ranges[i - 1].last > 1);
  }
  const auto named = [&](std::uint32_t number) {
    return std::any_of(set.ranges.begin(), set.ranges.end(), [&](const grammar::SequenceSet::Range& range) {
      const std::uint32_t a = range.first == grammar::SequenceSet::kStar ? max : range.first;
      const std::uint32_t b = range.last == grammar::SequenceSet::kStar ? max : range.last;
      return std::min(a, b) > 0 && std::min(a, b) <= number && number <= std::max(a, b);
    });
  };
  for (const auto& range : ranges) {
    require(named(range.first) && named(range.last));
    if (range.first > 1) require(!named(range.first - 1));
    if (range.last < 0xffffffff) require(!named(range.last + 1));
  }
  for (const auto& range : set.ranges) {
    if (range.first != grammar::SequenceSet::kStar && range.last != grammar::SequenceSet::kStar) {
      require(numbers.contains(range.first) && numbers.contains(range.last));
    }
  }
  if (numbers.empty()) return;
  wire::CommandInput spelled{numbers.to_string(), {}};
  wire::Lexer lexer(spelled, limits, false);
  require(grammar::parse_uid_set(lexer) == numbers);
  lexer.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 2000) return 0;
  Limits limits;
  limits.set_ranges = 100;
  wire::CommandInput input{std::string(reinterpret_cast<const char*>(data) + 1, size - 1), {}};
  wire::Lexer lexer(input, limits, false);
  try {
    const grammar::SequenceSet set = grammar::parse_sequence_set(lexer);
    require(set.saved == set.ranges.empty() && set.ranges.size() <= limits.set_ranges);
    if (set.saved) return 0;
    check(set, data[0], limits);
    check(set, 0, limits);
    check(set, 0xffffffff, limits);
  } catch (const wire::BadSyntax&) {
  }
  return 0;
}
