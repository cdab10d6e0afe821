// Lockout: counts failed log-ins per name and per peer network (/24, /64) and says how long to wait or to refuse. Its
// clock is an argument, so that it can be tested by arithmetic. State of this node only: a restart forgets it.
// Runs on: any thread; one mutex.
#pragma once

#include "base/stream.h"
#include "imap/auth/settings.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cpm::imap::auth {

struct LockoutEntry {
  enum class Kind { name, network };
  Kind kind = Kind::name;
  std::string key;                    // "alice@example.net", "192.0.2.0/24"
  std::size_t failures = 0;           // in the present window
  std::size_t locks = 0;              // in a row
  std::chrono::seconds locked_for{};  // from now; 0: not locked
};

// "192.0.2.0/24", "2001:db8:1:2::/64"; an IPv4-mapped address counts as IPv4. The text itself when it is not an
// address.
[[nodiscard]] std::string network_of(std::string_view address);

class Lockout {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  explicit Lockout(LockoutSettings settings) : settings_(settings) {}

  // How long this name or this peer is refused yet; 0: it may try. Loopback peers have no network.
  [[nodiscard]] std::chrono::milliseconds locked_for(std::string_view name, const PeerInfo& peer, Time now) const;

  // Counts a failure; returns how long the answer must wait. An empty name (nobody was named) counts for the network
  // only.
  [[nodiscard]] std::chrono::milliseconds failed(std::string_view name, const PeerInfo& peer, Time now);

  // Forgets the failures of the name. Those of the network stay: one good account must not buy free guesses at the
  // others.
  void succeeded(std::string_view name);

  // Forgets a name, a network or the network of an address, locks in a row too. False: there was nothing to forget.
  bool clear(std::string_view key);

  [[nodiscard]] std::vector<LockoutEntry> entries(Time now) const;  // names and networks with failures in their window

 private:
  using Key = std::pair<LockoutEntry::Kind, std::string>;
  struct Count {
    std::size_t failures = 0;
    std::size_t locks = 0;
    Time window_ends;
    Time locked_until;
    Time forget_at;  // locks in a row are counted up to here
  };
  void count(const Key& key, std::size_t most, Time now);
  void make_room(Time now);

  const LockoutSettings settings_;
  mutable std::mutex mutex_;
  std::map<Key, Count> counts_;  // protected by mutex_
};

}  // namespace cpm::imap::auth
