#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

class Expunge : public Store {
 protected:
  std::string ranges() {
    return test_.value(
        "select string_agg(uid_lo || ':' || uid_hi, ' ' order by modseq, uid_lo) from expunged where account_id = " +
        std::to_string(alice_.account.value));
  }
  std::string contents(const std::string& state) {
    return test_.value("select count(*) from content where state = " + state +
                       " and account_id = " + std::to_string(alice_.account.value));
  }
};

TEST_F(Expunge, RemovesDeletedMessagesAndUsage) {
  append("INBOX", 10);
  store("INBOX", {{2, 4}, {8, 8}}, FlagChange::add, {kDeleted, {}});
  const ModSeq before = row("INBOX").highestmodseq;
  const ExpungeResult result = expunge_in("INBOX");
  EXPECT_EQ(result.uids, (UidSet{{2, 4}, {8, 8}}));
  EXPECT_EQ(result.highestmodseq.value, before.value + 1);
  EXPECT_EQ(ranges(), "2:4 8:8");
  EXPECT_EQ(account_value("used_messages || ' ' || used_bytes"), "6 60");
  EXPECT_EQ(row("INBOX").deleted, 0U);
  EXPECT_EQ(contents("2"), "4");
  expect_consistent();
}

TEST_F(Expunge, NothingToRemoveTakesNoModSeq) {
  append("INBOX", 2);
  const ModSeq before = row("INBOX").highestmodseq;
  EXPECT_TRUE(expunge_in("INBOX").uids.empty());
  store("INBOX", {{1, 1}}, FlagChange::add, {kDeleted, {}});
  const ExpungeResult other = expunge_in("INBOX", UidSet{{2, 5}});
  EXPECT_TRUE(other.uids.empty());
  EXPECT_EQ(other.highestmodseq.value, before.value + 1);
  EXPECT_TRUE(expunge_in("INBOX", UidSet{}).uids.empty());
  EXPECT_EQ(ranges(), "");
}

TEST_F(Expunge, OnlyTheNamedMessages) {
  append("INBOX", 5, {kDeleted, {}});
  EXPECT_EQ(expunge_in("INBOX", UidSet{{2, 3}, {5, 9}}).uids, (UidSet{{2, 3}, {5, 5}}));
  EXPECT_EQ(row("INBOX").messages, 2U);
  expect_consistent();
}

TEST_F(Expunge, RangesNameWhatTheCommandRemovedAndNoMore) {
  append("INBOX", 9, {kDeleted, {}});
  expunge_in("INBOX", UidSet{{2, 2}, {4, 4}, {6, 6}});
  expunge_in("INBOX", UidSet{{1, 1}, {3, 3}, {5, 5}, {7, 7}});
  EXPECT_EQ(ranges(), "2:2 4:4 6:6 1:1 3:3 5:5 7:7");
  EXPECT_EQ(changes("INBOX", 2).vanished, (UidSet{{1, 7}}));
  EXPECT_EQ(changes("INBOX", 3).vanished, (UidSet{{1, 1}, {3, 3}, {5, 5}, {7, 7}}));
  expect_consistent();
}

TEST_F(Expunge, SharedContentLivesUntilTheLastCopyGoes) {
  append("INBOX", 1);
  copy("INBOX", {{1, 1}}, "INBOX");
  copy("INBOX", {{1, 2}}, "INBOX");
  EXPECT_EQ(contents("1"), "1");
  store("INBOX", {{1, 3}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_EQ(contents("1"), "1");
  store("INBOX", {{4, 4}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_EQ(contents("1"), "0");
  EXPECT_EQ(contents("2"), "1");
  expect_consistent();
}

TEST_F(Expunge, ScatteredMessages) {
  append("INBOX", 3000, {kDeleted, {}});
  UidSet some;
  for (std::uint32_t uid = 1; uid <= 3000; uid += uid % 7 == 0 ? 90 : uid % 5 == 0 ? 40 : uid % 3 + 1) some.add(uid);
  for (std::uint32_t uid = 1000; uid < 1200; ++uid) some.add(uid);
  EXPECT_EQ(expunge_in("INBOX", some).uids, some);
  UidSet all{{1, 3000}};
  const ChangeSet left = changes("INBOX");
  ASSERT_EQ(left.changed.size(), all.difference(some).size());
  for (const MessageFlags& message : left.changed) EXPECT_FALSE(some.contains(message.uid.value));
  expect_consistent();
}

TEST_F(Expunge, DeletingTheMailboxReleasesEverything) {
  append("Default", 70, {kDeleted, {}});
  copy("Default", {{1, 70}}, "Default");
  copy("Default", {{1, 10}}, "INBOX");
  expunge_in("Default", UidSet{{1, 3}});
  const auto done = in_transaction([&](Transaction& tx) -> Result<void> {
    CPM_TRY(grant, authorize(tx, alice_, "Default", kDeleteMailbox));
    return delete_mailbox(tx, grant);
  });
  ASSERT_TRUE(done.has_value()) << done.error().detail;
  EXPECT_EQ(contents("1"), "10");
  EXPECT_EQ(contents("2"), "60");
  EXPECT_EQ(ranges(), "");
  EXPECT_EQ(account_value("used_messages"), "10");
  expect_consistent();
}

TEST_F(Expunge, NeedsTheRight) {
  Principal service = alice_;
  service.role = Role::deposit;
  const auto result = in_transaction([&](Transaction& tx) -> Result<ExpungeResult> {
    CPM_TRY(grant, authorize(tx, service, "INBOX", kRead));
    return expunge(tx, grant, {});
  });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().failure, Failure::denied);
}

}  // namespace
}  // namespace cpm::schema
