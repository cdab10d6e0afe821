#include "base/config_value.h"

#include <gtest/gtest.h>

namespace cpm {
namespace {

TEST(ConfigValue, ReadsSizes) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("256K"), 262144U);
  EXPECT_EQ(parse_size("1m"), 1048576U);
  EXPECT_EQ(parse_size("2G"), 2147483648U);
  for (const char* bad : {"", "K", "1.5M", "-1", "1T", " 1", "99999999999G", "18446744073709551616"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
}

TEST(ConfigValue, ReadsDurations) {
  EXPECT_EQ(parse_duration("90"), 90U);
  EXPECT_EQ(parse_duration("90s"), 90U);
  EXPECT_EQ(parse_duration("30m"), 1800U);
  EXPECT_EQ(parse_duration("2h"), 7200U);
  for (const char* bad : {"", "m", "1d", "1h30m", "0x10"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(ConfigValue, WritesWhatItReads) {
  for (const std::uint64_t value : {0ULL, 1ULL, 1023ULL, 1024ULL, 65536ULL, 1ULL << 20, 3ULL << 30, 5000ULL}) {
    EXPECT_EQ(parse_size(format_size(value)), value);
    EXPECT_EQ(parse_duration(format_duration(value)), value);
  }
  EXPECT_EQ(format_size(131072), "128K");
  EXPECT_EQ(format_duration(1860), "31m");
}

TEST(ConfigValue, ReadsEndpoints) {
  const auto v4 = parse_endpoint("127.0.0.1:1143");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 1143);
  const auto v6 = parse_endpoint("[::1]:0");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(parse_endpoint("*:993")->host, "*");
  for (const char* bad :
       {"", "1143", ":1143", "host", "host:", "host:x", "host:65536", "::1:143", "[]:1", "[::1:1", "a b:1"}) {
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  }
}

TEST(ConfigValue, SplitsLists) {
  EXPECT_EQ(split_list("a, b ,,c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(split_list("").empty());
  EXPECT_TRUE(split_list(" , ").empty());
}

TEST(ConfigValue, MeasuresEditDistance) {
  EXPECT_EQ(edit_distance("imap.listen", "imap.listen"), 0U);
  EXPECT_EQ(edit_distance("imap.lisen", "imap.listen"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
}

}  // namespace
}  // namespace cpm
