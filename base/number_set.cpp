#include "base/number_set.h"

#include <algorithm>
#include <charconv>

namespace cpm {

namespace {

void append_number(std::string& out, std::uint32_t number) {
  char digits[10];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

}  // namespace

NumberSet::NumberSet(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) add(range.first, range.last);
}

void NumberSet::add(std::uint32_t first, std::uint32_t last) {
  if (first > last) std::swap(first, last);
  if (ranges_.empty() || first > ranges_.back().last) {
    if (!ranges_.empty() && first - 1 == ranges_.back().last) {
      ranges_.back().last = last;
    } else {
      ranges_.push_back({first, last});
    }
    return;
  }
  // The first range that touches or overlaps [first, last].
  auto begin = std::lower_bound(ranges_.begin(), ranges_.end(), first, [](const Range& range, std::uint32_t value) {
    return range.last < value && value - range.last > 1;
  });
  auto end = begin;
  while (end != ranges_.end() && (end->first <= last || end->first - last == 1)) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
    ++end;
  }
  if (begin == end) {
    ranges_.insert(begin, {first, last});
    return;
  }
  *begin = {first, last};
  ranges_.erase(begin + 1, end);
}

void NumberSet::remove(std::uint32_t first, std::uint32_t last) {
  if (first > last) std::swap(first, last);
  *this = difference(NumberSet{{first, last}});
}

void NumberSet::merge(const NumberSet& other) {
  if (ranges_.empty()) {
    ranges_ = other.ranges_;
    return;
  }
  if (other.empty()) return;
  std::vector<Range> all;
  all.reserve(ranges_.size() + other.ranges_.size());
  std::merge(ranges_.begin(), ranges_.end(), other.ranges_.begin(), other.ranges_.end(), std::back_inserter(all),
             [](const Range& a, const Range& b) { return a.first < b.first; });
  ranges_.clear();
  for (const Range& range : all) {
    if (!ranges_.empty() && (range.first <= ranges_.back().last || range.first - ranges_.back().last == 1)) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

bool NumberSet::contains(std::uint32_t number) const {
  auto at = std::lower_bound(ranges_.begin(), ranges_.end(), number,
                             [](const Range& range, std::uint32_t value) { return range.last < value; });
  return at != ranges_.end() && at->first <= number;
}

std::uint64_t NumberSet::size() const {
  std::uint64_t count = 0;
  for (const Range& range : ranges_) count += std::uint64_t{range.last} - range.first + 1;
  return count;
}

NumberSet NumberSet::greatest(std::uint64_t count) const {
  NumberSet out;
  for (auto range = ranges_.rbegin(); range != ranges_.rend() && count > 0; ++range) {
    const std::uint64_t size = std::uint64_t{range->last} - range->first + 1;
    const std::uint64_t taken = std::min(size, count);
    out.ranges_.push_back({static_cast<std::uint32_t>(range->last - taken + 1), range->last});
    count -= taken;
  }
  std::reverse(out.ranges_.begin(), out.ranges_.end());
  return out;
}

NumberSet NumberSet::intersection(const NumberSet& other) const {
  NumberSet result;
  auto a = ranges_.begin();
  auto b = other.ranges_.begin();
  while (a != ranges_.end() && b != other.ranges_.end()) {
    const std::uint32_t first = std::max(a->first, b->first);
    const std::uint32_t last = std::min(a->last, b->last);
    if (first <= last) result.add(first, last);
    (a->last < b->last) ? ++a : ++b;
  }
  return result;
}

NumberSet NumberSet::difference(const NumberSet& other) const {
  NumberSet result;
  auto b = other.ranges_.begin();
  for (const Range& range : ranges_) {
    std::uint64_t at = range.first;
    while (b != other.ranges_.end() && b->last < at) ++b;
    for (auto hole = b; hole != other.ranges_.end() && hole->first <= range.last; ++hole) {
      if (hole->first > at) {
        result.add(static_cast<std::uint32_t>(at), hole->first - 1);
      }
      at = std::uint64_t{hole->last} + 1;
    }
    if (at <= range.last) result.add(static_cast<std::uint32_t>(at), range.last);
  }
  return result;
}

std::vector<std::uint32_t> NumberSet::numbers() const {
  std::vector<std::uint32_t> result;
  result.reserve(size());
  for (const Range& range : ranges_) {
    for (std::uint64_t n = range.first; n <= range.last; ++n) {
      result.push_back(static_cast<std::uint32_t>(n));
    }
  }
  return result;
}

std::string NumberSet::to_string() const {
  std::string out;
  for (const Range& range : ranges_) {
    if (!out.empty()) out += ',';
    append_number(out, range.first);
    if (range.last != range.first) {
      out += ':';
      append_number(out, range.last);
    }
  }
  return out;
}

}  // namespace cpm
