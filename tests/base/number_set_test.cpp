#include "base/number_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace cpm {
namespace {

TEST(NumberSet, MergesNeighbours) {
  NumberSet set;
  set.add(3);
  set.add(1);
  set.add(2);
  set.add(7, 9);
  EXPECT_EQ(set.to_string(), "1:3,7:9");
  set.add(4, 6);
  EXPECT_EQ(set.to_string(), "1:9");
  EXPECT_EQ(set.size(), 9U);
}

TEST(NumberSet, SplitsWhenRemoving) {
  NumberSet set{{1, 10}};
  set.remove(4, 6);
  EXPECT_EQ(set.to_string(), "1:3,7:10");
  set.remove(1, 3);
  EXPECT_EQ(set.to_string(), "7:10");
  set.remove(1, 20);
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.to_string(), "");
}

TEST(NumberSet, HoldsTheWholeRangeOfNumbers) {
  NumberSet set{{1, 0xffffffff}};
  EXPECT_EQ(set.size(), 0xffffffffULL);
  EXPECT_TRUE(set.contains(0xffffffff));
  set.remove(0xffffffff, 0xffffffff);
  EXPECT_EQ(set.max(), 0xfffffffeU);
  set.add(0xffffffff);
  EXPECT_EQ(set.to_string(), "1:4294967295");
}

// The same operations on a std::set of a small world.
TEST(NumberSet, AgreesWithAPlainSet) {
  std::mt19937 random(7);
  std::uniform_int_distribution<std::uint32_t> number(1, 60);
  for (int round = 0; round < 200; ++round) {
    NumberSet ours[2];
    std::set<std::uint32_t> plain[2];
    for (int step = 0; step < 30; ++step) {
      const std::uint32_t first = number(random);
      const std::uint32_t last = std::min(60U, first + number(random) % 8);
      const std::size_t which = step % 2;
      const bool removing = number(random) < 20;
      removing ? ours[which].remove(first, last) : ours[which].add(first, last);
      for (std::uint32_t n = first; n <= last; ++n) {
        if (removing)
          plain[which].erase(n);
        else
          plain[which].insert(n);
      }
    }
    const auto vector = [](const std::set<std::uint32_t>& set) {
      return std::vector<std::uint32_t>(set.begin(), set.end());
    };
    std::set<std::uint32_t> both;
    std::set<std::uint32_t> only;
    std::set<std::uint32_t> any = plain[1];
    for (const std::uint32_t n : plain[0]) {
      (plain[1].contains(n) ? both : only).insert(n);
      any.insert(n);
    }
    EXPECT_EQ(ours[0].numbers(), vector(plain[0]));
    EXPECT_EQ(ours[0].size(), plain[0].size());
    EXPECT_EQ(ours[0].intersection(ours[1]).numbers(), vector(both));
    EXPECT_EQ(ours[0].difference(ours[1]).numbers(), vector(only));
    for (std::uint32_t n = 0; n < 65; ++n) EXPECT_EQ(ours[0].contains(n), plain[0].contains(n));
    ours[0].merge(ours[1]);
    EXPECT_EQ(ours[0].numbers(), vector(any));
    for (std::size_t i = 1; i < ours[0].ranges().size(); ++i) {
      EXPECT_GT(ours[0].ranges()[i].first, ours[0].ranges()[i - 1].last + 1);
    }
  }
}

TEST(NumberSet, KeepsTheGreatest) {
  const NumberSet set{{1, 3}, {7, 7}, {10, 14}};
  EXPECT_EQ(set.greatest(0).to_string(), "");
  EXPECT_EQ(set.greatest(1).to_string(), "14");
  EXPECT_EQ(set.greatest(5).to_string(), "10:14");
  EXPECT_EQ(set.greatest(7).to_string(), "3,7,10:14");
  EXPECT_EQ(set.greatest(9), set);
  EXPECT_EQ(set.greatest(UINT64_MAX), set);
  EXPECT_EQ((NumberSet{{1, UINT32_MAX}}).greatest(2).to_string(), "4294967294:4294967295");
  EXPECT_EQ(NumberSet().greatest(5), NumberSet());
}

}  // namespace
}  // namespace cpm
