#include "schema/query.h"

#include <gtest/gtest.h>

namespace cpm::schema {
namespace {

TEST(QueryArray, WritesNumbers) {
  EXPECT_EQ(array(std::span<const std::uint32_t>()), "{}");
  const std::vector<std::uint32_t> numbers{1, 2, 4294967295U};
  EXPECT_EQ(array(std::span<const std::uint32_t>(numbers)), "{1,2,4294967295}");
  const std::vector<std::int64_t> big{-1, 9223372036854775807LL};
  EXPECT_EQ(array(std::span<const std::int64_t>(big)), "{-1,9223372036854775807}");
}

TEST(QueryArray, QuotesTexts) {
  const std::vector<std::string> texts{"a", "", "b\"c", "d\\e", "NULL", "x,{y}"};
  EXPECT_EQ(array(std::span(texts)), R"({"a","","b\"c","d\\e","NULL","x,{y}"})");
}

TEST(QueryArray, WritesOctetsAsHex) {
  const std::vector<std::string_view> values{std::string_view("\0\xff", 2), ""};
  EXPECT_EQ(bytea_array(std::span<const std::string_view>(values)), R"({"\\x00ff","\\x"})");
}

}  // namespace
}  // namespace cpm::schema
