#include "schema/watchdog.h"

#include <sys/socket.h>

#include <algorithm>

namespace cpm::schema {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLook{250};
constexpr milliseconds kGrace{2000};  // statement_timeout should have ended it before

}  // namespace

Watchdog::Watchdog(std::vector<std::shared_ptr<Watched>> watched)
    : watched_(std::move(watched)), thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Watchdog::hurry(milliseconds patience) {
  const std::lock_guard lock(mutex_);
  latest_ = Clock::now() + patience;
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return ending_; })) {
    const Clock::time_point now = Clock::now();
    for (const auto& watched : watched_) {
      const std::lock_guard guard(watched->guard);
      if (watched->socket >= 0 && now > std::min(watched->answer_until + kGrace, latest_)) {
        ::shutdown(watched->socket, SHUT_RDWR);
      }
    }
  }
}

Waiting::Waiting(Watched& watched, int socket, Clock::time_point until) : watched_(watched) {
  const std::lock_guard guard(watched_.guard);
  watched_.socket = socket;
  watched_.answer_until = until;
}

Waiting::~Waiting() {
  const std::lock_guard guard(watched_.guard);
  watched_.socket = -1;
}

}  // namespace cpm::schema
