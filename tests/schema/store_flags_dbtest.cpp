#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

class StoreFlags : public Store {
 protected:
  // As somebody with other rights.
  Result<StoreResult> store_as(Role role, StoreRequest request) {
    Principal who = alice_;
    who.role = role;
    return in_transaction([&](Transaction& tx) -> Result<StoreResult> {
      CPM_TRY(grant, authorize(tx, who, "INBOX", kRead));
      return store_flags(tx, grant, request, limits_);
    });
  }
};

TEST_F(StoreFlags, AddCountsAndTakesOneModSeq) {
  append("INBOX", 5);
  const ModSeq before = row("INBOX").highestmodseq;
  const StoreResult result = store("INBOX", {{2, 4}, {9, 20}}, FlagChange::add, {kSeen | kDeleted, {}});
  EXPECT_EQ(result.highestmodseq.value, before.value + 1);
  EXPECT_EQ(result.changed, (UidSet{{2, 4}}));
  ASSERT_EQ(result.messages.size(), 3U);
  EXPECT_EQ(result.messages[0].modseq, result.highestmodseq);
  EXPECT_EQ(result.messages[0].bits, kSeen | kDeleted);
  const MailboxRow now = row("INBOX");
  EXPECT_EQ(now.unseen, 2U);
  EXPECT_EQ(now.deleted, 3U);
  EXPECT_EQ(now.deleted_bytes, 30U);
  EXPECT_EQ(changes("INBOX", before.value).changed, result.messages);
  expect_consistent();
}

TEST_F(StoreFlags, NoEffectTakesNoModSeq) {
  append("INBOX", 3, {kSeen, {}});
  const ModSeq before = row("INBOX").highestmodseq;
  const StoreResult same = store("INBOX", {{1, 3}}, FlagChange::add, {kSeen, {}});
  EXPECT_EQ(same.highestmodseq, before);
  EXPECT_EQ(same.messages.size(), 3U);
  EXPECT_TRUE(same.changed.empty());
  EXPECT_EQ(store("INBOX", {{7, 9}}, FlagChange::add, {0, {"new"}}).highestmodseq, before);
  EXPECT_EQ(store("INBOX", {}, FlagChange::add, {kSeen, {}}).highestmodseq, before);
  EXPECT_EQ(row("INBOX").highestmodseq, before);
  EXPECT_EQ(test_.value("select count(*) from keyword where account_id = " + std::to_string(alice_.account.value)),
            "0");
}

TEST_F(StoreFlags, OnlySomeMessagesChange) {
  append("INBOX", 2, {kFlagged, {}});
  append("INBOX", 2);
  append("INBOX", 2, {kFlagged, {}});
  const StoreResult result = store("INBOX", {{1, 6}}, FlagChange::add, {kFlagged, {}});
  EXPECT_EQ(result.changed, (UidSet{{3, 4}}));
  EXPECT_EQ(result.messages[0].modseq, ModSeq{2});
  EXPECT_EQ(result.messages[5].modseq, ModSeq{4});
  EXPECT_EQ(result.messages[2].modseq, ModSeq{5});
}

TEST_F(StoreFlags, ReplaceAndRemove) {
  append("INBOX", 2, {kSeen | kAnswered, {"a", "b"}});
  StoreResult result = store("INBOX", {{1, 1}}, FlagChange::replace, {kDraft, {"c", "B"}});
  EXPECT_EQ(result.messages[0].bits, kDraft);
  ASSERT_EQ(result.messages[0].keywords.size(), 2U);
  EXPECT_EQ(*result.keywords.name(result.messages[0].keywords[0]), "b");
  EXPECT_EQ(*result.keywords.name(result.messages[0].keywords[1]), "c");
  result = store("INBOX", {{1, 2}}, FlagChange::remove, {kSeen, {"B", "unknown"}});
  EXPECT_EQ(result.changed, (UidSet{{1, 2}}));
  EXPECT_EQ(result.messages[0].keywords.size(), 1U);
  EXPECT_EQ(result.messages[1].bits, kAnswered);
  result = store("INBOX", {{1, 2}}, FlagChange::replace, {});
  EXPECT_EQ(result.messages[0].bits, 0U);
  EXPECT_TRUE(result.messages[0].keywords.empty());
  EXPECT_EQ(changes("INBOX").changed, result.messages);
  EXPECT_EQ(row("INBOX").unseen, 2U);
  expect_consistent();
}

TEST_F(StoreFlags, KeywordsAddedToMessagesThatHaveOthers) {
  append("INBOX", 1, {0, {"x"}});
  append("INBOX", 1);
  append("INBOX", 1, {0, {"y", "z"}});
  const StoreResult result = store("INBOX", {{1, 3}}, FlagChange::add, {0, {"Z", "w", "z"}});
  EXPECT_EQ(result.changed, (UidSet{{1, 3}}));
  EXPECT_EQ(changes("INBOX").changed, result.messages);
  EXPECT_EQ(result.messages[0].keywords.size(), 3U);
  EXPECT_EQ(result.messages[1].keywords.size(), 2U);
  EXPECT_EQ(result.messages[2].keywords.size(), 3U);
  expect_consistent();
}

TEST_F(StoreFlags, TooManyKeywordsChangeNothing) {
  append("INBOX");
  limits_.keywords_per_mailbox = 2;
  store("INBOX", {{1, 1}}, FlagChange::add, {0, {"one", "two"}});
  const auto result = store_result("INBOX", {UidSet{{1, 1}}, FlagChange::add, {kSeen, {"three"}}, {}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().failure, Failure::limit);
  EXPECT_EQ(row("INBOX").unseen, 1U);
  EXPECT_EQ(store("INBOX", {{1, 1}}, FlagChange::add, {0, {"TWO"}}).keywords.entries().size(), 2U);
  limits_.keyword_octets = 3;
  EXPECT_EQ(store_result("INBOX", {UidSet{{1, 1}}, FlagChange::add, {0, {"long"}}, {}}).error().failure,
            Failure::limit);
}

TEST_F(StoreFlags, UnchangedSinceRefusesNewerMessages) {
  append("INBOX", 4);
  const ModSeq known = row("INBOX").highestmodseq;
  store("INBOX", {{2, 3}}, FlagChange::add, {kSeen, {}});
  // 2 would not even change, and is refused all the same (RFC 7162 3.1.3).
  const StoreResult result = store("INBOX", {{1, 4}}, FlagChange::add, {kSeen, {}}, known);
  EXPECT_EQ(result.modified, (UidSet{{2, 3}}));
  EXPECT_EQ(result.changed, (UidSet{{1, 1}, {4, 4}}));
  ASSERT_EQ(result.messages.size(), 2U);
  EXPECT_EQ(result.messages[1].uid, Uid{4});
  const StoreResult none = store("INBOX", {{1, 4}}, FlagChange::replace, {}, ModSeq{0});
  EXPECT_EQ(none.modified, (UidSet{{1, 4}}));
  EXPECT_EQ(none.highestmodseq, result.highestmodseq);
}

TEST_F(StoreFlags, WithoutTheRightAFlagStays) {
  append("INBOX", 1, {kDeleted, {}});
  // A depositing service has no right to delete messages.
  auto result = store_as(Role::deposit, {UidSet{{1, 1}}, FlagChange::replace, {kSeen, {}}, {}});
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->messages[0].bits, kSeen | kDeleted);
  result = store_as(Role::deposit, {UidSet{{1, 1}}, FlagChange::remove, {kDeleted | kSeen, {}}, {}});
  EXPECT_EQ(result->messages[0].bits, kDeleted);
  result = store_as(Role::deposit, {UidSet{{1, 1}}, FlagChange::remove, {kDeleted, {}}, {}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().failure, Failure::denied);
  EXPECT_EQ(row("INBOX").deleted, 1U);
}

TEST_F(StoreFlags, ManyScatteredMessages) {
  append("INBOX", 600);
  UidSet odd;
  for (std::uint32_t uid = 1; uid <= 600; uid += 2) odd.add(uid);
  const StoreResult result = store("INBOX", odd, FlagChange::add, {kDeleted, {}});
  EXPECT_EQ(result.changed, odd);
  EXPECT_EQ(row("INBOX").deleted, 300U);
  EXPECT_EQ(row("INBOX").deleted_bytes, 3000U);
}

TEST_F(StoreFlags, AnEpochSkipsNumbersOnce) {
  append("INBOX", 1);
  const std::string where = " where account_id = " + std::to_string(alice_.account.value);
  test_.execute("update installation set epoch = epoch + 1");
  const AppendResult after = append("INBOX", 1);
  EXPECT_EQ(after.uids, (UidSet{{1002, 1002}}));
  EXPECT_EQ(after.highestmodseq, ModSeq{10003});
  EXPECT_EQ(append("INBOX", 1).uids, (UidSet{{1003, 1003}}));
  EXPECT_EQ(store("INBOX", {{1002, 1002}}, FlagChange::add, {kSeen, {}}).highestmodseq, ModSeq{10005});
  test_.execute("update installation set epoch = epoch - 1");
}

}  // namespace
}  // namespace cpm::schema
