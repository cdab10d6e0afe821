#include "imap/mime/bodystructure.h"

#include "tests/imap/mime/sample.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime::test {
namespace {

std::string structure(std::string_view lf_text) { return body_structure_bytes(parse(crlf(lf_text)), true); }
std::string body(std::string_view lf_text) { return body_structure_bytes(parse(crlf(lf_text)), false); }

TEST(ImapString, IsQuotedOrALiteral) {
  const auto written = [](std::string_view text) {
    std::string out;
    append_imap_string(out, text);
    return out;
  };
  EXPECT_EQ(written(""), "\"\"");
  EXPECT_EQ(written("a \"b\" \\c"), "\"a \\\"b\\\" \\\\c\"");
  EXPECT_EQ(written("caf\xC3\xA9"), "{5}\r\ncaf\xC3\xA9");
  EXPECT_EQ(written("a\r\nb"), "{4}\r\na\r\nb");
  EXPECT_EQ(written(std::string_view("a\0b", 3)), "\"a?b\"");
  EXPECT_EQ(written(std::string_view("\xFF\0", 2)), "{2}\r\n\xFF?");
}

TEST(BodyStructure, OfPlainText) {
  const auto text = "From: a@x\n\none\ntwo\n";
  EXPECT_EQ(body(text), R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 10 2))");
  EXPECT_EQ(structure(text), R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 10 2 NIL NIL NIL NIL))");
}

TEST(BodyStructure, CarriesAllFields) {
  EXPECT_EQ(structure("Content-Type: image/png; name=\"a b.png\"\nContent-ID: <1@x>\nContent-Description: pic\n"
                      "Content-Transfer-Encoding: base64\nContent-MD5: abc\nContent-Disposition: inline\n"
                      "Content-Language: en, de\nContent-Location: a.png\n\nAAAA"),
            R"(("image" "png" ("name" "a b.png") "<1@x>" "pic" "base64" 4 "abc" ("inline" NIL) ("en" "de") "a.png"))");
  EXPECT_EQ(structure("Content-Type: image/png\nContent-Language: en\nContent-Disposition: attachment; filename=x\n\n"),
            R"(("image" "png" NIL NIL NIL "7BIT" 0 NIL ("attachment" ("filename" "x")) "en" NIL))");
}

TEST(BodyStructure, OfAMultipart) {
  const auto text =
      "Content-Type: multipart/related;boundary=cpm; type=\"Application/X-CPM-Session\"\nContent-Language: en\n\n"
      "--cpm\nContent-Type: Application/X-CPM-Session\n\n<session-type>\n"
      "--cpm\nContent-Type: audio/basic\nContent-Transfer-Encoding: base64\nContent-ID: "
      "<m1@example.net>\n\nAAAA\n--cpm--\n";
  EXPECT_EQ(
      body(text),
      R"((("Application" "X-CPM-Session" NIL NIL NIL "7BIT" 14)("audio" "basic" NIL "<m1@example.net>" NIL "base64" 4) "related"))");
  EXPECT_EQ(
      structure(text),
      R"((("Application" "X-CPM-Session" NIL NIL NIL "7BIT" 14 NIL NIL NIL NIL)("audio" "basic" NIL "<m1@example.net>" NIL "base64" 4 NIL NIL NIL NIL) )"
      R"("related" ("boundary" "cpm" "type" "Application/X-CPM-Session") NIL "en" NIL))");
}

TEST(BodyStructure, OfANestedMessage) {
  EXPECT_EQ(
      body("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
           "From: a@x\nSubject: in\n\none\ntwo\n\n--b--\n"),
      R"((("message" "rfc822" NIL NIL NIL "7BIT" 36 (NIL "in" ((NIL NIL "a" "x")) ((NIL NIL "a" "x")) ((NIL NIL "a" "x")) NIL NIL NIL NIL NIL) )"
      R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 10 2) 5) "mixed"))");
  EXPECT_EQ(structure("Content-Type: message/rfc822\n\nSubject: in\n\nx"),
            R"(("message" "rfc822" NIL NIL NIL "7BIT" 16 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) )"
            R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL))");
}

TEST(BodyStructure, AlwaysHoldsAPart) {
  EXPECT_EQ(body("Content-Type: multipart/mixed; boundary=b\n\nno parts\n"),
            R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 10 1))");
  EXPECT_EQ(body("Content-Type: multipart/mixed; boundary=b\n\n--b\n--b--\n"),
            R"((("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0) "mixed"))");
}

TEST(BodyStructure, OfAnEncodedMessageIsOpaque) {
  EXPECT_EQ(body("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n"),
            R"(("application" "octet-stream" NIL NIL NIL "base64" 6))");
}

TEST(BodyStructure, OfCpimIsBasic) {
  EXPECT_EQ(body("Content-Type: message/cpim\nContent-Transfer-Encoding: 8bit\n\nFrom: <a>\n\nHello"),
            R"(("message" "cpim" NIL NIL NIL "8bit" 18))");
}

TEST(BodyStructure, WritesOddParametersSafely) {
  EXPECT_EQ(structure("Content-Type: text/plain; charset=utf-8; name=\"caf\xC3\xA9 \\\"q\\\"\"\n\n"),
            "(\"text\" \"plain\" (\"charset\" \"utf-8\" \"name\" {9}\r\ncaf\xC3\xA9 \"q\") NIL NIL \"7BIT\" 0 0 NIL "
            "NIL NIL NIL)");
  EXPECT_EQ(structure("Content-Type: image/png; name*=utf-8''a%20b\n\n"),
            R"(("image" "png" ("name*" "utf-8''a%20b") NIL NIL "7BIT" 0 NIL NIL NIL NIL))");
}

// Parentheses balance and strings end: what a client's parser needs at the least.
bool well_formed(std::string_view bytes) {
  int depth = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c == '(') ++depth;
    if (c == ')' && --depth < 0) return false;
    if (c == '"') {
      for (++i; i < bytes.size() && bytes[i] != '"'; ++i)
        if (bytes[i] == '\\') ++i;
      if (i >= bytes.size()) return false;
    }
    if (c == '{') {
      const auto close = bytes.find("}\r\n", i);
      if (close == std::string_view::npos) return false;
      i = close + 2 + static_cast<std::size_t>(std::stoul(std::string(bytes.substr(i + 1, close - i - 1))));
    }
  }
  return depth == 0;
}

TEST(BodyStructure, OfTheRfc3501ExampleIsWellFormed) {
  const Part part = parse(rfc3501_example());
  EXPECT_TRUE(well_formed(body_structure_bytes(part, true)));
  EXPECT_TRUE(well_formed(body_structure_bytes(part, false)));
}

}  // namespace
}  // namespace cpm::imap::mime::test
