#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

class Changes : public Store {};

TEST_F(Changes, AllMessagesWithFlagsAndKeywords) {
  append("INBOX", 2, {kSeen | kForwarded, {}});
  append("INBOX", 1, {0, {"blue", "Red"}});
  const ChangeSet all = changes("INBOX");
  ASSERT_EQ(all.changed.size(), 3U);
  EXPECT_EQ(all.changed[0].uid, Uid{1});
  EXPECT_EQ(all.changed[0].bits, kSeen | kForwarded);
  EXPECT_EQ(all.changed[1].modseq, all.changed[0].modseq);
  ASSERT_EQ(all.changed[2].keywords.size(), 2U);
  EXPECT_EQ(*all.keywords.name(all.changed[2].keywords[0]), "blue");
  EXPECT_EQ(*all.keywords.name(all.changed[2].keywords[1]), "Red");
  EXPECT_TRUE(all.vanished.empty());
  EXPECT_EQ(all.mailbox.messages, 3U);
  EXPECT_EQ(all.mailbox.unseen, 1U);
  EXPECT_EQ(all.mailbox.uidnext, Uid{4});
  EXPECT_EQ(all.mailbox.highestmodseq, all.changed[2].modseq);
}

TEST_F(Changes, NothingNewNeedsNoStatement) {
  append("INBOX", 3);
  const std::uint64_t known = row("INBOX").highestmodseq.value;
  const auto set = test_.database().run_blocking(
      support::TestDatabase::kPatience,
      [&](Transaction& tx) -> Result<ChangeSet> {
        auto grant = authorize(tx, alice_, "INBOX", kRead);
        if (!grant) return grant.error();
        return changes_since(tx, *grant, ModSeq{known});
      },
      Mode::single);
  ASSERT_TRUE(set.has_value());
  EXPECT_TRUE(set->changed.empty());
  EXPECT_EQ(set->mailbox.messages, 3U);
}

TEST_F(Changes, SinceAModSeqOnlyWhatChanged) {
  append("INBOX", 100);
  const std::uint64_t known = row("INBOX").highestmodseq.value;
  store("INBOX", {{90, 90}, {7, 8}}, FlagChange::add, {kFlagged | kDeleted, {}});
  expunge_in("INBOX", UidSet{{7, 7}, {90, 90}});
  append("INBOX", 1);
  const ChangeSet set = changes("INBOX", known);
  ASSERT_EQ(set.changed.size(), 2U);
  EXPECT_EQ(set.changed[0].uid, Uid{8});
  EXPECT_EQ(set.changed[1].uid, Uid{101});
  EXPECT_EQ(set.vanished, (UidSet{{7, 7}, {90, 90}}));
  EXPECT_EQ(set.mailbox.messages, 99U);
  EXPECT_EQ(set.mailbox.highestmodseq.value, known + 3);
}

TEST_F(Changes, AModSeqFromTheFutureMissedNothing) {
  append("INBOX");
  EXPECT_TRUE(changes("INBOX", ~std::uint64_t{0}).changed.empty());
}

TEST_F(Changes, ADeletedMailboxIsNotFound) {
  const auto result = in_transaction([&](Transaction& tx) -> Result<ChangeSet> {
    CPM_TRY(grant, authorize(tx, alice_, "Default", kDeleteMailbox));
    CPM_CHECK(delete_mailbox(tx, grant));
    return changes_since(tx, grant, ModSeq{0});
  });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().failure, Failure::not_found);
}

}  // namespace
}  // namespace cpm::schema
