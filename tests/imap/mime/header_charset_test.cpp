#include "imap/mime/header_charset.h"

#include "imap/mime/charset.h"
#include "imap/mime/header.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace cpm::imap::mime {
namespace {

std::string converted(std::string_view block, std::string_view charset = "utf-8",
                      const std::optional<std::string>& replacement = {}) {
  return convert_header(block, charset, replacement).value();
}

// RFC 5259 6: the example of BODY[HEADER]; encoded words stay encoded words.
TEST(HeaderCharset, WordsAreEncodedAgain) {
  EXPECT_EQ(converted("Subject: =?KOI8-R?Q?why encode this?=\r\n\r\n"), "Subject: =?UTF-8?Q?why_encode_this?=\r\n\r\n");
  EXPECT_EQ(converted("To: =?iso-8859-1?q?J=FCrgen?= <j@x>\r\n"), "To: =?UTF-8?Q?J=C3=BCrgen?= <j@x>\r\n");
  EXPECT_EQ(converted("Subject: =?utf-8?B?w6k=?=\r\n", "iso-8859-1"), "Subject: =?ISO-8859-1?B?6Q==?=\r\n");
  EXPECT_EQ(converted("A: plain\r\nB: x\r\n y\r\n\r\n"), "A: plain\r\nB: x\r\n y\r\n\r\n");
}

// A character may be split between words (RFC 2047 5 forbids it, senders do it); the result has whole ones.
TEST(HeaderCharset, AdjacentWordsBelongTogether) {
  EXPECT_EQ(converted("S: =?utf-8?q?a=C3?=\r\n =?utf-8?q?=A9b?=\r\n"), "S: =?UTF-8?Q?a=C3=A9b?=\r\n");
}

// "If the server can't decode any particular encoded word, … it MUST leave them as is."
TEST(HeaderCharset, WhatCannotBeDecodedStays) {
  for (const char* same : {"S: =?x-none?q?abc?=\r\n", "S: =?utf-8?q?=FF=FE?=\r\n", "S: =?utf-8?z?abc?=\r\n",
                           "S: =?utf-8?q?abc\r\n", "no field\r\n", ""}) {
    EXPECT_EQ(converted(same), same);
  }
}

TEST(HeaderCharset, LinesStayShortAndCharactersWhole) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "=C3=BC";
  const std::string out = converted("Subject: =?utf-8?q?" + text + "?=\r\n", "utf-8");
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 78U) << line;
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += "ü";
  EXPECT_EQ(decode_words(unfold(std::string_view(out).substr(8))), expected);
}

TEST(HeaderCharset, CharactersThatAreNotThere) {
  const auto fail_of = [](std::string_view charset, std::optional<std::string> replacement) {
    const auto out = convert_header("S: =?utf-8?q?=E2=82=AC?=\r\n", charset, replacement);
    return out ? std::string("ok") : std::string(failure_name(out.error().failure));
  };
  EXPECT_EQ(fail_of("iso-8859-1", {}), failure_name(Failure::invalid));
  EXPECT_EQ(fail_of("us-ascii", {}), failure_name(Failure::invalid));
  EXPECT_EQ(fail_of("us-ascii", "é"), failure_name(Failure::invalid)) << "the replacement is not there either";
  EXPECT_EQ(fail_of("x-none", {}), failure_name(Failure::bad_charset));
  EXPECT_EQ(fail_of("", {}), failure_name(Failure::bad_charset));
  EXPECT_EQ(converted("S: =?utf-8?q?5=E2=82=AC?=\r\n", "us-ascii", "EUR"), "S: =?US-ASCII?Q?5EUR?=\r\n");
  EXPECT_EQ(converted("S: =?utf-8?q?5=E2=82=AC?=\r\n", "iso-8859-15"), "S: =?ISO-8859-15?Q?5=A4?=\r\n");
}

// RFC 5259 6, the example of BODY[1.MIME], with a charset that has the characters.
TEST(HeaderCharset, ParametersOfRfc2231) {
  EXPECT_EQ(converted("Content-Type: text/plain; charset=utf-8;\r\n foo*0*=utf-8'fr'tr%c3%a9;\r\n foo*1*(very)=%20s_m;"
                      "\r\n foo*2*=(nasty)%09chant\r\n\r\n",
                      "iso-8859-1"),
            "Content-Type: text/plain;\r\n charset=\"utf-8\";\r\n foo*=ISO-8859-1'fr'tr%E9%20s_m%09chant\r\n"
            " (very)(nasty)\r\n\r\n");
  std::string name;
  for (int i = 0; i < 60; ++i) name += "%C3%BC";
  const std::string out = converted("Content-Disposition: attachment; filename*=utf-8''" + name + "\r\n", "utf-8");
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 78U) << line;
  EXPECT_NE(out.find(" filename*0*=UTF-8''%C3%BC"), std::string::npos) << out;
  EXPECT_NE(out.find(" filename*1*=%C3%BC"), std::string::npos) << out;
  // Nothing encoded: nothing is touched.
  EXPECT_EQ(converted("Content-Type:  text/plain ; a=\"*\"\r\n"), "Content-Type:  text/plain ; a=\"*\"\r\n");
}

// RFC 5259 7.1: from these to UTF-8.
TEST(HeaderCharset, MandatoryCharsets) {
  for (const char* charset : {"iso-8859-1", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6",
                              "iso-8859-7", "iso-8859-8", "iso-8859-15"}) {
    const std::string out = converted("S: =?" + std::string(charset) + "?q?x=A0y?=\r\n");
    EXPECT_TRUE(out.starts_with("S: =?UTF-8?Q?x=C2=A0y?=")) << charset << out;
  }
}

TEST(FromUtf8, MeansWhatTheNameSays) {
  EXPECT_EQ(from_utf8("é", "iso-8859-1", {})->text, "\xe9");
  EXPECT_EQ(from_utf8("€", "iso-8859-1", {})->text, std::nullopt) << "windows-1252 has it, iso-8859-1 does not";
  EXPECT_EQ(from_utf8("é", "us-ascii", {})->text, std::nullopt);
  EXPECT_EQ(from_utf8("日本", "iso-2022-jp", {})->text, "\x1b$BF|K\\\x1b(B");
  EXPECT_EQ(from_utf8("a😀b", "us-ascii", "?")->text, "a?b") << "one character, one replacement";
  EXPECT_FALSE(from_utf8("a", "x-none", {}));
}

}  // namespace
}  // namespace cpm::imap::mime
