// What NOTIFY reads: counters, rights and names, of the whole account and of a few mailboxes.
#include "schema/watch.h"

#include "schema/change_feed.h"
#include "tests/schema/store_fixture.h"

#include <pqxx/pqxx>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

namespace cpm::schema {
namespace {

class Watch : public Store {
 protected:
  WatchedAccount account(const Principal& who, bool names) {
    return in_transaction([&](Transaction& tx) { return watch_account(tx, who, names); }).value();
  }
  std::vector<WatchedMailbox> some(const std::vector<MailboxId>& ids) {
    return in_transaction([&](Transaction& tx) { return watch_mailboxes(tx, alice_, ids); }).value();
  }
};

TEST_F(Watch, TheAccountHasCountersRightsAndSubscriptions) {
  append("INBOX", 3);
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return subscribe(tx, alice_, "b/nowhere", limits_); }));
  const WatchedAccount seen = account(alice_, true);
  ASSERT_FALSE(seen.mailboxes.empty());
  EXPECT_EQ(seen.mailboxes[0].mailbox.path, "INBOX");
  EXPECT_EQ(seen.mailboxes[0].mailbox.messages, 3U);
  EXPECT_EQ(seen.mailboxes[0].mailbox.uidnext.value, 4U);
  EXPECT_EQ(seen.mailboxes[0].rights, kAllRights);
  EXPECT_EQ(seen.subscriptions, std::vector<std::string>{"b/nowhere"});
  EXPECT_TRUE(account(alice_, false).subscriptions.empty());
}

TEST_F(Watch, ADepositingServiceHasItsRights) {
  Principal service = alice_;
  service.role = Role::deposit;
  const WatchedAccount seen = account(service, false);
  EXPECT_EQ(seen.mailboxes[0].rights, account_rights(service));
  EXPECT_NE(seen.mailboxes[0].rights, kAllRights);
}

TEST_F(Watch, AFewMailboxesWithoutThoseThatAreGone) {
  append("INBOX", 2);
  const auto rows = some({MailboxId{1}, MailboxId{999}});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].mailbox.id, MailboxId{1});
  EXPECT_EQ(rows[0].mailbox.messages, 2U);
  EXPECT_TRUE(some({}).empty());
}

TEST_F(Watch, WhatIsAnnouncedAndPublishedIsHeard) {
  using namespace std::chrono_literals;
  std::atomic<std::int64_t> heard{0};
  std::atomic<int> lost{0};
  const std::string url = test_.url();
  ChangeFeed listener(url, {[&](AccountId account, MailboxId mailbox) { heard = account.value * 100 + mailbox.value; },
                            [&] { ++lost; }});
  ChangeFeed speaker(url, {[](AccountId, MailboxId) {}, [] {}});
  const auto until = [](const auto& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
    return condition();
  };
  listener.start();
  ASSERT_TRUE(until([&] { return listener.connected() && lost == 1; }));
  const auto announced = in_transaction([&](Transaction& tx) -> Result<void> {
    announce(tx, AccountId{7}, MailboxId{5});
    return {};
  });
  ASSERT_TRUE(announced);
  EXPECT_TRUE(until([&] { return heard == 705; }));
  // Said before there is a connection: kept until there is one.
  for (int i = 1; i <= 20000; ++i) speaker.publish(AccountId{1'000'000 + i}, MailboxId{1});
  speaker.start();
  EXPECT_TRUE(until([&] { return lost == 2; })) << "too much to remember is everything";
  speaker.publish(AccountId{8}, MailboxId{6});
  EXPECT_TRUE(until([&] { return heard == 806; }));
}

}  // namespace
}  // namespace cpm::schema
