#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

class Copy : public Store {
 protected:
  std::vector<MessageRow> rows(std::string_view path) {
    return with(path,
                [&](Transaction& tx, const Grant& grant) {
                  return fetch_rows(tx, grant, {{1, kMaxWireNumber}}, 0, 0);
                })
        .value();
  }
};

TEST_F(Copy, KeepsFlagsDatesAndBytes) {
  append("INBOX", 1, {kSeen | kForwarded, {"blue"}});
  append("INBOX", 2, {kDeleted, {}});
  append("Default", 4, {0, {"other"}});
  const CopyResult result = copy("INBOX", {{1, 1}, {3, 8}}, "Default");
  EXPECT_EQ(result.source, (UidSet{{1, 1}, {3, 3}}));
  EXPECT_EQ(result.target, (UidSet{{5, 6}}));
  EXPECT_EQ(result.uidvalidity, row("Default").uidvalidity);
  const ChangeSet target = changes("Default");
  EXPECT_EQ(target.changed[4].bits, kSeen | kForwarded);
  ASSERT_EQ(target.changed[4].keywords.size(), 1U);
  EXPECT_EQ(*target.keywords.name(target.changed[4].keywords[0]), "blue");
  EXPECT_EQ(target.changed[5].bits, kDeleted);
  EXPECT_EQ(target.mailbox.unseen, 5U);
  EXPECT_EQ(target.mailbox.deleted_bytes, 10U);
  const auto from = rows("INBOX");
  const auto to = rows("Default");
  EXPECT_EQ(to[4].content, from[0].content);
  EXPECT_EQ(to[4].internal_date, from[0].internal_date);
  EXPECT_EQ(account_value("used_messages || ' ' || used_bytes"), "9 90");
  EXPECT_EQ(row("INBOX").highestmodseq, ModSeq{3});
  expect_consistent();
}

TEST_F(Copy, WithinTheSameMailbox) {
  append("INBOX", 2, {kFlagged, {"k"}});
  const CopyResult result = copy("INBOX", {{1, 2}}, "INBOX");
  EXPECT_EQ(result.target, (UidSet{{3, 4}}));
  EXPECT_EQ(changes("INBOX").changed[3].keywords.size(), 1U);
  EXPECT_EQ(changes("INBOX").keywords.entries().size(), 1U);
  expect_consistent();
}

TEST_F(Copy, NothingThere) {
  append("Default", 1);
  const ModSeq before = row("Default").highestmodseq;
  const CopyResult result = copy("INBOX", {{1, 5}}, "Default");
  EXPECT_TRUE(result.source.empty());
  EXPECT_TRUE(result.target.empty());
  EXPECT_EQ(result.uidvalidity, row("Default").uidvalidity);
  EXPECT_EQ(row("Default").highestmodseq, before);
  EXPECT_TRUE(copy("INBOX", {}, "Default").source.empty());
}

TEST_F(Copy, OverQuotaCopiesNothing) {
  append("INBOX", 3);
  test_.execute("update account set limit_bytes = 50 where account_id = " + std::to_string(alice_.account.value));
  EXPECT_EQ(transfer(false, "INBOX", {{1, 3}}, "Default").error().failure, Failure::over_quota);
  EXPECT_EQ(row("Default").messages, 0U);
  EXPECT_EQ(copy("INBOX", {{1, 2}}, "Default").target.size(), 2U);
  EXPECT_EQ(move("INBOX", {{1, 3}}, "Default").target.size(), 3U);  // a move uses nothing more
  expect_consistent();
}

TEST_F(Copy, KeywordsAreBounded) {
  append("INBOX", 1, {0, {"a", "b"}});
  append("Default", 1, {0, {"B", "c"}});
  limits_.keywords_per_mailbox = 2;
  EXPECT_EQ(transfer(false, "INBOX", {{1, 1}}, "Default").error().failure, Failure::limit);
  limits_.keywords_per_mailbox = 3;
  copy("INBOX", {{1, 1}}, "Default");
  const ChangeSet set = changes("Default");
  EXPECT_EQ(set.keywords.entries().size(), 3U);
  EXPECT_EQ(set.changed[1].keywords, (std::vector<KeywordId>{1, 3}));
  expect_consistent();
}

TEST_F(Copy, FlagsWithoutTheRightAreLeftBehind) {
  append("INBOX", 1, {kSeen | kDeleted, {}});
  Principal service = alice_;
  service.role = Role::deposit;
  const auto result = in_transaction([&](Transaction& tx) -> Result<CopyResult> {
    CPM_TRY(from, authorize(tx, service, "INBOX", kRead));
    CPM_TRY(to, authorize(tx, service, "Default", kRead));
    auto moved = move_messages(tx, from, UidSet{{1, 1}}, to, limits_);
    EXPECT_EQ(moved.error().failure, Failure::denied);
    return copy_messages(tx, from, UidSet{{1, 1}}, to, limits_);
  });
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(changes("Default").changed[0].bits, kSeen);
  expect_consistent();
}

TEST_F(Copy, MoveLeavesRangesBehind) {
  append("INBOX", 5, {kSeen | kDeleted, {"k"}});
  append("INBOX", 1);
  const CopyResult result = move("INBOX", {{2, 2}, {4, 6}}, "Default");
  EXPECT_EQ(result.source, (UidSet{{2, 2}, {4, 6}}));
  EXPECT_EQ(result.target, (UidSet{{1, 4}}));
  EXPECT_EQ(result.source_modseq, row("INBOX").highestmodseq);
  EXPECT_EQ(changes("INBOX", 3).vanished, (UidSet{{2, 2}, {4, 6}}));
  EXPECT_EQ(account_value("used_messages"), "6");
  EXPECT_EQ(row("Default").deleted, 3U);
  EXPECT_EQ(row("Default").unseen, 1U);
  expect_consistent();
}

TEST_F(Copy, MoveWithinTheSameMailbox) {
  append("INBOX", 4, {kSeen, {"k"}});
  const ModSeq before = row("INBOX").highestmodseq;
  const CopyResult result = move("INBOX", {{1, 2}}, "INBOX");
  EXPECT_EQ(result.target, (UidSet{{5, 6}}));
  EXPECT_EQ(result.source_modseq.value, before.value + 1);
  const ChangeSet set = changes("INBOX", before.value);
  EXPECT_EQ(set.vanished, (UidSet{{1, 2}}));
  ASSERT_EQ(set.changed.size(), 2U);
  EXPECT_EQ(set.changed[0].keywords.size(), 1U);
  EXPECT_EQ(set.mailbox.messages, 4U);
  EXPECT_EQ(set.mailbox.highestmodseq.value, before.value + 1);
  expect_consistent();
}

TEST_F(Copy, ToAMailboxThatIsGone) {
  append("INBOX", 1);
  const auto result = in_transaction([&](Transaction& tx) -> Result<CopyResult> {
    CPM_TRY(from, authorize(tx, alice_, "INBOX", kRead));
    CPM_TRY(to, authorize(tx, alice_, "Default", kDeleteMailbox));
    CPM_CHECK(delete_mailbox(tx, to));
    return copy_messages(tx, from, UidSet{{1, 1}}, to, limits_);
  });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().failure, Failure::not_found);
}

}  // namespace
}  // namespace cpm::schema
