#include "imap/grammar/sequence_set.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <string>

namespace cpm::imap::grammar {
namespace {

using wire::bad_text;
using wire::TestLexer;

std::string resolved(std::string_view text, std::uint32_t max) {
  TestLexer lexer(text);
  const SequenceSet set = parse_sequence_set(*lexer);
  lexer->end();
  return set.resolve(max).to_string();
}

TEST(SequenceSet, ResolvesRangesInAnyOrder) {
  EXPECT_EQ(resolved("1", 10), "1");
  EXPECT_EQ(resolved("1,3,5:7", 10), "1,3,5:7");
  EXPECT_EQ(resolved("7:5,2,1", 10), "1:2,5:7");
  EXPECT_EQ(resolved("5:7,6:9,1", 10), "1,5:9");
  EXPECT_EQ(resolved("4294967295", 10), "4294967295");
  EXPECT_EQ(resolved("1:4294967295", 10), "1:4294967295");
  EXPECT_EQ(resolved("0042", 100), "42");
}

TEST(SequenceSet, StarIsTheGreatest) {
  EXPECT_EQ(resolved("*", 10), "10");
  EXPECT_EQ(resolved("1:*", 10), "1:10");
  EXPECT_EQ(resolved("*:5", 10), "5:10");
  EXPECT_EQ(resolved("*:*", 10), "10");
  EXPECT_EQ(resolved("20:*", 10), "10:20");  // RFC 9051 9: always includes the last
  EXPECT_EQ(resolved("2,*", 10), "2,10");
}

TEST(SequenceSet, StarOfAnEmptyMailboxIsNothing) {
  EXPECT_EQ(resolved("*", 0), "");
  EXPECT_EQ(resolved("1:*", 0), "");
  EXPECT_EQ(resolved("3,5:*", 0), "3");
}

TEST(SequenceSet, SavedResultStandsAlone) {
  TestLexer lexer("$ x");
  EXPECT_TRUE(parse_sequence_set(*lexer).saved);
  EXPECT_EQ(lexer->peek(), ' ');
  EXPECT_NE(bad_text([] { (void)resolved("$,1", 5); }), "");
  EXPECT_NE(bad_text([] { (void)resolved("1,$", 5); }), "");
}

TEST(SequenceSet, RefusesWhatIsNone) {
  for (const char* text : {"0", "1,0", "0:5", "1:", ":1", "1,", ",1", "1,,2", "1:2:3", "-1", "a", "1-2", "4294967296",
                           "1:4294967296", "**", "1*", "*1", "(1)", "99999999999999999999"}) {
    EXPECT_NE(bad_text([&] { (void)resolved(text, 5); }), "") << text;
  }
}

TEST(SequenceSet, BoundsTheNumberOfRanges) {
  Limits limits;
  limits.line_octets = 1 << 20;
  std::string text = "1";
  for (std::size_t i = 1; i < limits.set_ranges; ++i) text += "," + std::to_string(2 * i + 1);
  {
    TestLexer lexer(text, false, limits);
    EXPECT_EQ(parse_sequence_set(*lexer).resolve(1).ranges().size(), limits.set_ranges);
  }
  for (int i = 0; i < 100000; ++i) text += ",1";
  TestLexer lexer(text, false, limits);
  EXPECT_EQ(bad_text([&] { (void)parse_sequence_set(*lexer); }), "Too many ranges in the message set");
}

TEST(UidSet, HoldsNoStar) {
  TestLexer lexer("5:3,9");
  EXPECT_EQ(parse_uid_set(*lexer).to_string(), "3:5,9");
  for (const char* text : {"*", "1:*", "$", "0"}) {
    EXPECT_NE(bad_text([&] { (void)parse_uid_set(*TestLexer(text)); }), "") << text;
  }
}

}  // namespace
}  // namespace cpm::imap::grammar
