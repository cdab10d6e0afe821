#include "imap/grammar/search_filter.h"

#include "imap/registry.h"

#include <gtest/gtest.h>

namespace cpm::imap::grammar {
namespace {

class SearchFilterParse : public ::testing::Test {
 protected:
  [[nodiscard]] Result<StoredFilter> parse(std::string_view text, std::size_t keys = 0) const {
    return parse_stored_filter(text, {limits, registry}, keys);
  }
  Limits limits;
  const Registry registry = std::move(*Registry::build({}));
};

TEST_F(SearchFilterParse, TakesSearchCriteria) {
  for (const std::string& text :
       {std::string("ALL"), std::string("OR SMALLER 5000 FROM \"boss@example.com\""), std::string("(SEEN FLAGGED) 1:*"),
        std::string("FILTER other NOT FILTER third"), std::string("SUBJECT {5}\r\nhello SEEN"),
        std::string("SUBJECT {5+}\r\nh\r\nlo"), std::string("SUBJECT \xc3\xa4"), std::string("SUBJECT \"\xc3\xa4\""),
        std::string("UID $"), std::string("all seen")}) {
    if (text == "SUBJECT \xc3\xa4") {
      EXPECT_FALSE(parse(text)) << "8 bits are not for atoms";
      continue;
    }
    const auto filter = parse(text);
    EXPECT_TRUE(filter) << text << ": " << filter.error().text;
  }
  const auto filter = parse("MODSEQ 5 OR SEEN FLAGGED", 3);
  ASSERT_TRUE(filter);
  EXPECT_TRUE(filter->uses_modseq);
  EXPECT_EQ(filter->keys, 3U + 4U);
  EXPECT_FALSE(parse("ALL")->uses_modseq);
}

TEST_F(SearchFilterParse, RefusesTheRest) {
  for (const std::string& text : {std::string(),
                                  std::string(" "),
                                  std::string("OR SMALLER"),
                                  std::string("OR SEEN"),
                                  std::string("SEEN)"),
                                  std::string("(SEEN"),
                                  std::string("NONSENSE"),
                                  std::string("CHARSET UTF-8 ALL"),
                                  std::string("ALL\r\nSEEN"),
                                  std::string("ALL\r\n"),
                                  std::string("ALL\n"),
                                  std::string("\r\nALL"),
                                  std::string("SUBJECT {50}\r\nshort"),
                                  std::string("SUBJECT {5}\r\nhello\r\nALL"),
                                  std::string("SUBJECT \"\xff\""),
                                  std::string("A\0L", 3),
                                  std::string("FILTER"),
                                  std::string("FILTER a/b"),
                                  std::string("FILTER \"a\""),
                                  std::string("SEEN  FLAGGED"),
                                  std::string("RETURN (ALL) SEEN"),
                                  std::string("SUBJECT {99999999999999999999}\r\nx")}) {
    EXPECT_FALSE(parse(text)) << text;
  }
}

TEST_F(SearchFilterParse, IsBounded) {
  limits.search_keys = 8;
  EXPECT_TRUE(parse("ALL ALL ALL", 5));
  EXPECT_FALSE(parse("ALL ALL ALL ALL", 5));
  EXPECT_FALSE(parse(std::string(100, '(') + "ALL" + std::string(100, ')')));
}

TEST(SearchFilterName, IsAnAtomWithoutSlash) {
  for (const char* name : {"on-the-road", "a", "x.y", "[x", "$a", "a+b"}) EXPECT_TRUE(is_filter_name(name)) << name;
  for (const char* name : {"", "a/b", "a b", "a]", "a(", "{", "a%", "a*", "\"a\"", "a\\", "\xc3\xa4", "a\t"}) {
    EXPECT_FALSE(is_filter_name(name)) << name;
  }
}

}  // namespace
}  // namespace cpm::imap::grammar
