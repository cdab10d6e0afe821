#include "server/push/breaker.h"

namespace cpm::server::push {

namespace {

constexpr std::size_t kMostReceivers = 10'000;  // that fail at a time

}  // namespace

bool Breaker::allow(const std::string& origin, Clock::time_point now) {
  const auto at = states_.find(origin);
  if (at == states_.end() || at->second.failures < most_) return true;
  if (now < at->second.until) return false;
  at->second.until = now + time_;  // this one is the trial
  return true;
}

void Breaker::succeeded(const std::string& origin) { states_.erase(origin); }

void Breaker::failed(const std::string& origin, Clock::time_point now) {
  if (states_.size() >= kMostReceivers) states_.clear();  // they are learned again
  State& state = states_[origin];
  ++state.failures;
  if (state.failures >= most_) state.until = now + time_;
}

Breaker::Clock::time_point Breaker::closed_until(const std::string& origin) const {
  const auto at = states_.find(origin);
  return at == states_.end() || at->second.failures < most_ ? Clock::time_point{} : at->second.until;
}

std::vector<std::string> Breaker::open(Clock::time_point now) const {
  std::vector<std::string> out;
  for (const auto& [origin, state] : states_) {
    if (state.failures >= most_ && now < state.until) out.push_back(origin);
  }
  return out;
}

}  // namespace cpm::server::push
