// Folding the record of expunges: whatever a client knew, it hears of everything that vanished since, and of nothing
// that lives; and the record stays small.
#include "schema/tombstones.h"

#include "tests/schema/store_fixture.h"

#include <algorithm>
#include <iostream>
#include <numeric>
#include <random>

namespace cpm::schema {
namespace {

class Tombstones : public Store {
 protected:
  void fold() { test_.execute("select expunged_compact_v1(" + inbox() + ")"); }
  UidSet vanished(std::uint64_t since) {
    return with("INBOX", [&](Transaction& tx, const Grant& grant) { return vanished_since(tx, grant, ModSeq{since}); })
        .value();
  }
  std::string inbox() const { return std::to_string(alice_.account.value) + ", 1"; }
  std::uint64_t count(const std::string& table) {
    return std::stoull(
        test_.value("select count(*) from " + table + " where (account_id, mailbox_id) = (" + inbox() + ")"));
  }
};

TEST_F(Tombstones, FewRowsAreLeftAsTheyAre) {
  append("INBOX", 5, {kDeleted, {}});
  expunge_in("INBOX", UidSet{{2, 2}});
  fold();
  EXPECT_EQ(count("expunged"), 1U);
  EXPECT_EQ(count("expunged_set"), 0U);
  EXPECT_EQ(vanished(0), (UidSet{{2, 2}}));
}

TEST_F(Tombstones, OneCommandOfManyRangesIsFoldedWhole) {
  append("INBOX", 5000);
  const std::uint64_t before = row("INBOX").highestmodseq.value;
  UidSet odd;
  for (std::uint32_t uid = 1; uid <= 5000; uid += 2) odd.add(uid);
  store("INBOX", odd, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  fold();
  EXPECT_EQ(count("expunged"), 0U);
  EXPECT_EQ(count("expunged_set"), 1U);
  EXPECT_EQ(vanished(before), odd);
  EXPECT_TRUE(vanished(row("INBOX").highestmodseq.value).empty());
  EXPECT_EQ(changes("INBOX", before).vanished, odd);
  expect_consistent();
}

TEST_F(Tombstones, GoWithTheMailbox) {
  in_transaction([&](Transaction& tx) -> Result<void> {
    auto made = create_mailbox(tx, alice_, "Doomed", SpecialUse{}, limits_);
    if (!made) return made.error();
    return {};
  }).value();
  append("Doomed", 3000, {});
  UidSet odd;
  for (std::uint32_t uid = 1; uid <= 3000; uid += 2) odd.add(uid);
  store("Doomed", odd, FlagChange::add, {kDeleted, {}});
  expunge_in("Doomed");
  const std::string id = std::to_string(row("Doomed").id.value);
  test_.execute("select expunged_compact_v1(" + std::to_string(alice_.account.value) + ", " + id + ")");
  in_transaction([&](Transaction& tx) -> Result<void> {
    CPM_TRY(grant, authorize(tx, alice_, "Doomed", kDeleteMailbox));
    return delete_mailbox(tx, grant);
  }).value();
  EXPECT_EQ(test_.value("select count(*) from expunged_range where (account_id, mailbox_id) = (" +
                        std::to_string(alice_.account.value) + ", " + id + ")"),
            "0");
  EXPECT_EQ(test_.value("select count(*) from expunged_due where (account_id, mailbox_id) = (" +
                        std::to_string(alice_.account.value) + ", " + id + ")"),
            "0");
}

TEST_F(Tombstones, AMailboxIsSoonDue) {
  append("INBOX", 4000, {kDeleted, {}});
  // Every second UID, so that each is a row: 2,000 chances of one in 256, missed once in 2,500.
  for (int attempt = 0; attempt < 4 && count("expunged_due") == 0; ++attempt) {
    UidSet some;
    for (std::uint32_t uid = 1 + static_cast<std::uint32_t>(attempt) * 1000;
         uid <= 1000 + static_cast<std::uint32_t>(attempt) * 1000; uid += 2)
      some.add(uid);
    expunge_in("INBOX", some);
  }
  ASSERT_EQ(count("expunged_due"), 1U);
  bool more = true;
  while (more) more = in_transaction(fold_expunged).value();
  EXPECT_EQ(count("expunged_due"), 0U);
  expect_consistent();
}

// Real expunges at random, folded now and then, against a model of what each client knew.
TEST_F(Tombstones, EveryPastStateIsResynchronisedExactly) {
  std::mt19937 random(20261121);
  std::vector<std::uint32_t> alive;
  struct Client {
    std::uint64_t modseq;
    std::vector<std::uint32_t> knew;
  };
  std::vector<Client> clients;
  std::uint32_t next = 1;
  for (int round = 0; round < 60; ++round) {
    append("INBOX", 150);
    for (int i = 0; i < 150; ++i) alive.push_back(next++);
    for (int i = 0; i < 10; ++i) {
      UidSet gone;
      std::shuffle(alive.begin(), alive.end(), random);
      for (std::size_t n = 1 + random() % 20; n > 0 && !alive.empty(); --n) {
        gone.add(alive.back());
        alive.pop_back();
      }
      store("INBOX", gone, FlagChange::add, {kDeleted, {}});
      expunge_in("INBOX");
      if (random() % 8 == 0) clients.push_back({row("INBOX").highestmodseq.value, alive});
    }
    if (round % 5 == 4) fold();
  }
  EXPECT_GT(count("expunged_set"), 0U);
  UidSet living;
  std::sort(alive.begin(), alive.end());
  for (const std::uint32_t uid : alive) living.add(uid);
  for (const Client& client : clients) {
    const UidSet told = vanished(client.modseq);
    UidSet knew;
    std::vector<std::uint32_t> sorted = client.knew;
    std::sort(sorted.begin(), sorted.end());
    for (const std::uint32_t uid : sorted) knew.add(uid);
    EXPECT_EQ(told.intersection(knew), knew.difference(living)) << "since " << client.modseq;
    EXPECT_TRUE(told.intersection(living).empty()) << "since " << client.modseq;
    EXPECT_EQ(changes("INBOX", client.modseq).vanished.intersection(knew), knew.difference(living));
  }
  expect_consistent();
}

// A million messages expunged one by one in random order, as rows put there directly; the fold runs as it would.
TEST_F(Tombstones, AMillionRandomExpungesStaySmallAndExact) {
  constexpr std::uint32_t kMessages = 1'000'000;
  constexpr std::uint32_t kRound = 10'000;
  std::vector<std::uint32_t> order(kMessages);
  std::iota(order.begin(), order.end(), 1);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  test_.execute("update mailbox set uidnext = 1000001, highestmodseq = 1000001 where (account_id, mailbox_id) = (" +
                inbox() + ")");
  const auto octets = [&] {
    return std::stoull(
        test_.value("select coalesce(sum(pg_column_size(s.uids)), 0) from expunged_set s where"
                    " (account_id, mailbox_id) = (" +
                    inbox() + ")"));
  };
  std::uint64_t greatest = 0;
  std::uint64_t most_rows = 0;
  for (std::uint32_t done = 0; done < kMessages; done += kRound) {
    std::string uids = "{";
    for (std::uint32_t i = done; i < done + kRound; ++i) uids += (i > done ? "," : "") + std::to_string(order[i]);
    test_.execute("insert into expunged select " + inbox() + ", " + std::to_string(done + 1) +
                  " + n, uid, uid from unnest('" + uids + "}'::int[]) with ordinality as t (uid, n)");
    fold();
    if ((done + kRound) % 50'000 == 0) greatest = std::max<std::uint64_t>(greatest, octets());
    most_rows = std::max(most_rows, count("expunged") + count("expunged_set"));
    if ((done + kRound) % 250'000 != 0) continue;
    // MODSEQ of the i-th expunge is i + 2.
    const std::uint32_t total = done + kRound;
    for (const std::uint32_t known : {0U, total / 7, total - 5000, total - 1}) {
      std::vector<std::uint32_t> since(order.begin() + known, order.begin() + total);
      std::sort(since.begin(), since.end());
      UidSet expected;
      for (const std::uint32_t uid : since) expected.add(uid);
      const UidSet told = vanished(known + 1);
      ASSERT_TRUE(expected.difference(told).empty()) << known << " of " << total;
      // Nothing that lives.
      std::vector<std::uint32_t> ever(order.begin(), order.begin() + total);
      std::sort(ever.begin(), ever.end());
      UidSet all;
      for (const std::uint32_t uid : ever) all.add(uid);
      ASSERT_TRUE(told.difference(all).empty()) << known << " of " << total;
    }
  }
  std::cout << "a million single expunges at random: at most " << greatest / 1024 << " KiB of sets and " << most_rows
            << " rows meanwhile, " << octets() / 1024 << " KiB in " << count("expunged_set") << " sets at the end\n";
  EXPECT_LT(greatest, 12U << 20);
  EXPECT_LT(octets(), 8U << 20);
  EXPECT_LT(most_rows, 400U);
  EXPECT_EQ(vanished(0), (UidSet{{1, kMessages}}));
}

}  // namespace
}  // namespace cpm::schema
