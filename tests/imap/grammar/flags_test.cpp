#include "imap/grammar/flags.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cpm::imap::grammar {
namespace {

using wire::bad_text;
using wire::TestLexer;
using Names = std::vector<std::string>;

schema::FlagSet listed(std::string_view text, const Limits& limits = wire::test_limits()) {
  TestLexer lexer(text, false, limits);
  const schema::FlagSet flags = parse_flag_list(*lexer);
  lexer->end();
  return flags;
}

schema::FlagSet stored(std::string_view text) {
  TestLexer lexer(text);
  const schema::FlagSet flags = parse_store_flags(*lexer);
  lexer->end();
  return flags;
}

TEST(Flags, SystemFlagsHaveAnyCase) {
  const auto flags = listed("(\\seen \\ANSWERED \\Flagged \\deleted \\DrAfT)");
  EXPECT_EQ(flags.bits, static_cast<std::uint32_t>(schema::kSystemFlags));
  EXPECT_TRUE(flags.keywords.empty());
}

TEST(Flags, ListMayBeEmpty) {
  EXPECT_EQ(listed("()").bits, 0U);
  EXPECT_EQ(stored("()").bits, 0U);
}

TEST(Flags, RecentIsDropped) {
  const auto flags = listed("(\\Recent \\Seen \\recent)");
  EXPECT_EQ(flags.bits, static_cast<std::uint32_t>(schema::kSeen));
  EXPECT_TRUE(flags.keywords.empty());
}

TEST(Flags, ReadReportSentIsKnown) {
  EXPECT_EQ(listed("(\\Read-Report-Sent)").bits, static_cast<std::uint32_t>(schema::kReadReportSent));
}

TEST(Flags, KeywordsKeepTheirSpellingAndComeOnce) {
  const auto flags = listed("($Forwarded Work work WORK other $mdnsent)");
  EXPECT_EQ(flags.bits, static_cast<std::uint32_t>(schema::kForwarded | schema::kMdnSent));
  EXPECT_EQ(flags.keywords, (Names{"Work", "other"}));
  EXPECT_EQ(listed("(a[b}c)").keywords, Names{"a[b}c"});
}

TEST(Flags, UnknownSystemFlagsAreRefused) {
  for (const char* text : {"(\\Foo)", "(\\)", "(\\*)", "(\\\\Seen)", "(\"\\Seen\")", "(a]b)", "(a%)", "(a*)",
                           "(\xc3\xa9)", "\\Seen", "(\\Seen", "( \\Seen)"}) {
    EXPECT_NE(bad_text([&] { (void)listed(text); }), "") << text;
  }
}

TEST(Flags, StoreTakesAListOrFlagsWithoutParentheses) {
  EXPECT_EQ(stored("\\Seen").bits, static_cast<std::uint32_t>(schema::kSeen));
  EXPECT_EQ(stored("\\Seen \\Deleted x").bits, static_cast<std::uint32_t>(schema::kSeen | schema::kDeleted));
  EXPECT_EQ(stored("\\Seen x y").keywords, (Names{"x", "y"}));
  EXPECT_EQ(stored("\\Seen ").bits, static_cast<std::uint32_t>(schema::kSeen));
  EXPECT_EQ(stored("(\\Seen) ").bits, static_cast<std::uint32_t>(schema::kSeen));
  for (const char* text : {"(", "\\Seen (x)", "\\Seen  x", "(\\Seen) x"})
    EXPECT_NE(bad_text([&] { (void)stored(text); }), "") << text;
}

TEST(Flags, BoundsLengthAndNumber) {
  Limits limits;
  limits.keyword_octets = 5;
  limits.keywords_per_mailbox = 2;
  EXPECT_EQ(listed("(12345)", limits).keywords, Names{"12345"});
  EXPECT_EQ(bad_text([&] { (void)listed("(123456)", limits); }), "Flag name is too long");
  EXPECT_EQ(listed("(a b A B a)", limits).keywords, (Names{"a", "b"}));
  EXPECT_EQ(bad_text([&] { (void)listed("(a b c)", limits); }), "Too many flags");
  // The bound is for keywords; names of the server's own flags may be longer.
  EXPECT_EQ(listed("(\\Answered $SubmitPending)", limits).bits,
            static_cast<std::uint32_t>(schema::kAnswered | schema::kSubmitPending));
}

}  // namespace
}  // namespace cpm::imap::grammar
