// Upkeep: what the store does for itself, little by little: it removes content that no message refers to any more
// (bodies being sent outlive their message, design decision 8) and folds the records of what was expunged.
// Runs on: its own thread.
#pragma once

#include "schema/database.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace cpm::server {

class Upkeep {
 public:
  explicit Upkeep(schema::Database& db) : db_(db), thread_([this] { run(); }) {}
  ~Upkeep();  // waits for the batch that runs
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  void run();
  bool wait();  // false when it is over
  // Each a small transaction; true when there may be more to do.
  bool purge();
  bool fold();
  bool stopping();

  schema::Database& db_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // protected by mutex_
  std::thread thread_;
};

}  // namespace cpm::server
