// The removal of old messages on a real database: what goes, what stays, counters and records, rounds shared by nodes.
#include "schema/sweep.h"

#include "schema/policy.h"
#include "tests/schema/store_fixture.h"

#include <algorithm>

namespace cpm::schema {
namespace {

using namespace std::chrono_literals;

class Sweep : public Store {
 protected:
  static constexpr std::chrono::seconds kDay = 86400s;

  // Messages `uids` of INBOX came `age` ago.
  void make_old(const std::string& uids, std::chrono::seconds age) {
    test_.execute("update message set save_date = now() - make_interval(secs => " + std::to_string(age.count()) +
                  ") where account_id = " + std::to_string(alice_.account.value) + " and uid in (" + uids + ")");
  }
  SweepLook look(const SweepRule& rule, const SweepCursor& after = {}, std::size_t limit = 100) {
    return with("INBOX",
                [&](Transaction& tx, const Grant& grant) { return look_for_old(tx, grant, rule, after, limit); })
        .value();
  }
  ExpungeResult sweep_uids(const SweepRule& rule, const std::vector<std::uint32_t>& uids) {
    return with("INBOX", [&](Transaction& tx, const Grant& grant) { return sweep(tx, grant, rule, uids); }).value();
  }
  static std::string text(const std::vector<OldMessage>& messages) {
    std::string out;
    for (const OldMessage& one : messages) out += std::to_string(one.uid) + " ";
    return out;
  }
  void mark(std::chrono::seconds grace) {
    ASSERT_TRUE(
        in_transaction([&](Transaction& tx) { return mark_deleted(tx, alice_.account, {MailboxId{1}}, grace); }));
  }
  void age_marks(std::chrono::seconds by) {
    test_.execute("update sweep_mark set seen_at = seen_at - make_interval(secs => " + std::to_string(by.count()) +
                  ") where account_id = " + std::to_string(alice_.account.value));
  }
};

TEST_F(Sweep, OldMessagesGoWithAllThatHangsOnThem) {
  append("INBOX", 3, {}, 100);
  append("INBOX", 1, {kFlagged, {}});
  append("INBOX", 1, {kSeen | kDeleted, {}}, 7);
  append("INBOX", 2);
  copy("INBOX", UidSet{{1, 1}}, "Default");
  make_old("1,2,3,4,5", 2 * kDay);
  const ModSeq before = row("INBOX").highestmodseq;
  const SweepRule rule{kDay, {}, false};
  const SweepLook found = look(rule);
  EXPECT_EQ(text(found.aged), "1 2 3 5 ");
  EXPECT_EQ(found.aged[0].octets, 100U);
  EXPECT_FALSE(found.more);
  const ExpungeResult gone = sweep_uids(rule, {1, 2, 3, 5});
  EXPECT_EQ(gone.uids, (UidSet{{1, 3}, {5, 5}}));
  EXPECT_EQ(gone.highestmodseq.value, before.value + 1);
  const MailboxRow now = row("INBOX");
  EXPECT_EQ(now.messages, 3U);
  EXPECT_EQ(now.unseen, 3U);
  EXPECT_EQ(now.deleted, 0U);
  EXPECT_EQ(changes("INBOX", before.value).vanished, (UidSet{{1, 3}, {5, 5}}));
  EXPECT_TRUE(look(rule).aged.empty());
  EXPECT_TRUE(sweep_uids(rule, {1, 2, 3, 4, 5, 6}).uids.empty());
  expect_consistent();
}

TEST_F(Sweep, LooksAgainUnderTheLock) {
  append("INBOX", 3);
  make_old("1,2,3", 2 * kDay);
  const SweepRule rule{kDay, {}, false};
  EXPECT_EQ(text(look(rule).aged), "1 2 3 ");
  store("INBOX", UidSet{{2, 2}}, FlagChange::add, {kFlagged, {}});
  move("INBOX", UidSet{{3, 3}}, "Default");
  EXPECT_EQ(sweep_uids(rule, {1, 2, 3}).uids, (UidSet{{1, 1}}));
  expect_consistent();
}

TEST_F(Sweep, WalksInPagesUpToTheFirstYoungOne) {
  append("INBOX", 10);
  make_old("1,2,3,4,5,8", 2 * kDay);
  const SweepRule rule{kDay, {}, false};
  const SweepLook first = look(rule, {}, 2);
  EXPECT_EQ(text(first.aged), "1 2 ");
  EXPECT_TRUE(first.more);
  const SweepLook second = look(rule, first.end, 2);
  EXPECT_EQ(text(second.aged), "3 4 ");
  const SweepLook third = look(rule, second.end, 2);
  EXPECT_EQ(text(third.aged), "5 ");
  EXPECT_FALSE(third.more);
}

// MSS-50
TEST_F(Sweep, DeletedMessagesHaveTheirGrace) {
  append("INBOX", 4);
  store("INBOX", UidSet{{1, 2}}, FlagChange::add, {kDeleted | kFlagged, {}});
  const SweepRule rule{{}, kDay, false};
  EXPECT_TRUE(look(rule).deleted.empty());
  mark(kDay);
  EXPECT_TRUE(look(rule).deleted.empty());
  age_marks(kDay + 1s);
  EXPECT_EQ(text(look(rule).deleted), "1 2 ");
  // Taken back and given again: the grace begins anew. Given only now: it begins now.
  store("INBOX", UidSet{{2, 2}}, FlagChange::remove, {kDeleted, {}});
  store("INBOX", UidSet{{2, 3}}, FlagChange::add, {kDeleted, {}});
  EXPECT_EQ(text(look(rule).deleted), "1 ");
  EXPECT_EQ(sweep_uids(rule, {1, 2, 3, 4}).uids, (UidSet{{1, 1}}));
  mark(kDay);
  EXPECT_TRUE(look(rule).deleted.empty());
  age_marks(kDay + 1s);
  EXPECT_EQ(text(look(rule).deleted), "2 3 ");
  EXPECT_EQ(text(look(rule, {}, 1).deleted), "2 ");
  EXPECT_EQ(sweep_uids(rule, {2, 3}).uids, (UidSet{{2, 3}}));
  mark(kDay);  // nothing is deleted any more: nothing is remembered
  EXPECT_EQ(test_.value("select count(*) from sweep_mark where account_id = " + std::to_string(alice_.account.value)),
            "0");
  expect_consistent();
}

TEST_F(Sweep, FewMarksAreKept) {
  append("INBOX", 50);
  for (std::uint32_t uid = 1; uid <= 50; ++uid) {
    store("INBOX", UidSet{{uid, uid}}, FlagChange::add, {kDeleted, {}});
    mark(16s);
    age_marks(1s);
  }
  const std::string count =
      test_.value("select count(*) from sweep_mark where account_id = " + std::to_string(alice_.account.value));
  EXPECT_LE(std::stoi(count), 18) << count;
  EXPECT_GE(std::stoi(count), 10) << count;
}

TEST_F(Sweep, SessionObjectsAreSetApart) {
  const auto object = [](ObjectKind kind) {
    NewMessage message = new_message("Subject: x\r\n\r\n");
    message.head.facts.kind = kind;
    return message;
  };
  // In a conversation or, as these, in none.
  append_messages("INBOX",
                  {object(ObjectKind::session_info), object(ObjectKind::message), object(ObjectKind::group_state)});
  make_old("1,2,3", 2 * kDay);
  const SweepLook found = look({kDay, {}, true});
  EXPECT_EQ(text(found.aged), "2 ");
  EXPECT_EQ(text(found.session_objects), "1 3 ");
  EXPECT_EQ(text(look({kDay, {}, false}).aged), "1 2 3 ");
}

TEST_F(Sweep, NeedsTheRight) {
  append("INBOX", 1);
  const Principal service{alice_.account, alice_.address, "pf", Role::deposit};
  const auto refused = in_transaction([&](Transaction& tx) -> Result<ExpungeResult> {
    CPM_TRY(grant, authorize(tx, service, "INBOX", kRead));
    return sweep(tx, grant, {kDay, {}, false}, {1});
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::denied);
}

// -- rounds, on a database of their own

class Rounds : public testing::Test {
 protected:
  std::vector<AccountId> take(std::size_t count, std::chrono::seconds pause = 3600s) {
    return test_.run([&](Transaction& tx) { return take_accounts_to_sweep(tx, pause, count); });
  }
  void prefer(AccountId account, const std::string& key, const std::string& value) {
    const std::string entry = std::string(kPolicyPreference) + key;
    test_.execute("insert into metadata (account_id, mailbox_id, owner_id, entry, spelling, changed, value) values (" +
                  std::to_string(account.value) + ", 0, " + std::to_string(account.value) + ", '" + entry + "', '" +
                  entry + "', 1, '" + value + "')");
  }
  void decide(AccountId account, const char* key, const char* value) {
    test_.run([&](Transaction& tx) { return set_account_policy(tx, account, *find_policy(key), value); });
  }

  support::TestDatabase test_;
};

TEST_F(Rounds, OnlyAccountsWithARetentionAreTaken) {
  std::vector<AccountId> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(support::make_account(test_.database()).account);
  EXPECT_TRUE(take(10).empty());
  prefer(ids[1], "retention.inbox", "1d");
  prefer(ids[2], "store.messages", "off");
  decide(ids[3], "retention.deleted", "1d");
  decide(ids[3], "retention.inbox", "2d");
  decide(ids[4], "store.sessions", "off");
  decide(ids[5], "retention.inbox", "1d");  // of a disabled account everything is kept
  test_.execute("update account set state = 1 where account_id = " + std::to_string(ids[5].value));
  EXPECT_TRUE(take(10).empty()) << "the next round is due in an hour";
  std::vector<AccountId> wanted{ids[1], ids[3]};
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(take(10, 0s), wanted);
}

TEST_F(Rounds, NodesShareARound) {
  std::vector<AccountId> ids, taken;
  for (int i = 0; i < 5; ++i) ids.push_back(support::make_account(test_.database()).account);
  std::sort(ids.begin(), ids.end());
  test_.execute("update account set state = 1 where account_id = " +
                std::to_string(support::make_account(test_.database()).account.value));
  test_.run([&](Transaction& tx) { return set_site_policy(tx, *find_policy("retention.folders"), "30d"); });
  for (int page = 0; page < 3; ++page) {
    const auto some = take(2);
    EXPECT_EQ(some.size(), page == 2 ? 1U : 2U);
    taken.insert(taken.end(), some.begin(), some.end());
  }
  EXPECT_EQ(taken, ids);
  EXPECT_TRUE(take(2).empty()) << "the round is over";
  // While one node takes accounts another one gets none, and does not wait.
  Database other({test_.url(), 1, true, 10});
  test_.run([&](Transaction& tx) -> Result<void> {
    CPM_TRY(mine, take_accounts_to_sweep(tx, 0s, 2));
    EXPECT_EQ(mine.size(), 2U);
    const auto theirs =
        other.run_blocking(5000ms, [&](Transaction& second) { return take_accounts_to_sweep(second, 0s, 2); });
    EXPECT_TRUE(theirs) << theirs.error().detail;
    EXPECT_TRUE(theirs && theirs->empty());
    return {};
  });
}

}  // namespace
}  // namespace cpm::schema
