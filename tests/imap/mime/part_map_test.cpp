#include "imap/mime/part_map.h"

#include "tests/imap/mime/sample.h"

#include <gtest/gtest.h>

#include <random>

namespace cpm::imap::mime::test {
namespace {

using Path = std::vector<std::uint32_t>;

std::optional<std::string> section(const std::string& text, const PartMap& map, const Path& path, SectionText what) {
  const auto range = map.resolve(path, what);
  if (!range) return std::nullopt;
  return text.substr(range->begin, range->size());
}

TEST(PartMapFind, ResolvesTheRfc3501Example) {
  const std::string text = rfc3501_example();
  const PartMap map = PartMap::from(parse(text));
  const struct {
    Path path;
    const char* type;
  } parts[] = {
      {{1}, "text/plain"},
      {{2}, "application/octet-stream"},
      {{3}, "message/rfc822"},
      {{3, 1}, "text/plain"},
      {{3, 2}, "application/octet-stream"},
      {{4}, "multipart/mixed"},
      {{4, 1}, "image/gif"},
      {{4, 2}, "message/rfc822"},
      {{4, 2, 1}, "text/plain"},
      {{4, 2, 2}, "multipart/alternative"},
      {{4, 2, 2, 1}, "text/plain"},
      {{4, 2, 2, 2}, "text/richtext"},
  };
  for (const auto& part : parts) {
    const auto* entry = map.find(part.path);
    ASSERT_NE(entry, nullptr) << part.type;
    EXPECT_EQ(entry->media_type, part.type);
  }
  for (const Path& path : {Path{0}, Path{5}, Path{1, 1}, Path{3, 3}, Path{4, 2, 2, 3}, Path{4, 1, 1}, Path{3, 1, 1}})
    EXPECT_EQ(map.find(path), nullptr);

  EXPECT_EQ(section(text, map, {}, SectionText::whole), text);
  EXPECT_EQ(section(text, map, {}, SectionText::header), text.substr(0, text.find("preamble")));
  EXPECT_EQ(section(text, map, {}, SectionText::text), text.substr(text.find("preamble")));
  EXPECT_EQ(section(text, map, {}, SectionText::mime), std::nullopt);
  EXPECT_EQ(section(text, map, {1}, SectionText::whole), "body 1");
  EXPECT_EQ(section(text, map, {1}, SectionText::mime), "Content-Type: text/plain\r\n\r\n");
  EXPECT_EQ(section(text, map, {1}, SectionText::header), std::nullopt);
  EXPECT_EQ(section(text, map, {1}, SectionText::text), std::nullopt);
  EXPECT_EQ(section(text, map, {3}, SectionText::mime), "Content-Type: message/rfc822\r\n\r\n");
  EXPECT_EQ(section(text, map, {3}, SectionText::header),
            "Subject: third\r\nContent-Type: multipart/mixed; boundary=three\r\n\r\n");
  EXPECT_TRUE(section(text, map, {3}, SectionText::text)->starts_with("--three\r\n"));
  EXPECT_TRUE(section(text, map, {3}, SectionText::text)->ends_with("--three--"));
  EXPECT_EQ(*section(text, map, {3}, SectionText::whole),
            *section(text, map, {3}, SectionText::header) + *section(text, map, {3}, SectionText::text));
  EXPECT_EQ(section(text, map, {4, 1}, SectionText::mime),
            "Content-Type: image/gif\r\nContent-ID: <gif@example.net>\r\n\r\n");
  EXPECT_EQ(section(text, map, {4, 2, 2, 2}, SectionText::whole), "body 4.2.2.2");
  EXPECT_EQ(section(text, map, {9}, SectionText::whole), std::nullopt);
}

TEST(PartMapFind, PartOneOfASinglePartMessageIsItsBody) {
  const std::string text = crlf("Subject: x\n\nHello\n");
  const PartMap map = PartMap::from(parse(text));
  EXPECT_EQ(section(text, map, {1}, SectionText::whole), "Hello\r\n");
  EXPECT_EQ(section(text, map, {1}, SectionText::mime), "Subject: x\r\n\r\n");
  EXPECT_EQ(section(text, map, {1}, SectionText::header), std::nullopt);
  EXPECT_EQ(map.find(Path{2}), nullptr);
  EXPECT_EQ(map.find(Path{1, 1}), nullptr);
}

TEST(PartMapFind, DescendsIntoMessagesOfOnePart) {
  const std::string text =
      crlf("Content-Type: message/rfc822\n\nSubject: in\nContent-Type: message/rfc822\n\nSubject: deep\n\nHello\n");
  const PartMap map = PartMap::from(parse(text));
  EXPECT_EQ(section(text, map, {1}, SectionText::header), "Subject: in\r\nContent-Type: message/rfc822\r\n\r\n");
  EXPECT_EQ(section(text, map, {1, 1}, SectionText::header), "Subject: deep\r\n\r\n");
  EXPECT_EQ(section(text, map, {1, 1, 1}, SectionText::whole), "Hello\r\n");
  EXPECT_EQ(section(text, map, {1, 1}, SectionText::whole), "Subject: deep\r\n\r\nHello\r\n");
  EXPECT_EQ(map.find(Path{1, 1, 1, 1}), nullptr);
  EXPECT_EQ(map.find(Path{1, 2}), nullptr);
}

TEST(PartMapFind, KeepsWhatDecodingNeeds) {
  const PartMap map = PartMap::from(
      parse("Content-Type: Text/HTML; charset=\"ISO-8859-1\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"));
  const auto* entry = map.find(Path{1});
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->media_type, "text/html");
  EXPECT_EQ(entry->charset, "iso-8859-1");
  EXPECT_EQ(entry->encoding, Encoding::base64);
}

TEST(PartMapCodec, ReadsWhatItWrote) {
  for (const std::string& text : {rfc3501_example(), std::string(), crlf("A: 1\n\nx\n"),
                                  crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
                                       "application/x-rare;charset=q\n\n1\n--b\n\n--b--\n"),
                                  crlf("Content-Type: message/rfc822\n")}) {
    const PartMap map = PartMap::from(parse(text));
    const auto decoded = PartMap::decode(map.encode());
    ASSERT_TRUE(decoded) << text;
    EXPECT_EQ(*decoded, map) << text;
  }
}

TEST(PartMapCodec, IsSmall) {
  EXPECT_LE(encode(parse(crlf("From: a@x\nContent-Type: text/plain; charset=utf-8\n\nHi Bob\n"))).size(), 16U);
}

TEST(PartMapCodec, RefusesOtherVersionsAndCutMaps) {
  const std::string good = encode(parse(rfc3501_example()));
  EXPECT_FALSE(PartMap::decode(""));
  EXPECT_FALSE(PartMap::decode(std::string("\x02") + good.substr(1)));
  EXPECT_FALSE(PartMap::decode(good + "x"));
  for (std::size_t length = 0; length < good.size(); ++length) {
    const auto cut = PartMap::decode(std::string_view(good).substr(0, length));
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().failure, Failure::corrupt);
  }
  EXPECT_FALSE(PartMap::decode(std::string("\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10)));
}

// Whatever decodes must be safe to walk.
TEST(PartMapCodec, SurvivesDamage) {
  const std::string good = encode(parse(rfc3501_example()));
  std::mt19937 random(20200504);
  for (int round = 0; round < 20000; ++round) {
    std::string bad = good;
    for (int change = 0; change < 1 + round % 3; ++change) bad[random() % bad.size()] = static_cast<char>(random());
    const auto map = PartMap::decode(bad);
    if (!map) continue;
    const std::uint64_t end = map->entries()[0].body.end;
    for (const auto& entry : map->entries()) {
      ASSERT_LE(entry.header.begin, entry.header.end);
      ASSERT_LE(entry.body.begin, entry.body.end);
      ASSERT_LE(entry.body.end, end);
      ASSERT_LE(entry.next, map->entries().size());
    }
    for (const Path& path : {Path{1}, Path{3, 2}, Path{4, 2, 2, 2}, Path{4, 2, 1}}) {
      const auto* part = map->find(path);
      ASSERT_TRUE(part == nullptr || part->body.end <= end);
    }
  }
}

}  // namespace
}  // namespace cpm::imap::mime::test
