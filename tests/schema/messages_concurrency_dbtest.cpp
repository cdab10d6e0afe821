// Several sessions on one mailbox: no UID twice, no MODSEQ lost, and who follows by changes_since() sees every change.
#include "tests/schema/store_fixture.h"

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

namespace cpm::schema {
namespace {

// Counts a writer out, also when an assertion ends it: followers wait for that.
struct Leaving {
  explicit Leaving(std::atomic<int>& writers) : writers_(writers) {}
  ~Leaving() { --writers_; }
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  std::atomic<int>& writers_;
};

class Concurrency : public Store {
 protected:
  static constexpr std::chrono::milliseconds kPatience{60000};

  // A thread with a connection of its own.
  template <class Function>
  void start(Function function) {
    threads_.emplace_back([this, function] {
      Database database({test_.url(), 1, true, 10});
      function(database);
    });
  }
  void join() {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }
  Result<AppendResult> append_by(Database& database, std::string_view path, FlagSet flags) {
    return database.run_blocking(kPatience, [&](Transaction& tx) -> Result<AppendResult> {
      CPM_TRY(grant, authorize(tx, alice_, path, kInsert));
      CPM_TRY(staged, stage(tx, grant.account(), new_message("octets", flags), limits_));
      std::vector<StagedMessage> messages{staged};
      return deposit(tx, grant, messages, limits_);
    });
  }

  std::vector<std::thread> threads_;
};

TEST_F(Concurrency, WritersAndFollowersOfOneMailbox) {
  std::mutex mutex;
  std::set<std::uint32_t> given;  // protected by mutex, as the next
  std::set<std::uint64_t> modseqs;
  std::size_t commands = 0;
  std::atomic<int> writers = 4;
  const auto note = [&](std::uint64_t modseq, const UidSet& uids) {
    const std::lock_guard lock(mutex);
    ++commands;
    EXPECT_TRUE(modseqs.insert(modseq).second) << "MODSEQ " << modseq << " twice";
    for (const std::uint32_t uid : uids.numbers()) EXPECT_TRUE(given.insert(uid).second) << "UID " << uid << " twice";
  };
  for (unsigned seed = 0; seed < 4; ++seed) {
    start([&, seed](Database& database) {
      const Leaving leaving(writers);
      std::mt19937 random(seed);
      const auto pick = [&](unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random); };
      for (int i = 0; i < 150; ++i) {
        const UidSet some{{1 + pick(60), 60 + pick(60)}};
        if (const unsigned what = pick(8); what < 4) {
          const auto done = append_by(database, "INBOX",
                                      {pick(16), pick(3) == 0 ? std::vector<std::string>{"k" + std::to_string(pick(9))}
                                                              : std::vector<std::string>{}});
          ASSERT_TRUE(done.has_value()) << done.error().detail;
          note(done->highestmodseq.value, done->uids);
        } else if (what < 6) {
          const StoreRequest request{
              some, static_cast<FlagChange>(pick(3)), {pick(16), {"k" + std::to_string(pick(9))}}, {}};
          const auto done = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<StoreResult> {
            CPM_TRY(grant, authorize(tx, alice_, "INBOX", kRead));
            return store_flags(tx, grant, request, limits_);
          });
          ASSERT_TRUE(done.has_value()) << done.error().detail;
          if (!done->changed.empty()) note(done->highestmodseq.value, {});
        } else if (what == 6) {
          const auto done = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<ExpungeResult> {
            CPM_TRY(grant, authorize(tx, alice_, "INBOX", kRead));
            return expunge(tx, grant, UidSet{{1, 1 + pick(200)}});
          });
          ASSERT_TRUE(done.has_value()) << done.error().detail;
          if (!done->uids.empty()) note(done->highestmodseq.value, {});
        } else {
          // Both directions at once: the order of locks keeps them from waiting for each other.
          const bool back = pick(2) == 0;
          const bool move = pick(2) == 0;
          const auto done = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<CopyResult> {
            CPM_TRY(inbox, authorize(tx, alice_, "INBOX", kRead));
            CPM_TRY(other, authorize(tx, alice_, "Default", kRead));
            const UidSet few{{1, 1 + pick(20)}};
            if (move)
              return back ? move_messages(tx, other, few, inbox, limits_)
                          : move_messages(tx, inbox, few, other, limits_);
            return copy_messages(tx, inbox, few, other, limits_);
          });
          ASSERT_TRUE(done.has_value()) << done.error().detail;
          if (done->source.empty()) continue;
          if (move && !back) note(done->source_modseq.value, {});
          if (move && back) {  // the MODSEQ in INBOX is not told: it is read from the messages below
            const std::lock_guard lock(mutex);
            ++commands;
            for (const std::uint32_t uid : done->target.numbers()) EXPECT_TRUE(given.insert(uid).second);
          }
        }
      }
    });
  }

  // Followers keep a copy by increments; at the end it must be what a fresh reader gets.
  std::vector<std::map<std::uint32_t, MessageFlags>> copies(2);
  for (auto& copy : copies) {
    start([&](Database& database) {
      ModSeq known{0};
      bool last = false;
      while (true) {
        const bool final_round = std::exchange(last, writers == 0);
        const auto set = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<ChangeSet> {
          CPM_TRY(grant, authorize(tx, alice_, "INBOX", kRead));
          return changes_since(tx, grant, known);
        });
        ASSERT_TRUE(set.has_value()) << set.error().detail;
        EXPECT_GE(set->mailbox.highestmodseq, known);
        for (const MessageFlags& message : set->changed) {
          EXPECT_GT(message.modseq, known);
          EXPECT_LE(message.modseq, set->mailbox.highestmodseq);
          copy[message.uid.value] = message;
        }
        for (const std::uint32_t uid : set->vanished.numbers()) copy.erase(uid);
        EXPECT_EQ(copy.size(), set->mailbox.messages);
        known = set->mailbox.highestmodseq;
        if (final_round) return;
      }
    });
  }
  join();
  const ChangeSet all = changes("INBOX");
  for (const auto& copy : copies) {
    ASSERT_EQ(copy.size(), all.changed.size());
    for (const MessageFlags& message : all.changed) EXPECT_EQ(copy.at(message.uid.value), message);
  }
  EXPECT_EQ(given.size(), all.mailbox.uidnext.value - 1);
  EXPECT_EQ(commands, all.mailbox.highestmodseq.value - 1);
  expect_consistent();
}

TEST_F(Concurrency, PurgeBesideWriters) {
  std::atomic<int> writers = 2;
  for (int t = 0; t < 2; ++t) {
    start([&](Database& database) {
      const Leaving leaving(writers);
      for (int i = 0; i < 60; ++i) {
        ASSERT_TRUE(append_by(database, "INBOX", {kDeleted, {}}).has_value());
        const auto done = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<ExpungeResult> {
          CPM_TRY(inbox, authorize(tx, alice_, "INBOX", kRead));
          CPM_TRY(other, authorize(tx, alice_, "Default", kRead));
          CPM_CHECK(copy_messages(tx, inbox, UidSet{{1, kMaxWireNumber}}, other, limits_));
          return expunge(tx, inbox, {});
        });
        ASSERT_TRUE(done.has_value()) << done.error().detail;
        const auto gone = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<ExpungeResult> {
          CPM_TRY(other, authorize(tx, alice_, "Default", kRead));
          return expunge(tx, other, {});
        });
        ASSERT_TRUE(gone.has_value()) << gone.error().detail;
      }
    });
  }
  start([&](Database& database) {
    bool last = false;
    while (true) {
      const bool final_round = std::exchange(last, writers == 0);
      const auto done = database.run_blocking(
          kPatience, [&](Transaction& tx) { return purge(tx, std::chrono::seconds(0), std::chrono::hours(24), 10); });
      ASSERT_TRUE(done.has_value()) << done.error().detail;
      if (final_round && *done == 0) return;
    }
  });
  join();
  expect_consistent();
  EXPECT_EQ(
      test_.value("select count(*) from content_chunk where account_id = " + std::to_string(alice_.account.value)),
      "0");
}

}  // namespace
}  // namespace cpm::schema
