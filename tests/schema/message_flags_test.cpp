#include "schema/message_flags.h"

#include <gtest/gtest.h>

#include <set>

namespace cpm::schema {
namespace {

TEST(MessageFlags, FindsBitsWithoutRegardToCase) {
  EXPECT_EQ(flag_bit("\\SEEN"), kSeen);
  EXPECT_EQ(flag_bit("\\Read-Report-Sent"), kReadReportSent);
  EXPECT_EQ(flag_bit("$mdnsent"), kMdnSent);
  EXPECT_EQ(flag_bit("\\Recent"), 0U);
  EXPECT_EQ(flag_bit("$Label1"), 0U);
  EXPECT_EQ(flag_bit(""), 0U);
}

TEST(MessageFlags, HasEachBitOnceAndBelowTheSign) {
  std::set<std::uint32_t> bits;
  for (const FlagName& flag : flag_names()) {
    EXPECT_TRUE(bits.insert(flag.bit).second) << flag.name;
    EXPECT_EQ(flag.bit & (flag.bit - 1), 0U) << flag.name;
    EXPECT_LT(flag.bit, 1U << 31) << flag.name;
    EXPECT_EQ(flag_bit(flag.name), flag.bit);
  }
}

TEST(MessageFlags, KeywordTableKeepsFirstSpellingAndOrder) {
  KeywordTable table;
  table.add(7, "later");
  table.add(2, "Work");
  EXPECT_EQ(table.find("WORK"), KeywordId{2});
  EXPECT_EQ(*table.name(2), "Work");
  EXPECT_EQ(table.name(3), nullptr);
  EXPECT_FALSE(table.find("none"));
  ASSERT_EQ(table.entries().size(), 2U);
  EXPECT_EQ(table.entries().front().id, 2);
}

}  // namespace
}  // namespace cpm::schema
