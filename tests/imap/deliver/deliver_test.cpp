#include "imap/deliver/deliver.h"
#include "imap/deliver/binary_parts.h"

#include <gtest/gtest.h>

namespace cpm::imap {
namespace {

const Limits kLimits;

std::string stored(const std::string& octets, bool binary = false) {
  auto made = make_message(Spool(octets), binary, {}, {}, kLimits, "");
  if (!made) return "failed: " + made.error().text;
  std::string all(made->octets->size(), '\0');
  made->octets->read(0, all.data(), all.size());
  return all;
}

TEST(DeliverLineEnds, BareLfBecomesCrlf) {
  EXPECT_EQ(stored("A: b\n\nx\ny\r\nz"), "A: b\r\n\r\nx\r\ny\r\nz") << "no final line end is added";
}

TEST(DeliverLineEnds, KeepsOctetsOfBinary) {
  const std::string declared = "Content-Transfer-Encoding: binary\r\n\r\na\nb";
  EXPECT_EQ(stored(declared), declared);
  const std::string literal8 = "A: b\r\n\r\na\nb";
  EXPECT_EQ(stored(literal8, true), literal8);
}

TEST(DeliverLineEnds, KeepsFoldingAndLoneCr) {
  const std::string octets = "Subject: a\r\n\tb\r\nX:y\r\n\r\nc\rd\r\n";
  EXPECT_EQ(stored(octets), octets);
}

TEST(DeliverNul, StoresTheNulPartInBase64) {
  const std::string head = "Content-Type: application/octet-stream\r\n";
  const std::string octets = head + "Content-Transfer-Encoding: binary\r\n\r\n" + std::string("a\0b", 3);
  EXPECT_EQ(stored(octets, true), head + "Content-Transfer-Encoding: base64\r\n\r\nYQBi\r\n");
}

TEST(DeliverNul, LeavesOtherPartsAlone) {
  const std::string before =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: image/x\r\n";
  const std::string octets =
      before + "Content-Transfer-Encoding: binary\r\n\r\n" + std::string("\0\1", 2) + "\r\n--b--\r\n";
  EXPECT_EQ(stored(octets, true), before + "Content-Transfer-Encoding: base64\r\n\r\nAAE=\r\n\r\n--b--\r\n");
}

TEST(DeliverNul, RefusesNulInTheHeader) {
  const auto made = make_message(Spool(std::string("A: \0\r\n\r\nx", 9)), true, {}, {}, kLimits, "");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().failure, Failure::unknown_cte);
}

TEST(DeliverHead, FindsCpmFacts) {
  auto made = make_message(
      Spool("Conversation-ID: c1\r\nContribution-ID: k2\r\nIMDN-Message-ID: m3\r\nMessage-Direction: sent\r\n"
            "Date: Tue, 12 May 2020 23:15:00 -0500\r\n\r\nHi"),
      false, {}, {}, kLimits, "");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->head.facts.conversation_id, "c1");
  EXPECT_EQ(made->head.facts.contribution_id, "k2");
  EXPECT_EQ(made->head.facts.imdn_message_id, "m3");
  EXPECT_EQ(made->head.facts.direction, schema::Direction::sent);
  using namespace std::chrono;
  EXPECT_EQ(made->head.sent_date, sys_days{year{2020} / May / 12}) << "as written, the zone ignored";
}

TEST(DeliverHead, RefusesWhatIsTooBig) {
  Limits small;
  small.message_octets = 4;
  EXPECT_EQ(make_message(Spool("A: b\r\n"), false, {}, {}, small, "").error().failure, Failure::too_big);
}

}  // namespace
}  // namespace cpm::imap
