// Texts through a real worker.
#include "tests/adapt/jailed.h"
#include "tests/adapt/samples.h"

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::test;

class Text : public testing::Test {
 protected:
  static void SetUpTestSuite() { jailed_ = new Jailed(settings()); }
  static void TearDownTestSuite() {
    delete jailed_;
    jailed_ = nullptr;
  }
  static Outcome convert(std::string declared, std::string charset, std::string octets, Parameters parameters = {}) {
    Task wanted = task(std::move(declared), "text/plain", std::move(octets), std::move(parameters));
    wanted.charset = std::move(charset);
    return jailed_->convert(std::move(wanted));
  }
  static Jailed* jailed_;
};
Jailed* Text::jailed_ = nullptr;

TEST_F(Text, CharsetsThatMustBeReadAreRead) {
  const struct {
    const char *charset, *octets, *text;
  } cases[] = {
      {"iso-8859-1", "caf\xe9", "café"},
      {"iso-8859-2", "\xb1\xe6\xea", "ąćę"},
      {"iso-8859-3", "\xa6\xb6", "Ĥĥ"},
      {"iso-8859-4", "\xa1\xe8", "Ąč"},
      {"iso-8859-5", "\xbf\xe0\xd8", "При"},
      {"iso-8859-6", "\xe5\xd1", "مر"},
      {"iso-8859-7", "\xc3\xe5\xe9", "Γει"},
      {"iso-8859-8", "\xf9\xec", "של"},
      {"iso-8859-15", "5 \xa4", "5 €"},
      {"windows-1251", "\xcf\xf0\xe8", "При"},
      {"koi8-r", "\xf0\xd2\xc9", "При"},
      {"shift_jis", "\x93\xfa\x96\x7b", "日本"},
      {"iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
      {"euc-kr", "\xc7\xd1", "한"},
      {"gb2312", "\xd6\xd0", "中"},
      {"big5", "\xa4\xa4", "中"},
      {"utf-8", "caf\xc3\xa9", "café"},
      {"iso-8859-1", "\xc3\xa9", "Ã©"},  // what is said holds, though it is UTF-8 too
      {"us-ascii", "caf\xc3\xa9", "café"},
      {"", "caf\xe9", "café"},
      {"x-unknown", "caf\xc3\xa9", "café"},
  };
  for (const auto& c : cases) {
    const Converted done = good(convert("text/plain", c.charset, c.octets));
    EXPECT_EQ(done.octets, c.text) << c.charset;
    EXPECT_EQ(done.parameters.at("charset"), "utf-8");
    EXPECT_EQ(done.found, "text/plain") << c.charset;
  }
  EXPECT_EQ(good(convert("text/plain", "utf-16", std::string("\xfe\xff\0h\0i", 6))).octets, "hi");
}

TEST_F(Text, ToAnotherCharset) {
  const Converted done = good(convert("text/plain", "utf-8", "caf\xc3\xa9", {{"charset", "ISO-8859-1"}}));
  EXPECT_EQ(done.octets, "caf\xe9");
  EXPECT_EQ(done.parameters.at("charset"), "iso-8859-1");
}

// RFC 5259 7.1.
TEST_F(Text, WhatTheCharsetHasNotIsRefusedOrReplaced) {
  const Refused refused = bad(convert("text/plain", "utf-8", "a\xe2\x82\xac", {{"charset", "us-ascii"}}));
  EXPECT_EQ(refused.why, Refusal::bad_parameters);
  EXPECT_EQ(refused.parameters, std::vector<std::string>{"charset"});
  EXPECT_EQ(good(convert("text/plain", "utf-8",
                         "a\xe2\x82\xac"
                         "b",
                         {{"charset", "us-ascii"}, {"unknown-character-replacement", "?!"}}))
                .octets,
            "a?!b");
  const Refused replacement = bad(convert(
      "text/plain", "utf-8", "a", {{"charset", "us-ascii"}, {"unknown-character-replacement", "\xe2\x82\xac"}}));
  EXPECT_EQ(replacement.why, Refusal::bad_parameters);
  EXPECT_EQ(replacement.parameters, std::vector<std::string>{"unknown-character-replacement"});
  EXPECT_EQ(bad(convert("text/plain", "utf-8", "a", {{"charset", "x-nonsense"}})).parameters,
            std::vector<std::string>{"charset"});
  EXPECT_EQ(bad(convert("text/plain", "utf-8", "a", {{"charset", "../../etc/passwd"}})).why, Refusal::bad_parameters);
}

TEST_F(Text, FlowedLinesStayAsTheyAre) {
  const std::string flowed = "One line that \r\nflows on.\r\n \r\n> quoted \r\n> too\r\n-- \r\nme";
  EXPECT_EQ(good(convert("text/plain", "utf-8", flowed)).octets, flowed);
}

TEST_F(Text, HtmlBecomesReadable) {
  const std::string expected =
      "Menu\r\n\r\nCafé & bread, every day <https://example.net/day>.\r\n\r\n- tea\r\n- coffee\r\n  1. black\r\n"
      "  2. white\r\n\r\nWhat | Price\r\ntea | 2\r\n\r\n> said before\r\n\r\na\r\n  b\r\n\r\n[a cat]\r\n";
  const Converted done = good(convert("text/html", "utf-8", html()));
  EXPECT_EQ(done.octets, expected);
  EXPECT_EQ(done.found, "text/html");
}

TEST_F(Text, HtmlSaysItsCharsetItself) {
  EXPECT_EQ(good(convert("text/html", "", "<html><meta charset=\"windows-1251\"><p>\xcf\xf0\xe8</p></html>")).octets,
            "При\r\n");
}

TEST_F(Text, HtmlThatNestsDeeplyOrIsBroken) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<div><blockquote><ul><li>";
  const Converted done = good(convert("text/html", "utf-8", deep + "end"));
  EXPECT_NE(done.octets.find("end"), std::string::npos);
  EXPECT_NE(good(convert("text/html", "utf-8", "<p>a<b>b<i>c</p></b>d &nope; <x <y z=\"")).octets.find("abc"),
            std::string::npos);
}

TEST_F(Text, VCard) {
  EXPECT_EQ(good(convert("text/vcard", "utf-8", vcard())).octets,
            "Zoë Sample\r\nOrganisation: Example, Research\r\nPhone: +15550100\r\nE-mail: zoe@example.net\r\n"
            "Note: likes a, b and c\r\n");
  EXPECT_EQ(good(convert("text/x-vcard", "",
                         "BEGIN:VCARD\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCller;Eva\n"
                         "N:Last;First;;Dr.\nEND:VCARD\n"))
                .octets,
            "Dr. First Last\r\n");
}

TEST_F(Text, Cpim) {
  EXPECT_EQ(good(convert("message/cpim", "", cpim("text/plain; charset=utf-8", "Hell\xc3\xb6\r\nthere"))).octets,
            "From: <sip:a@example.net>\r\nTo: <sip:b@example.net>\r\nDateTime: 2026-01-02T03:04:05Z\r\n\r\n"
            "Hellö\r\nthere");
  EXPECT_NE(good(convert("message/cpim", "", cpim("image/png", "\x89PNG"))).octets.find("[image/png]"),
            std::string::npos);
}

TEST_F(Text, EmptyTextStaysEmpty) { EXPECT_EQ(good(convert("text/plain", "utf-8", "")).octets, ""); }

}  // namespace
