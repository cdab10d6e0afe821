#include "imap/mime/body_part.h"

#include "imap/mime/bodystructure.h"
#include "imap/mime/part_map.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime {
namespace {

struct Sample {
  explicit Sample(std::string octets) : text(std::move(octets)) {
    MemorySource source(text);
    const Part message = parse_structure(source, Limits{});
    body = body_structure_bytes(message, true);
    parts = PartMap::from(message);
  }
  [[nodiscard]] std::string at(const std::vector<std::uint32_t>& path) const {
    const auto part = body_part(body, path);
    return part ? std::string(*part) : "none";
  }
  std::string text, body;
  PartMap parts;
};

const char kNested[] =
    "Subject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; name=\"a (\\\"b\"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: \"(\xc3\xa9\r\nContent-Type: multipart/alternative; "
    "boundary=c\r\n"
    "\r\n--c\r\n\r\none\r\n--c\r\nContent-Type: text/html\r\n\r\ntwo\r\n--c--\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: plain\r\n\r\nthree\r\n"
    "--b--\r\n";

TEST(BodyPart, Mss62FindsWhatThePartMapFinds) {
  const Sample sample(kNested);
  const std::vector<std::vector<std::uint32_t>> paths = {{},     {1},    {2},    {3},       {4},    {0},    {1, 1},
                                                         {2, 1}, {2, 2}, {2, 3}, {2, 1, 1}, {3, 1}, {3, 2}, {3, 1, 1}};
  for (const auto& path : paths) {
    EXPECT_EQ(sample.at(path) != "none", path.empty() || sample.parts.find(path) != nullptr)
        << testing::PrintToString(path) << " " << sample.at(path);
  }
  EXPECT_EQ(sample.at({}), sample.body);
  EXPECT_TRUE(sample.at({1}).starts_with("(\"text\" \"plain\" (\"name\" ")) << sample.at({1});
  EXPECT_TRUE(sample.at({2}).starts_with("(\"message\" \"rfc822\""));
  EXPECT_TRUE(sample.at({2, 2}).starts_with("(\"text\" \"html\""));
  EXPECT_TRUE(sample.at({3, 1}).starts_with("(\"text\" \"plain\""));
  EXPECT_TRUE(nested_body(sample.at({2}))->starts_with("((\"text\" \"plain\""));
  EXPECT_TRUE(nested_body(sample.at({3}))->starts_with("(\"text\" \"plain\""));
  EXPECT_FALSE(nested_body(sample.at({1})));
  EXPECT_FALSE(nested_body(sample.body));
}

TEST(BodyPart, WhatIsNoMultipartIsItsOwnFirstPart) {
  const Sample sample("Content-Type: text/plain\r\n\r\nx\r\n");
  EXPECT_EQ(sample.at({1}), sample.body);
  EXPECT_EQ(sample.at({2}), "none");
  EXPECT_EQ(sample.at({1, 1}), "none");
}

TEST(BodyPart, WithoutItsEncoding) {
  const Sample sample(kNested);
  const std::string part = sample.at({1});
  EXPECT_NE(part.find("\"base64\" 4 0"), std::string::npos) << part;
  const auto decoded = decoded_body(part, 1, 7);
  ASSERT_TRUE(decoded);
  EXPECT_NE(decoded->find("\"BINARY\" 1 7"), std::string::npos) << *decoded;
  EXPECT_FALSE(decoded_body(sample.body, 1, 7));
  EXPECT_EQ(decoded_body("(\"IMAGE\" \"PNG\" NIL NIL NIL \"BASE64\" 164)", 123, 7),
            "(\"IMAGE\" \"PNG\" NIL NIL NIL \"BINARY\" 123)");
}

TEST(BodyPart, BrokenOctetsAreNoPart) {
  const Sample sample(kNested);
  for (std::size_t size = 0; size < sample.body.size(); ++size) {
    const std::string cut = sample.body.substr(0, size);
    static_cast<void>(body_part(cut, std::vector<std::uint32_t>{2, 2}));
    static_cast<void>(nested_body(cut));
    static_cast<void>(decoded_body(cut, 1, 1));
  }
  for (const char* odd : {"", "(", ")", "((", "(()", "({99}\r\nx)", "({x}", "(\"", "( ", "NIL"}) {
    EXPECT_FALSE(body_part(odd, std::vector<std::uint32_t>{1, 2}));
  }
}

TEST(BodyPart, Headers) {
  EXPECT_EQ(header_body("A: b\r\n\r\n"), "(\"TEXT\" \"RFC822-HEADERS\" NIL NIL NIL \"7BIT\" 8 2 NIL NIL NIL NIL)");
  EXPECT_EQ(message_body("(e)", "(b)", "8BIT", 5, 1),
            "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"8BIT\" 5 (e) (b) 1 NIL NIL NIL NIL)");
}

}  // namespace
}  // namespace cpm::imap::mime
