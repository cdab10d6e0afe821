#include "imap/mime/search_text.h"

#include "imap/mime/casemap.h"
#include "tests/imap/mime/sample.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime::test {
namespace {

BodyText text_of(std::string_view octets, std::size_t limit = 1 << 20) {
  MemorySource source(octets);
  return body_text(source, parse(octets), limit);
}

bool contains(std::string_view octets, std::string_view needle) {
  MemorySource source(octets);
  return body_contains(source, parse(octets), unicode_casemap(needle));
}

TEST(HeaderText, HasOneLineAField) {
  EXPECT_EQ(
      header_text("From: Alice <alice@example.net>\r\nSUBJECT: =?utf-8?q?caf=C3=A9?=\r\n folded\r\nX:\r\n\r\nbody"),
      "FROM: ALICE <ALICE@EXAMPLE.NET>\nSUBJECT: " + unicode_casemap("café folded") + "\nX:\n");
}

TEST(HeaderText, HoldsNoNulAndNoForeignLineEnd) {
  EXPECT_EQ(header_text(std::string_view("A\0b: x\0y\r\nS: =?utf-8?q?a=0D=0Afrom:x?=\r\njunk\r\n\r\n", 49)),
            "AB: XY\nS: A  FROM:X\n:JUNK\n");
  EXPECT_EQ(header_text("N\xE9: v\xE9\r\n\r\n"), "N\xEF\xBF\xBD: V\xEF\xBF\xBD\n");
  EXPECT_EQ(header_text(""), "");
}

TEST(PartHeadersText, HasTheMimeHeadersOfParts) {
  const std::string message =
      "Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
      "--b\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\nContent-Description: "
      "=?utf-8?q?caf=C3=A9?=\r\n\r\nx\r\n"
      "--b\r\n\r\nno header\r\n--b--\r\n";
  MemorySource source(message);
  const PartMap parts = PartMap::from(parse(message));
  const BodyText text = part_headers_text(source, parts, 10'000);
  EXPECT_EQ(text.text,
            " CONTENT-TYPE: TEXT/PLAIN\n CONTENT-TYPE: APPLICATION/PDF; NAME=\"REPORT.PDF\"\n CONTENT-DESCRIPTION: " +
                unicode_casemap("café") + "\n");
  EXPECT_TRUE(text.complete);
  EXPECT_FALSE(part_headers_text(source, parts, 50).complete);
  EXPECT_TRUE(part_headers_contain(source, parts, unicode_casemap("Report.pdf")));
  EXPECT_TRUE(part_headers_contain(source, parts, unicode_casemap("description: Café")));
  EXPECT_FALSE(part_headers_contain(source, parts, unicode_casemap("Subject")));
  EXPECT_FALSE(part_headers_contain(source, parts, unicode_casemap("hello")));
}

TEST(BodyText, DecodesAndNormalises) {
  EXPECT_EQ(text_of("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
                    "quoted-printable\r\n\r\ncaf=E9=\r\n!")
                .text,
            unicode_casemap("café!"));
  EXPECT_EQ(text_of("Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n").text, "HELLO");
  EXPECT_EQ(text_of(std::string_view("\r\na\0b", 5)).text, "AB");
  EXPECT_EQ(text_of("Content-Type: text/plain; charset=x-none\r\n\r\nabc").text, "ABC");
  EXPECT_EQ(text_of("Content-Type: image/png\r\n\r\nabc").text, "");
}

TEST(BodyText, JoinsPartsAndNestedHeaders) {
  EXPECT_EQ(
      text_of(rfc3501_example()).text,
      "BODY 1\n"
      "SUBJECT: THIRD\nCONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=THREE\n\nBODY 3.1\n"
      "SUBJECT: FOUR TWO\nCONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=FOURTWO\n\nBODY 4.2.1\nBODY 4.2.2.1\nBODY 4.2.2.2");
}

TEST(BodyText, TakesCpmObjectsForText) {
  for (const auto type :
       {"message/cpim", "application/x-cpm-session", "Application/X-CPM-File-Transfer",
        "application/group-state-object+xml", "message/imdn+xml", "application/vnd.gsma.rcs-ft-http+xml"})
    EXPECT_EQ(text_of("Content-Type: " + std::string(type) + "\r\n\r\nhello").text, "HELLO") << type;
}

TEST(BodyText, IsCutAtTheLimitBetweenCharacters) {
  const std::string octets =
      "Content-Type: text/plain; charset=utf-8\r\n\r\nab\xE6\x97\xA5"
      "cd";
  const auto whole = text_of(octets, 7);
  EXPECT_EQ(whole.text,
            "AB\xE6\x97\xA5"
            "CD");
  EXPECT_TRUE(whole.complete);
  for (const auto& [limit, text] : std::initializer_list<std::pair<std::size_t, const char*>>{{6,
                                                                                               "AB\xE6\x97\xA5"
                                                                                               "C"},
                                                                                              {4, "AB"},
                                                                                              {0, ""}}) {
    const auto cut = text_of(octets, limit);
    EXPECT_EQ(cut.text, text);
    EXPECT_FALSE(cut.complete);
  }
}

TEST(BodyContains, FindsDecodedText) {
  const std::string octets =
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nLe caf=C3=\r\n=A9 "
      "noir";
  EXPECT_TRUE(contains(octets, "CAFÉ NOIR"));
  EXPECT_TRUE(contains(octets, ""));
  EXPECT_FALSE(contains(octets, "cafe noir"));
  EXPECT_FALSE(contains(octets, "caf=C3"));
}

TEST(BodyContains, FindsMatchesAcrossPieces) {
  for (std::size_t before = 64 * 1024 - 20; before < 64 * 1024 + 20; ++before) {
    const std::string octets = "\r\n" + std::string(before, 'x') + "needle" + std::string(100, 'y');
    ASSERT_TRUE(contains(octets, "Needle")) << before;
    ASSERT_FALSE(contains(octets, "needlez")) << before;
  }
}

TEST(BodyContains, AgreesWithTheStoredText) {
  const std::string octets = rfc3501_example();
  const std::string text = text_of(octets).text;
  MemorySource source(octets);
  const PartMap map = PartMap::from(parse(octets));
  for (std::size_t at = 0; at + 9 < text.size(); ++at)
    EXPECT_TRUE(body_contains(source, map, text.substr(at, 9))) << at;
  EXPECT_FALSE(body_contains(source, map, "BODY 5"));
  EXPECT_FALSE(body_contains(source, map, text + "x"));
  EXPECT_TRUE(body_contains(source, map, text));
}

TEST(BodyContains, StaysLinearForALongNeedle) {
  const std::string octets = "\r\n" + std::string(4 << 20, 'a');
  EXPECT_FALSE(contains(octets, std::string(1 << 20, 'a') + "b"));
}

}  // namespace
}  // namespace cpm::imap::mime::test
