// Ends waits that libpq would never end by itself: a database that is frozen, a pooler that holds the query. The
// connection is shut down below libpq, which then reports it as lost.
// Runs on: its own thread; Waiting any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace cpm::schema {

// What the user of a connection waits on, and until when it should have an answer.
struct Watched {
  std::mutex guard;
  int socket = -1;                                     // protected by guard; -1 while nothing is executed
  std::chrono::steady_clock::time_point answer_until;  // protected by guard
};

class Watchdog {
 public:
  explicit Watchdog(std::vector<std::shared_ptr<Watched>> watched);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // From now on nothing is waited for longer than `patience`.
  void hurry(std::chrono::milliseconds patience);

 private:
  void run();

  const std::vector<std::shared_ptr<Watched>> watched_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;  // protected by mutex_
  // protected by mutex_
  std::chrono::steady_clock::time_point latest_ = std::chrono::steady_clock::time_point::max();
  std::thread thread_;
};

// Registers a wait for as long as it lives.
class Waiting {
 public:
  Waiting(Watched& watched, int socket, std::chrono::steady_clock::time_point until);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Watched& watched_;
};

}  // namespace cpm::schema
