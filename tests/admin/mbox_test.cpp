#include "admin/mbox.h"

#include "admin/export_sink.h"
#include "tests/admin/folder.h"

#include <gtest/gtest.h>

#include <sstream>

namespace cpm::admin {
namespace {

using namespace std::chrono;

std::vector<ImportItem> read_all(const std::string& text, const Limits& limits = {}) {
  const test::Folder folder;
  auto source = open_mbox(folder.write("box", text), limits);
  std::vector<ImportItem> items;
  for (ImportItem item; (*source)->next(item);) items.push_back(item);
  EXPECT_EQ((*source)->done(), (*source)->total());
  return items;
}

TEST(MboxFromLine, ReadsSenderAndDate) {
  const auto plain = parse_from_line("From alice@example.net Thu Jan  1 00:00:10 1970");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->sender, "alice@example.net");
  EXPECT_EQ(plain->date, sys_seconds(10s));
  const auto zoned = parse_from_line("From 123@xxx Mon Apr 01 12:34:56 +0200 2019");
  ASSERT_TRUE(zoned);
  EXPECT_EQ(zoned->date, sys_days(2019y / 4 / 1) + 10h + 34min + 56s);
  EXPECT_TRUE(parse_from_line("From - Sat Feb 29 09:08 2020"));
}

TEST(MboxFromLine, IsNotAnySentenceThatBeginsSo) {
  EXPECT_FALSE(parse_from_line("From here we went to Rome."));
  EXPECT_FALSE(parse_from_line("From Monday at 10:30 on"));
  EXPECT_FALSE(parse_from_line("From: alice@example.net Thu Jan  1 00:00:10 1970"));
  EXPECT_FALSE(parse_from_line("From alice@example.net Sun Feb 30 09:08:00 2020"));
  EXPECT_FALSE(parse_from_line("From "));
}

TEST(MboxFromLine, WrittenIsReadAgain) {
  const sys_seconds when = sys_days(2024y / 2 / 29) + 23h + 59min + 58s;
  std::string line = from_line("bob@example.net", when);
  EXPECT_EQ(line, "From bob@example.net Thu Feb 29 23:59:58 2024\n");
  line.pop_back();
  EXPECT_EQ(parse_from_line(line)->date, when);
  EXPECT_EQ(from_line("two words", when).substr(0, 19), "From MAILER-DAEMON ");
}

TEST(MboxQuote, FollowsMboxrd) {
  EXPECT_TRUE(needs_quote("From here"));
  EXPECT_TRUE(needs_quote(">>From here"));
  EXPECT_FALSE(needs_quote("from here"));
  EXPECT_FALSE(needs_quote("> From here"));
  EXPECT_FALSE(has_quote("From here"));
  EXPECT_TRUE(has_quote(">From here"));
}

TEST(MboxRead, SplitsUnquotesAndMakesNetworkLineEnds) {
  const auto items = read_all(
      "From a@example.net Thu Jan  1 00:00:10 1970\n"
      "Subject: one\nStatus: RO\nX-Status: AF\n\n>From here\n>>From there\n\nFrom now on it is text.\n\n"
      "From b@example.net Thu Jan  1 00:00:20 1970\r\n"
      "Subject: two\r\n\r\nbody\r\n");
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(
      items[0].octets->text(),
      "Subject: one\r\nStatus: RO\r\nX-Status: AF\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom now on it is text.\r\n");
  EXPECT_EQ(items[0].date, sys_seconds(10s));
  EXPECT_EQ(items[0].flags.bits, schema::kSeen | schema::kAnswered | schema::kFlagged);
  EXPECT_EQ(items[1].octets->text(), "Subject: two\r\n\r\nbody\r\n");
  EXPECT_EQ(items[1].flags.bits, 0U);
}

TEST(MboxRead, KeepsTheBlankLineOfAHeaderWithoutBody) {
  const auto items = read_all(
      "From a@example.net Thu Jan  1 00:00:10 1970\nSubject: one\n\n"
      "From a@example.net Thu Jan  1 00:00:10 1970\nSubject: two\n\n\n"
      "From a@example.net Thu Jan  1 00:00:10 1970\nSubject: three\n\n");
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].octets->text(), "Subject: one\r\n\r\n");
  EXPECT_EQ(items[1].octets->text(), "Subject: two\r\n\r\n");
  EXPECT_EQ(items[2].octets->text(), "Subject: three\r\n\r\n");
}

TEST(MboxRead, SkipsWhatIsEmptyOrTooLargeAndGoesOn) {
  Limits limits;
  limits.message_octets = 64;
  const std::string separator = "From a@example.net Thu Jan  1 00:00:10 1970\n";
  const auto items = read_all(
      separator + separator + "A: 1\n\n" + std::string(100, 'x') + "\n\n" + separator + "B: 2\n\nok\n", limits);
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].skipped, "the message is empty");
  EXPECT_NE(items[1].skipped.find("limits.message_octets"), std::string::npos);
  EXPECT_TRUE(items[2].skipped.empty());
  EXPECT_EQ(items[2].octets->text(), "B: 2\r\n\r\nok\r\n");
}

TEST(MboxWrite, GivesBackTheSameOctets) {
  const std::vector<std::string> messages = {"Subject: a\r\n\r\nFrom here\r\n>From there\r\n\r\n", "Subject: b\r\n\r\n",
                                             "Subject: c\r\n\r\n\r\n\r\nFrom x Thu Jan  1 00:00:10 1970\r\n"};
  std::ostringstream out;
  const auto sink = mbox_to(out);
  for (const std::string& text : messages) {
    ExportMessage message;
    message.internal_date = sys_seconds(1000s);
    message.octets = std::make_shared<Spool>(text);
    ASSERT_TRUE(sink->put(message));
  }
  ASSERT_TRUE(sink->finish());
  EXPECT_EQ(out.str().find('\r'), std::string::npos);
  const auto items = read_all(out.str());
  ASSERT_EQ(items.size(), messages.size());
  for (std::size_t i = 0; i < items.size(); ++i) EXPECT_EQ(items[i].octets->text(), messages[i]);
}

}  // namespace
}  // namespace cpm::admin
