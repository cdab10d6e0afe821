// Purge: removes content that no message refers to any more, little by little. Bodies being sent outlive their message
// (design decision 8).
// Runs on: its own thread.
#pragma once

#include "schema/database.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace cpm::server {

class Purge {
 public:
  explicit Purge(schema::Database& db) : db_(db), thread_([this] { run(); }) {}
  ~Purge();  // waits for the batch that runs
  Purge(const Purge&) = delete;
  Purge& operator=(const Purge&) = delete;

 private:
  void run();
  bool wait();         // false when it is over
  bool purge_batch();  // true when there may be more

  schema::Database& db_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // protected by mutex_
  std::thread thread_;
};

}  // namespace cpm::server
