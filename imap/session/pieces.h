// Pieces of a set of messages: what a command changes of many, it changes in a transaction a piece, so that no lock is
// held for long and deposits into the same account go on meanwhile. Each message is changed wholly or not at all.
// Runs on: any thread.
#pragma once

#include "base/number_set.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cpm::imap {

constexpr std::size_t kPieceMessages = 10'000;  // some tenths of a second

// In rising order, or those with the greatest UIDs first. One piece for an empty set.
[[nodiscard]] inline std::vector<UidSet> in_pieces(const UidSet& uids, bool descending = false,
                                                   std::size_t messages = kPieceMessages) {
  std::vector<UidSet> pieces(1);
  if (uids.size() <= messages) {
    pieces.front() = uids;
    return pieces;
  }
  std::vector<std::uint32_t> numbers = uids.numbers();
  if (descending) std::reverse(numbers.begin(), numbers.end());
  pieces.clear();
  for (std::size_t begin = 0; begin < numbers.size(); begin += messages) {
    std::vector<std::uint32_t> some(
        numbers.begin() + static_cast<std::ptrdiff_t>(begin),
        numbers.begin() + static_cast<std::ptrdiff_t>(std::min(numbers.size(), begin + messages)));
    if (descending) std::reverse(some.begin(), some.end());
    UidSet& piece = pieces.emplace_back();
    for (const std::uint32_t number : some) piece.add(number);
  }
  return pieces;
}

}  // namespace cpm::imap
