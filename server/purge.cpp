#include "server/purge.h"

#include "base/log.h"
#include "schema/append.h"

namespace cpm::server {

namespace {

using namespace std::chrono_literals;

constexpr auto kEvery = 30s;
constexpr auto kGrace = 600s;        // bodies being sent outlive their message by this
constexpr auto kStagedAge = 86400s;  // deposits that never came to their end
constexpr std::size_t kBatch = 500;

}  // namespace

Purge::~Purge() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Purge::wait() {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, kEvery, [this] { return stopping_; });
}

bool Purge::purge_batch() {
  const auto removed =
      db_.run_blocking(60s, [](schema::Transaction& tx) { return schema::purge(tx, kGrace, kStagedAge, kBatch); });
  if (!removed) log::debug("server", "no purge", {{"why", removed.error().detail}});
  const std::lock_guard lock(mutex_);
  return removed && *removed >= kBatch && !stopping_;
}

void Purge::run() {
  while (wait()) {
    while (purge_batch()) {
    }
  }
}

}  // namespace cpm::server
