#include "imap/mime/charset.h"

#include "imap/mime/casemap.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime {
namespace {

TEST(Charset, KnowsNamesAndAliases) {
  for (const auto name :
       {"utf-8",       "UTF-8",          "utf8",   "us-ascii", "ISO-8859-1",   "iso-8859-15", "windows-1252",
        "cp1251",      "koi8-r",         "gb2312", "GBK",      "big5",         "shift_jis",   "euc-jp",
        "iso-2022-jp", "ks_c_5601-1987", "utf-16", "utf-7",    "iso-8859-8-i", "macintosh"})
    EXPECT_TRUE(known_charset(name)) << name;
  for (const auto name : {"", "x-unknown", "none", "utf-8,version=1", "a b", "../etc", "\xFF"})
    EXPECT_FALSE(known_charset(name)) << name;
}

TEST(Charset, ConvertsToUtf8) {
  EXPECT_EQ(to_utf8("caf\xE9", "iso-8859-1"), "café");
  EXPECT_EQ(to_utf8("\x93q\x94", "iso-8859-1"), "“q”");
  EXPECT_EQ(to_utf8("\xA4", "iso-8859-15"), "€");
  EXPECT_EQ(to_utf8("\xC4\xE3\xBA\xC3", "gb2312"), "你好");
  EXPECT_EQ(to_utf8("\x93\xFA\x96\x7B", "shift_jis"), "日本");
  EXPECT_EQ(to_utf8("café", "us-ascii"), "café");
  EXPECT_EQ(to_utf8("x", ""), "x");
  EXPECT_EQ(to_utf8("x", "no-such-charset"), std::nullopt);
  EXPECT_EQ(to_utf8(std::string_view("\xFE\xFF\xD8\x3D\xDE\x00", 6), "utf-16"), "😀");
}

TEST(Charset, ReplacesInvalidOctets) {
  EXPECT_EQ(to_utf8("a\xFF"
                    "b",
                    "utf-8"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(to_utf8("a\xC3", "utf-8"), "a\xEF\xBF\xBD");
}

TEST(CharsetDecoder, IsTheSameInAnyPieces) {
  std::string text = "ASCII, é, 日本, 😀, \xFF, ";
  for (int i = 0; i < 3000; ++i) text += "😀";
  const auto whole = to_utf8(text, "utf-8");
  ASSERT_TRUE(whole);
  for (const std::size_t step : {1, 2, 3, 5, 1000}) {
    auto decoder = CharsetDecoder::open("utf-8");
    ASSERT_TRUE(decoder);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += step) decoder->feed(std::string_view(text).substr(at, step), out);
    decoder->finish(out);
    EXPECT_EQ(out, *whole) << step;
  }
}

TEST(CharsetDecoder, KeepsHalvesOfPairsTogether) {
  // UTF-7 gives UTF-16 units one by one: U+1F600 is "+2D3eAA-".
  auto decoder = CharsetDecoder::open("utf-7");
  ASSERT_TRUE(decoder);
  std::string out;
  for (const char c : std::string_view("x+2D3eAA-y")) decoder->feed(std::string_view(&c, 1), out);
  decoder->finish(out);
  EXPECT_EQ(out, "x😀y");
}

TEST(Casemap, FoldsAsciiAndBeyond) {
  EXPECT_EQ(unicode_casemap("Hello, World 1"), "HELLO, WORLD 1");
  EXPECT_EQ(unicode_casemap("é"), unicode_casemap("É"));
  EXPECT_EQ(unicode_casemap("e\xCC\x81"), unicode_casemap("É"));
  EXPECT_EQ(unicode_casemap("привет"), "ПРИВЕТ");
  EXPECT_EQ(unicode_casemap("ﬁ"), "fi");  // titlecase of U+FB01 is itself; its decomposition is small letters
  EXPECT_EQ(unicode_casemap(""), "");
}

TEST(Casemap, FollowsTheExampleOfRfc5051) {
  EXPECT_EQ(unicode_casemap("\xC7\x84"), "Dz\xCC\x8C");  // U+01C4
}

TEST(Casemap, ReplacesInvalidSequences) {
  EXPECT_EQ(unicode_casemap("a\xFF"
                            "b"),
            "A\xEF\xBF\xBD"
            "B");
  EXPECT_EQ(unicode_casemap("\xC0\x80"), unicode_casemap("\xC0") + unicode_casemap("\x80"));
  EXPECT_EQ(unicode_casemap("\xED\xA0\x80").find('\xED'), std::string::npos);
}

TEST(Casemap, DistributesOverConcatenation) {
  const std::string text = "Straße İstanbul ǆ ﷺ 한글 e\xCC\x81\xCC\xA3 ½";
  const std::string whole = unicode_casemap(text);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const std::size_t cut = utf8_boundary(std::string_view(text).substr(0, at));
    EXPECT_EQ(unicode_casemap(text.substr(0, cut)) + unicode_casemap(text.substr(cut)), whole) << at;
  }
}

TEST(Utf8Boundary, NeverCutsASequence) {
  const std::string_view text = "aé日😀";
  EXPECT_EQ(utf8_boundary(text), text.size());
  EXPECT_EQ(utf8_boundary(text.substr(0, 2)), 1U);
  EXPECT_EQ(utf8_boundary(text.substr(0, 3)), 3U);
  EXPECT_EQ(utf8_boundary(text.substr(0, 5)), 3U);
  EXPECT_EQ(utf8_boundary(text.substr(0, 9)), 6U);
  EXPECT_EQ(utf8_boundary(""), 0U);
  EXPECT_EQ(utf8_boundary("\x80\x80\x80\x80\x80"), 5U);
}

}  // namespace
}  // namespace cpm::imap::mime
