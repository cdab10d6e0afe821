// The CPM layer left out (design decision 12): messages are stored and described as mail.
#include "imap/deliver/deliver.h"

#include <gtest/gtest.h>

namespace cpm::imap {
namespace {

TEST(Plain, ACpmObjectIsAMessage) {
  const Limits limits;
  const auto made = make_message(
      Spool("Conversation-ID: c1\r\nContribution-ID: k2\r\nIMDN-Message-ID: m3\r\nMessage-Direction: sent\r\n"
            "Subject: plain\r\n\r\nHi"),
      false, {}, {}, limits, "");
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_TRUE(made->head.facts.conversation_id.empty());
  EXPECT_TRUE(made->head.facts.imdn_message_id.empty());
  EXPECT_EQ(made->head.facts.direction, schema::Direction::unknown);
  EXPECT_NE(made->head.envelope.find("\"plain\""), std::string::npos) << made->head.envelope;
  EXPECT_EQ(made->head.body_structure.find("(\"text\""), 0U) << made->head.body_structure;
}

}  // namespace
}  // namespace cpm::imap
