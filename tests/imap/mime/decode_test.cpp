#include "imap/mime/decode.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime {
namespace {

std::string decode(Encoding encoding, std::string_view in, std::size_t step = std::string_view::npos) {
  TransferDecoder decoder(encoding);
  std::string out;
  for (std::size_t at = 0; at < in.size(); at += std::min(step, in.size())) decoder.feed(in.substr(at, step), out);
  decoder.finish(out);
  return out;
}

struct Case {
  Encoding encoding;
  std::string_view in;
  std::string_view out;
};

const Case kCases[] = {
    {Encoding::identity, "a\r\nb=41\0", "a\r\nb=41\0"},
    {Encoding::unknown, "as it is", "as it is"},
    {Encoding::base64, "", ""},
    {Encoding::base64, "SGVsbG8=", "Hello"},
    {Encoding::base64, "SGVsbG8", "Hello"},
    {Encoding::base64, "SGVs\r\nbG8h\r\n", "Hello!"},
    {Encoding::base64, "SGVsbA==SGVsbA==", "HellHell"},
    {Encoding::base64, "S*G!V s\tb\xFFG8=", "Hello"},
    {Encoding::base64, "====", ""},
    {Encoding::base64, "A", ""},
    {Encoding::quoted_printable, "", ""},
    {Encoding::quoted_printable, "caf=C3=A9", "caf\xC3\xA9"},
    {Encoding::quoted_printable, "caf=c3=a9", "caf\xC3\xA9"},
    {Encoding::quoted_printable, "soft=\r\nbreak=\nhere", "softbreakhere"},
    {Encoding::quoted_printable, "soft= \t \r\nbreak", "softbreak"},
    {Encoding::quoted_printable, "blanks \t \r\nnext\t\n \nend  ", "blanks\r\nnext\n\nend"},
    {Encoding::quoted_printable, "kept=20\r\n a  b", "kept \r\n a  b"},
    {Encoding::quoted_printable, "=ZZ =4 =4Z ==41 =", "=ZZ =4 =4Z =A "},
    {Encoding::quoted_printable, "lone\rcr \rx", "lone\rcr \rx"},
    {Encoding::quoted_printable, "end=\r\n", "end"},
    {Encoding::quoted_printable, "end=4", "end=4"},
    {Encoding::quoted_printable, "=\r=41", "=\rA"},
    {Encoding::uuencode, "begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n", "Cat"},
    {Encoding::uuencode, "text before\nbegin 644 x\n#0V%T\n#0V%T\n \nend\nafter\n", "CatCat"},
    {Encoding::uuencode, "begin 644 x\n#0V%T", "Cat"},
    {Encoding::uuencode, "no begin line\n", ""},
};

TEST(Decode, GivesTheOctets) {
  for (const auto& test : kCases) EXPECT_EQ(decode(test.encoding, test.in), test.out) << test.in;
}

TEST(Decode, IsTheSameInAnyPieces) {
  for (const auto& test : kCases)
    for (std::size_t step = 1; step < 8; ++step)
      EXPECT_EQ(decode(test.encoding, test.in, step), test.out) << test.in << step;
}

TEST(Decode, ManyBlanksStayBounded) {
  const std::string blanks(100000, ' ');
  EXPECT_EQ(decode(Encoding::quoted_printable, blanks + "x", 7), blanks + "x");
  EXPECT_EQ(decode(Encoding::quoted_printable, blanks + "x"), blanks + "x");
}

TEST(Decode, CanBeUsedAgainAfterFinish) {
  TransferDecoder decoder(Encoding::base64);
  std::string out;
  decoder.feed("SGVsb", out);
  decoder.finish(out);
  decoder.feed("SGVsbG8=", out);
  decoder.finish(out);
  EXPECT_EQ(out, "HelHello");
}

TEST(DecodeRange, CountsDecodedOctets) {
  const std::string text = "xxSGVsbG8=yy";
  MemorySource source(text);
  EXPECT_EQ(decoded_size(source, 2, 10, Encoding::base64), 5U);
  EXPECT_EQ(decoded_size(source, 2, 10, Encoding::identity), 8U);
  EXPECT_EQ(decoded_size(source, 2, 2, Encoding::base64), 0U);
}

TEST(DecodeRange, ReadsLongRangesAndStopsWhenTold) {
  std::string text;
  for (int i = 0; i < 30000; ++i) text += "QUJD\r\n";
  MemorySource source(text);
  EXPECT_EQ(decoded_size(source, 0, text.size(), Encoding::base64), 90000U);
  int pieces = 0;
  decode_range(source, 0, text.size(), Encoding::base64, [&](std::string_view) { return ++pieces < 2; });
  EXPECT_EQ(pieces, 2);
}

TEST(DecodeName, KnowsTheEncodings) {
  EXPECT_EQ(parse_encoding(""), Encoding::identity);
  EXPECT_EQ(parse_encoding("8BIT"), Encoding::identity);
  EXPECT_EQ(parse_encoding("Binary"), Encoding::identity);
  EXPECT_EQ(parse_encoding("BASE64"), Encoding::base64);
  EXPECT_EQ(parse_encoding("Quoted-Printable"), Encoding::quoted_printable);
  EXPECT_EQ(parse_encoding("x-uuencode"), Encoding::uuencode);
  EXPECT_EQ(parse_encoding("x-rot13"), Encoding::unknown);
}

}  // namespace
}  // namespace cpm::imap::mime
