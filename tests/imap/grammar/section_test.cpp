#include "imap/grammar/section.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <string>

namespace cpm::imap::grammar {
namespace {

using wire::bad_text;
using wire::TestLexer;

std::string respelled(std::string_view text) {
  TestLexer lexer(text);
  const Section section = parse_section(*lexer);
  const auto partial = parse_partial(*lexer);
  lexer->end();
  std::string out;
  wire::Encoder encoder(out, false);
  write_section(encoder, section);
  write_origin(encoder, partial);
  return out;
}

TEST(Section, IsSpelledInTheReply) {
  EXPECT_EQ(respelled("[]"), "[]");
  EXPECT_EQ(respelled("[]<0.100>"), "[]<0>");
  EXPECT_EQ(respelled("[header]"), "[HEADER]");
  EXPECT_EQ(respelled("[TEXT]<9223372036854775807.9223372036854775807>"), "[TEXT]<9223372036854775807>");
  EXPECT_EQ(respelled("[1]"), "[1]");
  EXPECT_EQ(respelled("[1.02.3]"), "[1.2.3]");
  EXPECT_EQ(respelled("[1.2.mime]"), "[1.2.MIME]");
  EXPECT_EQ(respelled("[4294967295.TEXT]"), "[4294967295.TEXT]");
  EXPECT_EQ(respelled("[3.HEADER]"), "[3.HEADER]");
  EXPECT_EQ(respelled("[HEADER.FIELDS (Subject)]"), "[HEADER.FIELDS (Subject)]");
  EXPECT_EQ(respelled("[1.2.HEADER.FIELDS (SUBJECT)]<0.5>"), "[1.2.HEADER.FIELDS (SUBJECT)]<0>");
  EXPECT_EQ(respelled("[header.fields.not (a \"b c\" {1}\r\nd \"e\")]"), "[HEADER.FIELDS.NOT (a \"b c\" d e)]");
  EXPECT_EQ(respelled("[HEADER.FIELDS (\"\")]"), "[HEADER.FIELDS (\"\")]");
}

TEST(Section, KeepsWhatItNames) {
  const Section section = parse_section(*TestLexer("[1.2.HEADER.FIELDS.NOT (To cc)]"));
  EXPECT_EQ(section.parts, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(section.text, Section::Text::header_fields_not);
  EXPECT_EQ(section.fields, (std::vector<std::string>{"To", "cc"}));
  EXPECT_EQ(parse_section(*TestLexer("[]")), Section{});
  EXPECT_EQ(parse_partial(*TestLexer("<3.4>")), (Partial{3, 4}));
  EXPECT_EQ(parse_partial(*TestLexer("x")), std::nullopt);
}

TEST(Section, RefusesOtherForms) {
  for (const char* text : {"[",
                           "[1",
                           "[1.",
                           "[1.]",
                           "[.1]",
                           "[0]",
                           "[1.0]",
                           "[4294967296]",
                           "[MIME]",
                           "[1.2.BODY]",
                           "[HEADER.]",
                           "[HEADER.FIELDS]",
                           "[HEADER.FIELDS ]",
                           "[HEADER.FIELDS ()]",
                           "[HEADER.FIELDS(a)]",
                           "[HEADER.FIELDS (a]",
                           "[HEADER.FIELDS (a )]",
                           "[HEADER.FIELDS.NOT]",
                           "[TEXT",
                           "[TEXT ]",
                           "[ TEXT]",
                           "[1TEXT]",
                           "[TEXT.1]",
                           "[1..2]",
                           "[-1]",
                           "[HEADER]x",
                           "[]<0>",
                           "[]<0.0>",
                           "[]<0.>",
                           "[]<.5>",
                           "[]<0.5",
                           "[]<-1.5>",
                           "[]<0.5>x",
                           "[]<9223372036854775808.1>",
                           "[]<1.9223372036854775808>",
                           "[] <0.5>"}) {
    EXPECT_NE(bad_text([&] { (void)respelled(text); }), "") << text;
  }
}

TEST(Section, BoundsPartsAndFields) {
  Limits limits;
  limits.mime_nesting = 3;
  limits.fetch_items = 2;
  EXPECT_EQ(parse_section(*TestLexer("[1.1.1]", false, limits)).parts.size(), 3U);
  EXPECT_NE(bad_text([&] { (void)parse_section(*TestLexer("[1.1.1.1]", false, limits)); }), "");
  EXPECT_NE(bad_text([&] { (void)parse_section(*TestLexer("[HEADER.FIELDS (a b c)]", false, limits)); }), "");
}

TEST(BinarySection, HoldsPartNumbersOnly) {
  EXPECT_EQ(parse_binary_section(*TestLexer("[]")).parts.size(), 0U);
  EXPECT_EQ(parse_binary_section(*TestLexer("[1.2]")).parts, (std::vector<std::uint32_t>{1, 2}));
  for (const char* text : {"[1.]", "[TEXT]", "[1.MIME]", "[0]", "[1", "1]"}) {
    EXPECT_NE(bad_text([&] { (void)parse_binary_section(*TestLexer(text)); }), "") << text;
  }
}

}  // namespace
}  // namespace cpm::imap::grammar
