// ChangeFeed: tells the other nodes which mailboxes changed, and hears of theirs, over one direct connection
// (LISTEN/NOTIFY). A wake-up is a hint: it is sent after the commit, batched, never inside a writing transaction
// (storage-design 6); a lost one only delays: what this node could not send it sends after a reconnect, what it could
// not hear is made up for because everything watched then counts as changed, and
// sessions in IDLE look now and then by themselves. Mailbox 0 stands for the account's names and subscriptions.
// Runs on: its own thread; publish() from any.
#pragma once

#include "base/ids.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace pqxx {
class connection_base;
}

namespace cpm::schema {

class Transaction;

// For a program without a feed of its own (cpmctl): tells all nodes. Call it after the commit of the change, in a run()
// of its own.
void announce(Transaction& tx, AccountId account, MailboxId mailbox);

class ChangeFeed {
 public:
  struct Listener {
    std::function<void(AccountId, MailboxId)> changed;  // on another node
    std::function<void()> lost;                         // wake-ups may have been missed
  };

  ChangeFeed(std::string url, Listener listener);
  ~ChangeFeed() { stop(); }
  ChangeFeed(const ChangeFeed&) = delete;
  ChangeFeed& operator=(const ChangeFeed&) = delete;

  void start();
  void stop();
  void publish(AccountId account, MailboxId mailbox);
  [[nodiscard]] bool connected() const { return connected_; }

 private:
  void run();
  void serve_connection();
  void send_pending(pqxx::connection_base& connection);

  const std::string url_;
  const Listener listener_;
  const std::string node_;  // tells our own notifications from those of others
  std::atomic<bool> stopping_{false};
  std::atomic<bool> connected_{false};
  int wake_ = -1;  // eventfd: something to publish, or stop
  std::mutex mutex_;
  using Hints = std::set<std::pair<std::int64_t, std::int32_t>>;
  static constexpr std::size_t kMostPending = 10000;  // while the connection is away; beyond: everything
  Hints pending_;                                     // protected by mutex_; not sent yet
  bool all_pending_ = false;                          // protected by mutex_
  std::thread thread_;
};

}  // namespace cpm::schema
