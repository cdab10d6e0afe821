// Workers that the octets of a part have cost: once it may be the machine, each further time it is the part, and to try
// it again costs another worker. A success forgives. Bounded: the one that died longest ago is forgotten first.
// Runs on: any thread, under its owner's mutex.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace cpm::imap {

class WorkerDeaths {
 public:
  using Clock = std::chrono::steady_clock;

  explicit WorkerDeaths(std::size_t remembered = 1000) : remembered_(remembered) {}

  // One more of `origin`. How long it should rest before it is tried again.
  std::chrono::minutes note(const std::string& origin, Clock::time_point now) {
    if (deaths_.size() >= remembered_ && !deaths_.contains(origin)) forget_oldest();
    Death& death = deaths_[origin];
    if (death.number > 0 && now - death.last > kForgotten) death.number = 0;
    death.last = now;
    ++death.number;
    if (death.number == 1) return std::chrono::minutes(1);
    return death.number == 2 ? kHour : kDay;
  }
  void forgive(const std::string& origin) { deaths_.erase(origin); }

  static constexpr std::chrono::minutes kHour{60}, kDay{24 * 60};

 private:
  struct Death {
    int number = 0;
    Clock::time_point last;
  };
  static constexpr std::chrono::minutes kForgotten = 2 * kDay;

  void forget_oldest() {
    deaths_.erase(std::min_element(deaths_.begin(), deaths_.end(),
                                   [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
  }

  const std::size_t remembered_;
  std::map<std::string, Death> deaths_;
};

}  // namespace cpm::imap
