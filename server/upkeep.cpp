#include "server/upkeep.h"

#include "base/log.h"
#include "schema/append.h"
#include "schema/tombstones.h"

namespace cpm::server {

namespace {

using namespace std::chrono_literals;

constexpr auto kEvery = 30s;
constexpr auto kGrace = 600s;        // bodies being sent outlive their message by this
constexpr auto kStagedAge = 86400s;  // deposits that never came to their end
constexpr std::size_t kBatch = 500;

}  // namespace

Upkeep::~Upkeep() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Upkeep::wait() {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, kEvery, [this] { return stopping_; });
}

bool Upkeep::purge() {
  const auto removed =
      db_.run_blocking(60s, [](schema::Transaction& tx) { return schema::purge(tx, kGrace, kStagedAge, kBatch); });
  if (!removed) log::debug("server", "no purge", {{"why", removed.error().detail}});
  return removed && *removed >= kBatch && !stopping();
}

bool Upkeep::fold() {
  const auto folded = db_.run_blocking(60s, schema::fold_expunged);
  if (!folded) log::debug("server", "expunged ranges not folded", {{"why", folded.error().detail}});
  return folded && *folded && !stopping();
}

bool Upkeep::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Upkeep::run() {
  while (wait()) {
    while (purge()) {
    }
    while (fold()) {
    }
  }
}

}  // namespace cpm::server
