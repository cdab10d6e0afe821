#include "schema/reach.h"

#include "base/log.h"

#include <algorithm>
#include <random>

namespace cpm::schema {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kFirstDelay{100};  // between attempts to connect, doubled each time
constexpr milliseconds kLongestDelay{5000};
constexpr milliseconds kDoubt{2000};  // after a loss, in which answers on other connections are not believed

}  // namespace

milliseconds Database::Reach::jitter(milliseconds upper) {
  thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(std::uniform_int_distribution<milliseconds::rep>(upper.count() / 2, upper.count())(random));
}

bool Database::Reach::may_connect(Clock::time_point expires) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, expires, [this] { return !probing_; })) return false;
  if (!down_) return true;
  if (Clock::now() < next_) return false;
  probing_ = true;
  return true;
}

void Database::Reach::connected() {
  if (!reachable_.load(std::memory_order_relaxed)) up(std::unique_lock(mutex_));
}

void Database::Reach::worked() {
  if (reachable_.load(std::memory_order_relaxed)) return;
  std::unique_lock lock(mutex_);
  if (Clock::now() >= since_ + kDoubt) up(std::move(lock));
}

void Database::Reach::up(std::unique_lock<std::mutex> lock) {
  const bool recovered = down_;
  down_ = probing_ = false;
  delay_ = milliseconds(0);
  reachable_ = true;
  lock.unlock();
  changed_.notify_all();
  if (recovered) log::info("db", "database is back");
}

void Database::Reach::failed(const std::string& detail) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = !down_;
    // Several that failed together, before anybody knew, make one pause.
    if (!down_ || probing_ || Clock::now() >= next_) {
      delay_ = std::clamp(delay_ * 2, kFirstDelay, kLongestDelay);
      next_ = Clock::now() + jitter(delay_);
    }
    if (first) since_ = Clock::now();
    down_ = true;
    probing_ = reachable_ = false;
  }
  changed_.notify_all();
  if (first) log::warn("db", "database is away", {{"detail", detail}});
}

void Database::Reach::lost(const std::string& detail) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = !down_;
    if (first) next_ = since_ = Clock::now();
    down_ = true;
    reachable_ = false;
  }
  if (first) log::warn("db", "database connection lost", {{"detail", detail}});
}

}  // namespace cpm::schema
