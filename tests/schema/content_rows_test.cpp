#include "schema/content_rows.h"

#include "schema/search_pattern.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace cpm::schema {
namespace {

TEST(ContentRowsId, RisesAndIsNeverGivenTwice) {
  std::vector<std::vector<std::int64_t>> made(3);
  std::vector<std::thread> threads;
  for (auto& list : made) {
    threads.emplace_back([&list] {
      for (int i = 0; i < 10'000; ++i) list.push_back(new_content_id().value);
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::int64_t> all;
  for (const auto& list : made) {
    EXPECT_TRUE(std::is_sorted(list.begin(), list.end()));
    EXPECT_GT(list.front(), 0);
    all.insert(list.begin(), list.end());
  }
  EXPECT_EQ(all.size(), 30'000U);
}

TEST(ContentRowsText, KeepsWhatIsValidAndReplacesTheRest) {
  EXPECT_EQ(clean_text("plain"), "plain");
  EXPECT_EQ(clean_text("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(clean_text(std::string_view("a\0b", 3)), "ab");
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(clean_text("\xc0\x80"), mark + mark);             // overlong
  EXPECT_EQ(clean_text("\xed\xa0\x80"), mark + mark + mark);  // surrogate
  EXPECT_EQ(clean_text("\xf4\x90\x80\x80"), mark + mark + mark + mark);
  EXPECT_EQ(clean_text("x\xe2\x82"), "x" + mark + mark);  // cut short
}

TEST(ContentRowsText, FactsAreCutBetweenCharacters) {
  EXPECT_EQ(clean_fact(std::string(1000, 'x')).size(), 1000U);
  std::string long_text = std::string(999, 'x') + "\xc3\xa4" + "more";
  EXPECT_EQ(clean_fact(long_text), std::string(999, 'x'));
}

TEST(ContentRowsThread, HasANumberByItsName) {
  EXPECT_EQ(thread_id("abc"), 0x3a7816bf8f01cfea);  // SHA-256, the first bit off
  EXPECT_EQ(thread_id(""), std::nullopt);
}

TEST(ContentRowsDigest, IsSha256) {
  EXPECT_EQ(sha256("abc").substr(0, 4), "\xba\x78\x16\xbf");
  EXPECT_EQ(sha256("").size(), 32U);
}

TEST(SearchPattern, EscapesWhatIsSpecial) {
  EXPECT_EQ(like_pattern("a%b_c\\"), "%a\\%b\\_c\\\\%");
  EXPECT_EQ(like_field("subject", "x"), "%subject:%x%");
  EXPECT_EQ(like_field("subject", ""), "%subject:%");
  EXPECT_EQ(field_expression("x-a", "1.5"), "(?n)^x\\-a:.*1\\.5");
  EXPECT_FALSE(one_line("a\nb"));
  EXPECT_FALSE(searchable("\xff"));
  EXPECT_TRUE(searchable("a\nb"));
}

}  // namespace
}  // namespace cpm::schema
