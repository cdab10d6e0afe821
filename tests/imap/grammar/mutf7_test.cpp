#include "imap/grammar/mutf7.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace cpm::imap::grammar {
namespace {

struct Pair {
  std::string utf8;
  std::string wire;
};

const Pair kPairs[] = {
    {"", ""},
    {"INBOX", "INBOX"},
    {"R&D", "R&-D"},
    {"&&", "&-&-"},
    {"Entw\u00fcrfe", "Entw&APw-rfe"},
    {"~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},  // RFC 3501 5.1.3
    {"\u263a!", "&Jjo-!"},
    {"a\u00e9\u00e8b", "a&AOkA6A-b"},
    {"\u00e9&", "&AOk-&-"},
    {"&\u00e9", "&-&AOk-"},
    {"\u00e9-", "&AOk--"},
    {"\U0001f600", "&2D3eAA-"},
    {"\U0010ffff", "&2,,f,w-"},
    {"a/\U0001f600\u00e9/b", "a/&2D3eAADp-/b"},
    {"\ufffd", "&,,0-"},
    {"x\ty", "x&AAk-y"},
    {"tilde~", "tilde~"},
};

TEST(Mutf7, EncodesAndDecodes) {
  for (const Pair& pair : kPairs) {
    EXPECT_EQ(encode_mutf7(pair.utf8), pair.wire);
    const auto decoded = decode_mutf7(pair.wire);
    ASSERT_TRUE(decoded) << pair.wire;
    EXPECT_EQ(*decoded, pair.utf8) << pair.wire;
  }
}

TEST(Mutf7, EveryCharacterComesBack) {
  for (std::uint32_t code = 1; code < 0x110000; code += code < 0x3000 ? 1 : 97) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    std::string utf8;
    if (code < 0x80) {
      utf8 = {static_cast<char>(code)};
    } else if (code < 0x800) {
      utf8 = {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
    } else if (code < 0x10000) {
      utf8 = {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 63)),
              static_cast<char>(0x80 | (code & 63))};
    } else {
      utf8 = {static_cast<char>(0xf0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 63)),
              static_cast<char>(0x80 | (code >> 6 & 63)), static_cast<char>(0x80 | (code & 63))};
    }
    for (const std::string& text : {utf8, "a" + utf8 + "b", utf8 + utf8, utf8 + utf8 + utf8}) {
      const std::string wire = encode_mutf7(text);
      for (const char c : wire) ASSERT_TRUE(c >= 0x20 && c <= 0x7e);
      const auto decoded = decode_mutf7(wire);
      ASSERT_TRUE(decoded) << wire;
      ASSERT_EQ(*decoded, text) << wire;
    }
  }
}

TEST(Mutf7, RefusesWhatIsNotCanonical) {
  for (const std::string& text : {
           std::string("&"),          std::string("a&"),       std::string("&AOk"),
           std::string("&AOk/"),  // unterminated, "/" is no base64 here
           std::string("&AGE-"),      std::string("&ACY-"),    std::string("&AOkAYQ-"),  // ASCII encoded
           std::string("&AOk-&AOg-"),                                                    // two shifts for one
           std::string("&A-"),        std::string("&AO-"),     std::string("&AOkA-"),
           std::string("&AOkAA-"),  // cut or padded
           std::string("&AOl-"),    // bits after the last unit
           std::string("&2D0-"),      std::string("&3gA-"),    std::string("&2D3YPQ-"), std::string("&2D0AYQ-"),
           std::string("&3gDYPQ-"),   std::string("\xc3\xa9"), std::string("a\x80"),    std::string("a\tb"),
           std::string("\x7f"),       std::string("a\0b", 3),  std::string("& -"),      std::string("&AOk=-"),
           std::string("&AOk&-"),     std::string("&AO\xe9-"),
       }) {
    const auto decoded = decode_mutf7(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().failure, Failure::invalid);
  }
}

}  // namespace
}  // namespace cpm::imap::grammar
