#include "admin/size.h"

#include <gtest/gtest.h>

namespace cpm::admin {
namespace {

std::uint64_t octets(const char* text) {
  const auto parsed = parse_size_limit(text);
  EXPECT_TRUE(parsed) << text;
  EXPECT_TRUE(*parsed) << text;
  return **parsed;
}

TEST(SizeParse, TakesUnitsOf1024) {
  EXPECT_EQ(octets("0"), 0U);
  EXPECT_EQ(octets("4096"), 4096U);
  EXPECT_EQ(octets("812B"), 812U);
  EXPECT_EQ(octets("500M"), 500ULL << 20);
  EXPECT_EQ(octets("10G"), 10ULL << 30);
  EXPECT_EQ(octets("10g"), 10ULL << 30);
  EXPECT_EQ(octets("2TiB"), 2ULL << 40);
  EXPECT_EQ(octets("3KB"), 3ULL << 10);
  EXPECT_EQ(octets("1.5G"), 3ULL << 29);
  EXPECT_EQ(octets("0.25K"), 256U);
}

TEST(SizeParse, TakesNoneAsNoLimit) {
  for (const char* text : {"none", "NONE", "unlimited"}) {
    const auto parsed = parse_size_limit(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_FALSE(*parsed) << text;
  }
}

TEST(SizeParse, RefusesWhatIsNoSize) {
  for (const char* text :
       {"", "G", "-1", "1.5", "1..5G", "10X", "10GG", "1 G", "10Gi", "1.G", "99999999999999999999", "9999999999T"}) {
    const auto parsed = parse_size_limit(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().failure, Failure::invalid) << text;
  }
}

TEST(CountParse, TakesNumbersAndNone) {
  EXPECT_EQ(parse_count_limit("100000").value(), std::optional<std::uint64_t>(100000));
  EXPECT_EQ(parse_count_limit("none").value(), std::nullopt);
  EXPECT_FALSE(parse_count_limit("10k"));
  EXPECT_FALSE(parse_count_limit(""));
}

TEST(SizeText, ShowsOneDigitBehindThePoint) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(10ULL << 30), "10.0 GiB");
  EXPECT_EQ(size_text(std::optional<std::uint64_t>()), "none");
}

}  // namespace
}  // namespace cpm::admin
