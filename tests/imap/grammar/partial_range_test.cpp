#include "imap/grammar/partial_range.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <string>

namespace cpm::imap::grammar {
namespace {

using wire::bad_text;
using wire::TestLexer;

PartialRange parse(std::string_view text) {
  TestLexer lexer(text);
  PartialRange range = parse_partial_range(*lexer);
  lexer->end();
  return range;
}

std::string chosen(std::string_view range, const NumberSet& numbers) {
  return parse(range).choose(numbers).to_string();
}

TEST(PartialRange, ChoosesByPlaceFromTheFront) {
  const NumberSet numbers{{2, 4}, {7, 7}, {10, 20}};
  EXPECT_EQ(chosen("1:1", numbers), "2");
  EXPECT_EQ(chosen("1:3", numbers), "2:4");
  EXPECT_EQ(chosen("3:5", numbers), "4,7,10");
  EXPECT_EQ(chosen("5:3", numbers), "4,7,10");
  EXPECT_EQ(chosen("15:15", numbers), "20");
  EXPECT_EQ(chosen("14:500", numbers), "19:20");
  EXPECT_EQ(chosen("16:500", numbers), "");
  EXPECT_EQ(chosen("1:4294967295", numbers), "2:4,7,10:20");
}

TEST(PartialRange, ChoosesByPlaceFromTheEnd) {
  const NumberSet numbers{{2, 4}, {7, 7}, {10, 20}};
  EXPECT_EQ(chosen("-1:-1", numbers), "20");
  EXPECT_EQ(chosen("-1:-3", numbers), "18:20");
  EXPECT_EQ(chosen("-3:-1", numbers), "18:20");
  EXPECT_EQ(chosen("-11:-13", numbers), "4,7,10");
  EXPECT_EQ(chosen("-15:-400", numbers), "2");
  EXPECT_EQ(chosen("-16:-400", numbers), "");
  EXPECT_EQ(chosen("-1:-4294967295", numbers), "2:4,7,10:20");
}

TEST(PartialRange, OfNothingIsNothing) {
  EXPECT_EQ(chosen("1:10", {}), "");
  EXPECT_EQ(chosen("-1:-10", {}), "");
}

TEST(PartialRange, OfEveryNumber) {
  const NumberSet all{{1, UINT32_MAX}};
  EXPECT_EQ(chosen("4294967294:4294967295", all), "4294967294:4294967295");
  EXPECT_EQ(chosen("-4294967295:-4294967295", all), "1");
}

TEST(PartialRange, TellsHowManyItCanName) {
  EXPECT_EQ(parse("1:500").size(), 500U);
  EXPECT_EQ(parse("-500:-1").size(), 500U);
  EXPECT_EQ(parse("7:7").size(), 1U);
  EXPECT_EQ(parse("1:4294967295").size(), 4294967295U);
}

TEST(PartialRange, IsSpelledAsGiven) {
  EXPECT_EQ(parse("1:500").to_string(), "1:500");
  EXPECT_EQ(parse("500:400").to_string(), "500:400");
  EXPECT_EQ(parse("-1:-100").to_string(), "-1:-100");
}

TEST(PartialRange, RefusesEverythingElse) {
  for (const char* text : {"1", "1:", ":1", "0:1", "1:0", "1:*", "*", "-1:1", "1:-1", "-0:-1", "--1:-2", "1:2,3:4",
                           "1 : 2", "4294967296:1", "a:b"}) {
    EXPECT_NE(bad_text([&] { parse(text); }), "") << text;
  }
}

}  // namespace
}  // namespace cpm::imap::grammar
