// A set of 32-bit numbers kept as sorted, disjoint, non-adjacent closed ranges. UidSet is one;
// sequence sets from the wire that may hold `*` live in imap/grammar/sequence_set.h.
// Runs on: any thread. A value type.
#pragma once

#include "base/ids.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cpm {

class NumberSet {
 public:
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  // inclusive, last >= first
    bool operator==(const Range&) const = default;
  };

  NumberSet() = default;
  NumberSet(std::initializer_list<Range> ranges);

  // Adds one number or a closed range; merges with neighbours. Appending in rising order is O(1).
  void add(std::uint32_t number) { add(number, number); }
  void add(std::uint32_t first, std::uint32_t last);
  void remove(std::uint32_t first, std::uint32_t last);
  void merge(const NumberSet& other);

  [[nodiscard]] bool contains(std::uint32_t number) const;  // O(log ranges)
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::uint64_t size() const;                                  // count of numbers, not of ranges
  [[nodiscard]] std::uint32_t min() const { return ranges_.front().first; }  // REQUIRES: !empty()
  [[nodiscard]] std::uint32_t max() const { return ranges_.back().last; }    // REQUIRES: !empty()
  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
  [[nodiscard]] NumberSet greatest(std::uint64_t count) const;  // the `count` greatest, or all
  [[nodiscard]] NumberSet intersection(const NumberSet& other) const;
  [[nodiscard]] NumberSet difference(const NumberSet& other) const;
  [[nodiscard]] std::vector<std::uint32_t> numbers() const;

  // "1:3,7,9:12"; "" when empty (RFC 9051 uid-set).
  [[nodiscard]] std::string to_string() const;

  bool operator==(const NumberSet&) const = default;

 private:
  std::vector<Range> ranges_;
};

using UidSet = NumberSet;

}  // namespace cpm
