#include "imap/wire/encoder.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace cpm::imap::wire {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

template <class Write>
std::string written(bool utf8, Write write) {
  std::string out;
  Encoder encoder(out, utf8);
  write(encoder);
  return out;
}

std::string string(std::string_view text, bool utf8 = false) {
  return written(utf8, [&](Encoder& e) { e.string(text); });
}

std::string astring(std::string_view text, bool utf8 = false) {
  return written(utf8, [&](Encoder& e) { e.astring(text); });
}

TEST(EncoderString, IsQuotedWherePossible) {
  EXPECT_EQ(string(""), "\"\"");
  EXPECT_EQ(string("a b"), "\"a b\"");
  EXPECT_EQ(string("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(string("tab\t"), "\"tab\t\"");
}

TEST(EncoderString, IsALiteralOtherwise) {
  EXPECT_EQ(string("a\r\nb"), "{4}\r\na\r\nb");
  EXPECT_EQ(string("a\nb"), "{3}\r\na\nb");
  EXPECT_EQ(string("\xe9"), "{1}\r\n\xe9");
  EXPECT_EQ(string(std::string(5000, 'x')), "{5000}\r\n" + std::string(5000, 'x'));
}

TEST(EncoderString, QuotesUtf8OnlyWhenEnabled) {
  EXPECT_EQ(string("\xc3\xa9"), "{2}\r\n\xc3\xa9");
  EXPECT_EQ(string("\xc3\xa9", true), "\"\xc3\xa9\"");
  EXPECT_EQ(string("\xe9", true), "{1}\r\n\xe9");
}

TEST(EncoderNstring, WritesNil) {
  EXPECT_EQ(written(false, [](Encoder& e) { e.nstring(std::nullopt).sp().nstring("NIL"); }), "NIL \"NIL\"");
}

TEST(EncoderAstring, IsAnAtomWherePossible) {
  EXPECT_EQ(astring("Default/tel:+33600000002"), "Default/tel:+33600000002");
  EXPECT_EQ(astring("a]b"), "a]b");
  EXPECT_EQ(astring(""), "\"\"");
  EXPECT_EQ(astring("a b"), "\"a b\"");
  EXPECT_EQ(astring("a%b"), "\"a%b\"");
  EXPECT_EQ(astring("nil"), "\"nil\"");
  EXPECT_EQ(astring("\xc3\xa9"), "{2}\r\n\xc3\xa9");
}

TEST(EncoderNumbers, AreDecimal) {
  EXPECT_EQ(written(false, [](Encoder& e) { e.number(0).sp().number(18446744073709551615ULL); }),
            "0 18446744073709551615");
  EXPECT_EQ(written(false, [](Encoder& e) { e.set(NumberSet{{1, 3}, {7, 7}}).crlf(); }), "1:3,7\r\n");
  EXPECT_EQ(written(false, [](Encoder& e) { e.literal_head(5).literal_head(6, true); }), "{5}\r\n~{6}\r\n");
}

TEST(EncoderDateTime, PadsTheDay) {
  const std::chrono::sys_seconds may4 = std::chrono::sys_days{2020y / 5 / 4} + 8h + 30min;
  EXPECT_EQ(written(false, [&](Encoder& e) { e.date_time(may4); }), "\" 4-May-2020 08:30:00 +0000\"");
}

TEST(EncoderFlags, AreAList) {
  EXPECT_EQ(written(false, [](Encoder& e) { e.flags({}).flags({"\\Seen", "x"}); }), "()(\\Seen x)");
}

TEST(EncoderMailbox, HasAQuotedAndAnAtomStyle) {
  const auto both = [](std::string_view path, bool utf8) {
    return written(utf8, [&](Encoder& e) { e.mailbox_quoted(path).sp().mailbox_atom(path); });
  };
  EXPECT_EQ(both("INBOX", false), "\"INBOX\" INBOX");
  EXPECT_EQ(both("Default/tel:+336", false), "\"Default/tel:+336\" Default/tel:+336");
  EXPECT_EQ(both("Sent Items", false), "\"Sent Items\" \"Sent Items\"");
  EXPECT_EQ(both("a\"b", false), "\"a\\\"b\" \"a\\\"b\"");
  EXPECT_EQ(both("R&D", false), "\"R&-D\" R&-D");
  EXPECT_EQ(both("R&D", true), "\"R&D\" R&D");
  EXPECT_EQ(both("Entw\xc3\xbcrfe", false), "\"Entw&APw-rfe\" Entw&APw-rfe");
  EXPECT_EQ(both("Entw\xc3\xbcrfe", true), "\"Entw\xc3\xbcrfe\" \"Entw\xc3\xbcrfe\"");
  EXPECT_EQ(both("nil", false), "\"nil\" \"nil\"");
}

// What we write, we read.
TEST(EncoderRoundTrip, AstringsComeBackThroughTheLexer) {
  for (const std::string& text : {""s, "a"s, "NIL"s, "a b"s, "\"\\\""s, "a\r\nb"s, "\r"s, "{5}"s, "x {5}"s, "\xc3\xa9"s,
                                  "\xff\xfe"s, "(a)"s, "*"s, std::string(2000, '"'), "tail\\"s, "]"s, "~{1}"s}) {
    for (const bool utf8 : {false, true}) {
      EXPECT_EQ(TestLexer(astring(text, utf8), utf8)->astring(), text);
      EXPECT_EQ(TestLexer(string(text, utf8), utf8)->nstring(), text);
    }
  }
}

}  // namespace
}  // namespace cpm::imap::wire
