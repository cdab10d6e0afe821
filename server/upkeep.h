// Upkeep: what the store does for itself, little by little: it removes content that no message refers to any more
// (bodies being sent outlive their message, design decision 8), folds the records of what was expunged, and removes
// messages that have outlived the retention of their account (imap/deliver/retention.h). It also removes access control
// entries that have expired, which count for nothing from their second on, and tells sessions so.
// Runs on: its own thread.
#pragma once

#include "imap/deliver/retention.h"
#include "schema/database.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace cpm::server {

struct UpkeepSettings {
  std::chrono::seconds sweep_every{};  // 0: never
  imap::SweepSettings sweep;
  std::function<void(AccountId, MailboxId)> changed;                     // sessions of all nodes are to be told
  std::function<void(std::uint64_t aged, std::uint64_t deleted)> swept;  // counts
  std::chrono::seconds seal_every{};                                     // the record of changes; 0: never
  std::chrono::seconds audit_keep{};
  std::chrono::seconds undelete_keep{};
  std::uint64_t convert_cache_octets = 0;                                   // results of conversions of all accounts
  std::function<void(std::uint64_t octets, std::uint64_t removed)> cached;  // what is kept of them, what was removed
};

class Upkeep {
 public:
  Upkeep(schema::Database& db, UpkeepSettings settings)
      : db_(db), settings_(std::move(settings)), thread_([this] { run(); }) {}
  ~Upkeep();  // waits for the batch that runs
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  void run();
  bool wait();  // false when it is over
  // Each a small transaction; true when there may be more to do.
  bool purge();
  bool fold();
  bool expire_acl();
  bool sweep_reader_flags();
  bool expire_removed();
  bool evict_conversions();
  void seal();
  void months();
  bool sweep();
  void sweep(AccountId account);
  bool stopping();

  schema::Database& db_;
  const UpkeepSettings settings_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // protected by mutex_
  std::chrono::steady_clock::time_point reader_flags_at_{};
  std::chrono::steady_clock::time_point conversions_at_{};
  std::chrono::steady_clock::time_point months_at_;  // when the months of the record are looked at again
  std::thread thread_;
};

}  // namespace cpm::server
