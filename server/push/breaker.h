// Breaker: leaves a receiver alone for a while when it fails again and again, then lets one request through.
// One for each scheme://host:port. A node learns for itself: a network may be cut for it alone.
// Runs on: the push thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace cpm::server::push {

class Breaker {
 public:
  using Clock = std::chrono::steady_clock;
  Breaker(std::size_t failures, std::chrono::milliseconds time) : most_(failures), time_(time) {}

  // Whether a request may be made now. After the time only one may, until it is known what became of it.
  [[nodiscard]] bool allow(const std::string& origin, Clock::time_point now);
  void succeeded(const std::string& origin);
  void failed(const std::string& origin, Clock::time_point now);
  // Until when nothing is to be sent; in the past: now.
  [[nodiscard]] Clock::time_point closed_until(const std::string& origin) const;
  [[nodiscard]] std::vector<std::string> open(Clock::time_point now) const;  // to which nothing may be sent

 private:
  struct State {
    std::size_t failures = 0;
    Clock::time_point until;
  };
  const std::size_t most_;
  const std::chrono::milliseconds time_;
  std::map<std::string, State> states_;  // receivers whose last request failed
};

}  // namespace cpm::server::push
