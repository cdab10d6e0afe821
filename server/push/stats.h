// Counts of push for the metrics. Runs on: any thread.
#pragma once

#include "schema/outbox.h"

#include <array>
#include <atomic>
#include <mutex>
#include <vector>

namespace cpm::server::push {

struct Counts {
  std::atomic<std::uint64_t> delivered{0};  // events
  std::atomic<std::uint64_t> failed{0};     // attempts
  std::atomic<std::uint64_t> dead{0};       // events
};

class Stats {
 public:
  [[nodiscard]] Counts& of(schema::PushSink sink) { return counts_.at(static_cast<std::size_t>(sink) - 1); }
  void set_backlog(std::vector<schema::PushBacklog> backlog) {
    const std::lock_guard lock(mutex_);
    backlog_ = std::move(backlog);
  }
  [[nodiscard]] std::vector<schema::PushBacklog> backlog() const {
    const std::lock_guard lock(mutex_);
    return backlog_;
  }

 private:
  std::array<Counts, 2> counts_;
  mutable std::mutex mutex_;
  std::vector<schema::PushBacklog> backlog_;  // protected by mutex_; some seconds old
};

}  // namespace cpm::server::push
