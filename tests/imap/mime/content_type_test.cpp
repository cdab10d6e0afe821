#include "imap/mime/content_type.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime {
namespace {

struct Case {
  std::string_view value;
  std::string_view type;  // "type/subtype", empty: not parsable
  Parameters parameters;
};

TEST(ContentType, ReadsTypesAndParameters) {
  const Case cases[] = {
      {"text/plain", "text/plain", {}},
      {" Text/HTML ; Charset=\"UTF-8\"", "Text/HTML", {{"Charset", "UTF-8"}}},
      // RFC 2045 5.1: these two are the same
      {"text/plain; charset=us-ascii (Plain text)", "text/plain", {{"charset", "us-ascii"}}},
      {"text/plain; charset=\"us-ascii\"", "text/plain", {{"charset", "us-ascii"}}},
      {"(a (nested) comment) text (x) / (y) plain (z) ; (w) a = (v) b", "text/plain", {{"a", "b"}}},
      {"multipart/related;boundary=cpm; type=\"Application/X-CPM-Session\"",
       "multipart/related",
       {{"boundary", "cpm"}, {"type", "Application/X-CPM-Session"}}},
      {"text/plain;\r\n\tcharset=utf-8;\r\n format=flowed", "text/plain", {{"charset", "utf-8"}, {"format", "flowed"}}},
      {"multipart/mixed; boundary=\"a;b=\\\"c\\\\\"", "multipart/mixed", {{"boundary", "a;b=\"c\\"}}},
      {"multipart/mixed; boundary=----=_Part_1=2", "multipart/mixed", {{"boundary", "----=_Part_1=2"}}},
      {"image/jpeg; name=my holiday.jpg; x=1 2", "image/jpeg", {{"name", "my holiday.jpg"}, {"x", "1"}}},
      {"text/plain;;; a=1;; ; b=2;", "text/plain", {{"a", "1"}, {"b", "2"}}},
      {"text/plain; novalue; =x; a=1", "text/plain", {{"a", "1"}}},
      {"text/plain; a=", "text/plain", {{"a", ""}}},
      {"text/plain; a=\"unterminated", "text/plain", {{"a", "unterminated"}}},
      {"text/plain charset=x; a=1", "text/plain", {{"a", "1"}}},
      {"application/vnd.gsma.rcs-ft-http+xml;charset=utf-8",
       "application/vnd.gsma.rcs-ft-http+xml",
       {{"charset", "utf-8"}}},
      {"text", "", {}},
      {"text/", "", {}},
      {"/plain", "", {}},
      {"", "", {}},
      {"; charset=x", "", {}},
      {"\"text/plain\"", "", {}},
  };
  for (const auto& test : cases) {
    const auto media = parse_media_type(test.value);
    ASSERT_EQ(media.has_value(), !test.type.empty()) << test.value;
    if (!media) continue;
    EXPECT_EQ(media->type + "/" + media->subtype, test.type) << test.value;
    EXPECT_EQ(media->parameters, test.parameters) << test.value;
  }
}

Parameters parameters_of(std::string_view value) {
  const auto media = parse_media_type(value);
  return media ? media->parameters : Parameters{};
}

// The examples of RFC 2231 3 and 4.
TEST(ContentTypeContinuation, JoinsSegments) {
  const auto joined = parameters_of(
      "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n "
      "URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/x.tar\"");
  ASSERT_EQ(joined.size(), 2U);
  EXPECT_EQ(joined[1], (Parameter{"URL", "ftp://cs.utk.edu/pub/moore/bulk-mailer/x.tar"}));
}

TEST(ContentTypeContinuation, KeepsCharsetInformation) {
  const auto one = parameters_of("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A");
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].name, "title*");
  EXPECT_EQ(parameter(one, "TITLE"), "This is ***fun***");

  const auto many = parameters_of(
      "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20;"
      " title*2=\"isn't it!\"");
  ASSERT_EQ(many.size(), 1U);
  EXPECT_EQ(many[0].name, "title*");
  EXPECT_EQ(parameter(many, "title"), "This is even more ***fun*** isn't it!");
}

TEST(ContentTypeContinuation, OrdersByNumber) {
  EXPECT_EQ(parameter(parameters_of("a/b; x*2=c; x*0=a; y=1; x*1=b; x*10=d"), "x"), "abcd");
  EXPECT_EQ(parameter(parameters_of("a/b; x*1*=%41"), "x"), "A");
}

TEST(ContentTypeContinuation, LeavesOddNamesAlone) {
  EXPECT_EQ(parameters_of("a/b; x*y=1"), (Parameters{{"x*y", "1"}}));
  EXPECT_EQ(parameters_of("a/b; *0=1"), (Parameters{{"*0", "1"}}));
  EXPECT_EQ(parameters_of("a/b; x*99999999999=1"), (Parameters{{"x*99999999999", "1"}}));
}

TEST(ContentTypeParameter, DecodesCharsets) {
  EXPECT_EQ(parameter({{"name*", "iso-8859-1''caf%E9"}}, "name"), "café");
  EXPECT_EQ(parameter({{"name*", "nocharset%20here"}}, "name"), "nocharset here");
  EXPECT_EQ(parameter({{"name*", "x-none'en'a%20b"}}, "name"), "a b");
  EXPECT_EQ(parameter({{"name", "a"}, {"name", "b"}}, "name"), "a");
  EXPECT_EQ(parameter({{"name", "a"}}, "other"), std::nullopt);
}

TEST(ContentTypeParameter, AreLimited) {
  std::string value = "text/plain";
  for (int i = 0; i < 5000; ++i) value += "; p" + std::to_string(i) + "=v";
  EXPECT_EQ(parameters_of(value).size(), kMaxParameters);
}

TEST(Disposition, IsReadWithParameters) {
  const auto disposition = parse_disposition(" attachment; filename=\"cat.jpg\"; size=3");
  ASSERT_TRUE(disposition);
  EXPECT_EQ(disposition->type, "attachment");
  EXPECT_EQ(disposition->parameters, (Parameters{{"filename", "cat.jpg"}, {"size", "3"}}));
  EXPECT_FALSE(parse_disposition("  "));
  EXPECT_FALSE(parse_disposition("\"quoted\""));
}

TEST(Languages, AreAList) {
  EXPECT_EQ(parse_languages("en"), (std::vector<std::string>{"en"}));
  EXPECT_EQ(parse_languages(" en-US , de (German),,fr"), (std::vector<std::string>{"en-US", "de", "fr"}));
  EXPECT_TRUE(parse_languages("").empty());
}

TEST(Token, IsTheFirstWord) {
  EXPECT_EQ(parse_token(" BASE64 "), "BASE64");
  EXPECT_EQ(parse_token("(x) 8bit ; y"), "8bit");
  EXPECT_EQ(parse_token("\"base64\""), "base64");
  EXPECT_EQ(parse_token(""), "");
}

}  // namespace
}  // namespace cpm::imap::mime
