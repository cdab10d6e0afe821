#include "imap/grammar/convert_request.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

namespace cpm::imap::grammar {
namespace {

ConvertTo to(std::string_view text) {
  wire::TestLexer lexer(text);
  ConvertTo out = parse_convert_params(*lexer);
  lexer->end();
  return out;
}
std::vector<ConvertItem> items(std::string_view text) {
  wire::TestLexer lexer(text);
  auto out = parse_convert_items(*lexer);
  lexer->end();
  return out;
}
std::string written(const ConvertItem& item) {
  std::string out;
  wire::Encoder encoder(out, true);
  write_convert_item(encoder, item);
  return out;
}

TEST(ConvertRequest, MediaTypesAndRanges) {
  for (const char* good : {"text/plain", "IMAGE/JPEG", "application/vnd.gsma.rcs-ft-http+xml", "x-a/b_c"}) {
    EXPECT_TRUE(is_media_type(good)) << good;
    EXPECT_TRUE(is_media_range(good)) << good;
  }
  for (const char* bad : {"", "text", "text/", "/plain", "text/plain/x", "text/ plain", "text/*", "*", "te(xt/a"}) {
    EXPECT_FALSE(is_media_type(bad)) << bad;
  }
  EXPECT_TRUE(is_media_range("text/*"));
  EXPECT_TRUE(is_media_range("*"));
  for (const char* bad : {"*/*", "*/plain", "te*/plain", "text/p*", "/*"}) EXPECT_FALSE(is_media_range(bad)) << bad;
  EXPECT_TRUE(in_media_range("image/png", "image/*"));
  EXPECT_TRUE(in_media_range("image/png", "*"));
  EXPECT_FALSE(in_media_range("imagex/png", "image/*"));
}

TEST(ConvertRequest, TargetAndParameters) {
  EXPECT_EQ(to("(NIL)").type, std::nullopt);
  EXPECT_EQ(to("(\"IMAGE/Jpeg\")").type, "image/jpeg");
  const ConvertTo full = to("(\"TEXT/PLAIN\" (CHARSET us-ascii \"Unknown-Character-Replacement\" \"?\"))");
  EXPECT_EQ(full.parameters, (ConvertParameters{{"charset", "us-ascii"}, {"unknown-character-replacement", "?"}}));
  for (const char* bad : {"()", "(text/plain)", "(\"text\")", "(\"text/*\")", "(NIL ())", "(NIL (a))",
                          "(NIL (a b A c))", "NIL", "(NIL (a b)", "(NIL(a b))"}) {
    EXPECT_THROW(to(bad), wire::BadSyntax) << bad;
  }
}

TEST(ConvertRequest, ItemsComeUidFirstLiteralsLast) {
  const auto all =
      items("(BINARY[2]<5.10> BODYPARTSTRUCTURE[2] BINARY.SIZE[2.1] UID AVAILABLECONVERSIONS[] BODY[1.MIME])");
  std::string text;
  for (const ConvertItem& item : all) text += written(item) + " ";
  EXPECT_EQ(text, "UID AVAILABLECONVERSIONS[] BODYPARTSTRUCTURE[2] BINARY.SIZE[2.1] BODY[1.MIME] BINARY[2]<5> ");
  EXPECT_EQ(items("(BINARY[1] BINARY[1] binary[1])").size(), 1U);
  for (const char* bad : {"BODY[1]", "BODY[]", "BODY[HEADER.FIELDS (a)]", "BODY[TEXT]", "BINARY", "BINARY[1.MIME]",
                          "BINARY.SIZE[1]<0.1>", "FLAGS", "()", "BINARY[1]<0.0>"}) {
    EXPECT_THROW(items(bad), wire::BadSyntax) << bad;
  }
}

}  // namespace
}  // namespace cpm::imap::grammar
