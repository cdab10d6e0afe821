// ChangeFeed: tells the other nodes which mailboxes changed, and hears of theirs, over one direct connection
// (LISTEN/NOTIFY). A wake-up is a hint: it is sent after the commit, batched, never inside a writing transaction
// (storage-design 6); a lost one only delays, because after a reconnect everything watched counts as changed, and
// sessions in IDLE look now and then by themselves.
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

namespace cpm::schema {

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
  std::set<std::pair<std::int64_t, std::int32_t>> take_pending();

  const std::string url_;
  const Listener listener_;
  const std::string node_;  // tells our own notifications from those of others
  std::atomic<bool> stopping_{false};
  std::atomic<bool> connected_{false};
  int wake_ = -1;  // eventfd: something to publish, or stop
  std::mutex mutex_;
  std::set<std::pair<std::int64_t, std::int32_t>> pending_;  // protected by mutex_
  std::thread thread_;
};

}  // namespace cpm::schema
