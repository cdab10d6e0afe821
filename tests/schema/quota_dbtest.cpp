// Quota roots on PostgreSQL (RFC 9208): exact usage, limits, levels and what is told. MSS-38, MSS-39, MSS-41.
#include "schema/quota.h"

#include "schema/mailboxes.h"
#include "schema/metadata.h"
#include "tests/schema/store_fixture.h"

#include <thread>

namespace cpm::schema {
namespace {

class Quota : public Store {
 protected:
  QuotaRoot root(const std::string& path = "") {
    return in_transaction([&](Transaction& tx) { return quota_root(tx, alice_.account, path); }).value();
  }
  QuotaRoot limit(const std::string& path, const QuotaLimits& limits) {
    return in_transaction([&](Transaction& tx) { return set_quota(tx, alice_.account, path, limits); }).value();
  }
  Result<QuotaRoot> add(const std::string& path, const QuotaLimits& limits = {}) {
    return in_transaction([&](Transaction& tx) { return add_quota_root(tx, alice_.account, path, limits, limits_); });
  }
  Result<MailboxRow> make(const std::string& path) {
    return in_transaction([&](Transaction& tx) { return create_mailbox(tx, alice_, path, SpecialUse::none, limits_); });
  }
  Result<std::vector<Renamed>> rename(const std::string& from, const std::string& to) {
    return in_transaction([&](Transaction& tx) -> Result<std::vector<Renamed>> {
      CPM_TRY(grant, authorize(tx, alice_, from, kDeleteMailbox));
      return rename_mailbox(tx, alice_, grant, to, limits_);
    });
  }
  Result<void> remove(const std::string& path) {
    return in_transaction([&](Transaction& tx) -> Result<void> {
      CPM_TRY(grant, authorize(tx, alice_, path, kDeleteMailbox));
      return delete_mailbox(tx, grant);
    });
  }
  Result<std::int64_t> annotate(const std::string& path, const std::string& entry, std::optional<std::string> value) {
    return in_transaction([&](Transaction& tx) -> Result<std::int64_t> {
      CPM_TRY(grant, authorize(tx, alice_, path, kRead));
      CPM_TRY(access, metadata_of(alice_, grant));
      return set_metadata(tx, access, {{MetadataEntry(entry), value}}, limits_);
    });
  }
  // Level that a deposit reached, as its transaction heard it.
  int level_heard(std::string_view path, std::size_t count) {
    return in_transaction([&](Transaction& tx) -> Result<int> {
             CPM_TRY(grant, authorize(tx, alice_, path, kInsert));
             std::vector<StagedMessage> staged;
             for (std::size_t i = 0; i < count; ++i) staged.push_back(hold_inline(new_message("0123456789")));
             CPM_CHECK(deposit(tx, grant, staged, limits_));
             return tx.quota_news().level;
           })
        .value();
  }
  void subscribe() {
    test_.execute(
        "insert into push_subscription (subscription_id, account_id, device, sink, events, url, origin) values (" +
        account() + ", " + account() + ", 'x', 1, 896, 'https://x', 'https://x')");
  }
  std::string told() {
    return test_.value(
        "select coalesce(string_agg(concat_ws(' ', event, nullif(detail ->> 'root', ''), detail ->> 'resource', detail "
        "->> 'used',"
        " detail ->> 'limit', detail ->> 'level'), ', ' order by created_at, event_id), '') from outbox where "
        "account_id = " +
        account());
  }
  std::string account() const { return std::to_string(alice_.account.value); }
  using Used = std::array<std::uint64_t, 4>;
};

TEST_F(Quota, AccountAndRootsCountWhatTheyGovern) {
  ASSERT_TRUE(make("Box/in"));
  append("Box/in", 2);
  append("INBOX", 3);
  ASSERT_TRUE(annotate("Box", "/private/x", "1234"));
  ASSERT_TRUE(add("Box"));
  ASSERT_TRUE(add("Box/in", {{100, 5, std::nullopt, std::nullopt}}));
  EXPECT_EQ(root("Box").used, (Used{20, 2, 2, 14}));
  EXPECT_EQ(root("Box/in").used, (Used{20, 2, 1, 0}));
  EXPECT_EQ(root().used, (Used{50, 5, 4, 14}));
  EXPECT_EQ(root("Box/in").limits, (QuotaLimits{100, 5, std::nullopt, std::nullopt}));
  expect_consistent();
}

TEST_F(Quota, EveryChangeKeepsAllRootsExact) {
  ASSERT_TRUE(add("a"));
  ASSERT_TRUE(add("a/b"));
  ASSERT_TRUE(make("a/b/c"));
  ASSERT_TRUE(make("d"));
  append("a/b/c", 4);
  copy("a/b/c", {{1, 2}}, "d");
  move("a/b/c", {{3, 3}}, "a");
  move("a/b/c", {{4, 4}}, "a/b/c");
  EXPECT_EQ(root("a").used, (Used{40, 4, 3, 0}));
  EXPECT_EQ(root("a/b").used, (Used{30, 3, 2, 0}));
  ASSERT_TRUE(annotate("a/b/c", "/shared/y", "z"));
  ASSERT_TRUE(rename("a/b/c", "e"));
  EXPECT_EQ(root("a").used, (Used{10, 1, 2, 0}));
  EXPECT_EQ(root("a/b").used, (Used{0, 0, 1, 0}));
  ASSERT_TRUE(rename("e", "a/b/c"));
  EXPECT_EQ(root("a/b").used, (Used{30, 3, 2, 10}));
  store("a/b/c", {{1, 1}}, FlagChange::add, {kDeleted, {}});
  expunge_in("a/b/c");
  EXPECT_EQ(root("a/b").used, (Used{20, 2, 2, 10}));
  ASSERT_TRUE(remove("a/b/c"));
  EXPECT_EQ(root("a/b").used, (Used{0, 0, 1, 0}));
  append("INBOX", 2);
  ASSERT_TRUE(annotate("INBOX", "/private/n", "v"));
  ASSERT_TRUE(rename("INBOX", "a/inbox"));
  EXPECT_EQ(root("a").used, (Used{30, 3, 3, 11}));
  EXPECT_EQ(root().used[3], 22U);
  expect_consistent();
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return remove_quota_root(tx, alice_.account, "a"); }));
  EXPECT_EQ(root("a/b").used, (Used{0, 0, 1, 0}));
  expect_consistent();
}

TEST_F(Quota, NothingPassesALimitOfARoot) {
  ASSERT_TRUE(make("Box"));
  ASSERT_TRUE(add("Box", {{25, 3, 2, 20}}));
  append("Box", 2);
  EXPECT_EQ(append_messages("Box", {new_message("0123456789")}).error().failure, Failure::over_quota);
  append("INBOX", 2);
  EXPECT_EQ(transfer(false, "INBOX", {{1, 1}}, "Box").error().failure, Failure::over_quota);
  EXPECT_EQ(transfer(true, "INBOX", {{1, 1}}, "Box").error().failure, Failure::over_quota);
  EXPECT_EQ(annotate("Box", "/private/x", "0123456789abc").error().failure, Failure::over_quota);
  ASSERT_TRUE(make("Box/1"));
  EXPECT_EQ(make("Box/2").error().failure, Failure::over_quota);
  ASSERT_TRUE(make("x"));
  EXPECT_EQ(rename("x", "Box/x").error().failure, Failure::over_quota);
  EXPECT_EQ(root("Box").used, (Used{20, 2, 2, 0}));
  expect_consistent();
}

TEST_F(Quota, AboveALimitEverythingMayShrinkAndMoveWithin) {
  ASSERT_TRUE(make("Box/in"));
  append("Box", 5);
  ASSERT_TRUE(add("Box", {{1, 1, 1, 0}}));
  move("Box", {{1, 2}}, "Box/in");
  move("Box", {{3, 3}}, "Box");
  ASSERT_TRUE(rename("Box/in", "Box/out"));
  move("Box", {{4, 4}}, "INBOX");
  store("Box/out", {{1, 1}}, FlagChange::add, {kDeleted, {}});
  expunge_in("Box/out");
  EXPECT_EQ(root("Box").used, (Used{30, 3, 2, 0}));
  ASSERT_TRUE(remove("Box/out"));
  EXPECT_EQ(root("Box").used, (Used{20, 2, 1, 0}));
  EXPECT_EQ(root("Box").level, 100);
  expect_consistent();
}

TEST_F(Quota, Mss39LevelsAreHeardOnceAndAgainAfterRoomWasMade) {
  limit("", {{std::nullopt, 10, std::nullopt, std::nullopt}});
  EXPECT_EQ(level_heard("INBOX", 7), 0);
  EXPECT_EQ(level_heard("INBOX", 1), 80);
  EXPECT_EQ(level_heard("INBOX", 1), 0);
  EXPECT_EQ(level_heard("INBOX", 1), 100);
  store("INBOX", {{1, 1}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_EQ(root().level, 80);
  EXPECT_EQ(level_heard("INBOX", 1), 100);
}

TEST_F(Quota, Mss41PushIsToldOfWarningsFullAndRoom) {
  subscribe();
  limit("", {{std::nullopt, 10, std::nullopt, std::nullopt}});
  append("INBOX", 8);
  append("INBOX", 2);
  EXPECT_EQ(told(), "7 MESSAGE 8 10 80, 8 MESSAGE 10 10 100");
  test_.execute("delete from outbox where account_id = " + account());
  store("INBOX", {{1, 5}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_EQ(told(), "9 MESSAGE 5 10 0");
}

TEST_F(Quota, Mss41ARefusalIsToldOnceUntilSomethingIsRemoved) {
  subscribe();
  limit("", {{100, std::nullopt, std::nullopt, std::nullopt}});
  append("INBOX", 2);
  const auto refuse = [&] {
    std::optional<QuotaPlace> place;
    const auto refused = in_transaction([&](Transaction& tx) -> Result<AppendResult> {
      CPM_TRY(grant, authorize(tx, alice_, "INBOX", kInsert));
      std::vector<StagedMessage> staged{hold_inline(new_message(std::string(90, 'x')))};
      auto stored = deposit(tx, grant, staged, limits_);
      place = tx.quota_news().refused;
      return stored;
    });
    EXPECT_EQ(refused.error().failure, Failure::over_quota);
    ASSERT_TRUE(place.has_value());
    EXPECT_EQ(place->account, alice_.account);
    ASSERT_TRUE(in_transaction([&](Transaction& tx) { return note_quota_refused(tx, *place); }));
  };
  refuse();
  refuse();
  EXPECT_EQ(told(), "8 STORAGE 20 100 0");
  store("INBOX", {{1, 1}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_EQ(told(), "8 STORAGE 20 100 0, 9 STORAGE 10 100 0");
}

TEST_F(Quota, WarningLevelsAreThoseOfTheAccountOrOfAll) {
  limit("", {{std::nullopt, 10, std::nullopt, std::nullopt}});
  append("INBOX", 6);
  const auto set = [&](const std::optional<QuotaWarnings>& levels) {
    return in_transaction([&](Transaction& tx) { return set_quota_warnings(tx, alice_.account, levels); });
  };
  ASSERT_TRUE(set(QuotaWarnings{30, 60}));
  EXPECT_EQ(root().level, 60);
  ASSERT_TRUE(set(QuotaWarnings{}));
  EXPECT_EQ(root().level, 0);
  for (const QuotaWarnings& wrong : {QuotaWarnings{0}, {100}, {50, 50}, {60, 50}, {1, 2, 3, 4, 5, 6, 7, 8, 9}})
    EXPECT_EQ(set(wrong).error().failure, Failure::invalid);
  ASSERT_TRUE(set(std::nullopt));
  const auto levels = in_transaction([&](Transaction& tx) { return quota_warnings(tx, alice_.account); }).value();
  EXPECT_FALSE(levels.own);
  EXPECT_EQ(levels.levels, (QuotaWarnings{80, 95}));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return set_default_quota_warnings(tx, {50}); }));
  for (AccountId after;;) {
    after = in_transaction([&](Transaction& tx) { return renew_quota_levels(tx, after); }).value();
    if (!after) break;
  }
  EXPECT_EQ(root().level, 50);
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return set_default_quota_warnings(tx, {80, 95}); }));
}

TEST_F(Quota, RootsAreFewHaveNamesAndComeOnce) {
  EXPECT_EQ(add("Box").has_value(), true);
  EXPECT_EQ(add("Box").error().failure, Failure::exists);
  EXPECT_EQ(add("a//b").error().failure, Failure::invalid);
  limits_.quota_roots = 2;
  EXPECT_TRUE(add("INBOX").has_value());
  EXPECT_EQ(add("x").error().failure, Failure::limit);
  const auto gone = in_transaction([&](Transaction& tx) { return remove_quota_root(tx, alice_.account, "x"); });
  EXPECT_EQ(gone.error().failure, Failure::not_found);
  EXPECT_TRUE(governs(root("Box"), "Box/x"));
  EXPECT_FALSE(governs(root("Box"), "Boxes"));
}

// MSS-38: whatever comes at once, the limit holds to the octet.
TEST_F(Quota, ParallelDepositsDoNotPassTheLimitOfARoot) {
  ASSERT_TRUE(make("Box/1"));
  ASSERT_TRUE(make("Box/2"));
  ASSERT_TRUE(add("Box", {{std::nullopt, 25, std::nullopt, std::nullopt}}));
  std::atomic<int> stored{0}, refused{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        auto done = append_messages(t % 2 == 0 ? "Box/1" : "Box/2", {new_message("x")});
        if (!done) {
          EXPECT_EQ(done.error().failure, Failure::over_quota);
        }
        (done ? stored : refused)++;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(stored, 25);
  EXPECT_EQ(refused, 35);
  EXPECT_EQ(root("Box").used[1], 25U);
  expect_consistent();
}

}  // namespace
}  // namespace cpm::schema
