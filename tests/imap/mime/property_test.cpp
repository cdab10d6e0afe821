// Properties that hold for any octets, tried with random changes to well-formed messages.
#include "imap/mime/bodystructure.h"
#include "imap/mime/search_text.h"
#include "tests/imap/mime/sample.h"

#include <gtest/gtest.h>

#include <random>

namespace cpm::imap::mime::test {
namespace {

std::uint64_t line_ends(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

void check(std::string_view octets, const Part& part, std::uint64_t begin, std::uint64_t end, bool head) {
  ASSERT_LE(begin, part.header_begin);
  ASSERT_LE(part.header_begin, part.header_end);
  ASSERT_EQ(part.header_end, part.body_begin);
  ASSERT_LE(part.body_begin, part.body_end);
  ASSERT_LE(part.body_end, end);
  ASSERT_EQ(part.lines, line_ends(octets.substr(part.body_begin, part.body_end - part.body_begin)));
  ASSERT_EQ(part.head, head);
  ASSERT_EQ(part.envelope.has_value(), head);
  ASSERT_EQ(part.children.empty(), part.kind == Kind::leaf);
  if (part.kind == Kind::message) {
    ASSERT_EQ(part.children.size(), 1U);
    ASSERT_EQ(part.children[0].header_begin, part.body_begin);
    ASSERT_EQ(part.children[0].body_end, part.body_end);
  }
  std::uint64_t from = part.body_begin;
  for (const auto& child : part.children) {
    check(octets, child, from, part.body_end, part.kind == Kind::message);
    from = child.body_end;
  }
}

void check_all(std::string_view octets) {
  const Part part = parse(octets);
  ASSERT_EQ(part.header_begin, 0U);
  ASSERT_EQ(part.body_end, octets.size());
  check(octets, part, 0, octets.size(), true);
  const PartMap map = PartMap::from(part);
  const auto decoded = PartMap::decode(map.encode());
  ASSERT_TRUE(decoded);
  ASSERT_EQ(*decoded, map);
  ASSERT_FALSE(body_structure_bytes(part, true).empty());
  MemorySource source(octets);
  const auto text = body_text(source, map, 1 << 20);
  ASSERT_TRUE(text.complete);
  ASSERT_EQ(text.text.find('\0'), std::string::npos);
  ASSERT_TRUE(body_contains(source, map, text.text));
}

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> kSeeds = {
      rfc3501_example(),
      crlf("From: <sip:alice@example.net>\nDate: Mon, 04 May 2020 08:30:00 +0200\nSubject: lunch\n"
           "Content-Type: multipart/related;boundary=cpm; type=\"Application/X-CPM-Session\"\n\n"
           "--cpm\nContent-Type: Application/X-CPM-Session\n\n<session-type>Ad-Hoc</session-type>\n"
           "--cpm\nContent-Type: audio/basic\nContent-Transfer-Encoding: base64\n\nAAAA\n--cpm--\n"),
      crlf("Content-Type: multipart/digest; boundary=\"a\"\n\n--a\n\nSubject: =?utf-8?q?x=C3=A9?=\n\none\n--a\n\n"
           "Content-Type: multipart/mixed; boundary=a-\n\n--a-\n\n--a---\n--a--\n"),
      crlf(
          "Content-Type: text/plain; charset*0*=utf-8''utf; charset*1=-8\nContent-Transfer-Encoding: quoted-printable\n"
          "To: a: b <c@d>;, \"x\\\"y\" <e@f>\n\nsoft=\n=C3=A9 =ZZ\n"),
  };
  return kSeeds;
}

TEST(Property, HoldsForTheSeeds) {
  for (const auto& seed : seeds()) {
    check_all(seed);
    if (HasFatalFailure()) FAIL() << seed;
  }
}

TEST(Property, HoldsForEveryPrefix) {
  for (const auto& seed : seeds())
    for (std::size_t length = 0; length < seed.size(); ++length) {
      check_all(std::string_view(seed).substr(0, length));
      if (HasFatalFailure()) FAIL() << seed.substr(0, length);
    }
}

TEST(Property, HoldsAfterRandomChanges) {
  static constexpr std::string_view kOctets = "\r\n\0-=;:\"()<>@,.? a\xC3\xFF/*'%";
  std::mt19937 random(19960717);
  for (int round = 0; round < 6000; ++round) {
    std::string text = seeds()[random() % seeds().size()];
    for (unsigned change = 0; change < 1 + random() % 6; ++change) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = kOctets[random() % kOctets.size()]; break;
        case 1: text.erase(at, 1 + random() % 8); break;
        case 2: text.insert(at, 1, kOctets[random() % kOctets.size()]); break;
        default: text.insert(at, text.substr(random() % text.size(), random() % 60)); break;
      }
      if (text.empty()) text = "x";
    }
    check_all(text);
    if (HasFatalFailure()) FAIL() << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace cpm::imap::mime::test
