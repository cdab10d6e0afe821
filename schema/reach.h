// Whether the database is there, shared by all database threads. While it is away one thread at a time tries to
// connect, with growing pauses; the others wait for its answer, or fail at once during a pause. Loss and recovery are
// logged once each.
// Runs on: db threads; reachable() any.
#pragma once

#include "schema/database.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>

namespace cpm::schema {

class Database::Reach {
 public:
  using Clock = std::chrono::steady_clock;

  // Whether the caller may connect now; it then calls connected() or failed().
  [[nodiscard]] bool may_connect(Clock::time_point expires);
  // A connection was made.
  void connected();
  // A connection in use gave an answer. Shortly after a loss that says nothing: others may not have noticed yet.
  void worked();
  void failed(const std::string& detail);
  // A connection broke in use; whether the server is there is seen by connecting again, at once.
  void lost(const std::string& detail);
  [[nodiscard]] bool reachable() const noexcept { return reachable_; }

  // Between half of `upper` and `upper`.
  [[nodiscard]] static std::chrono::milliseconds jitter(std::chrono::milliseconds upper);

 private:
  void up(std::unique_lock<std::mutex> lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool down_ = false;        // protected by mutex_, as the next four
  bool probing_ = false;     // somebody is connecting to a server that was away
  Clock::time_point next_;   // not before
  Clock::time_point since_;  // down since
  std::chrono::milliseconds delay_{0};
  std::atomic<bool> reachable_ = false;
};

}  // namespace cpm::schema
