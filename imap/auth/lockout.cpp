#include "imap/auth/lockout.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace cpm::imap::auth {

namespace {

constexpr std::size_t kMostEntries = 100'000;  // names are chosen by strangers
constexpr std::size_t kMostNameOctets = 256;   // of a name that is kept
constexpr std::size_t kMostDoublings = 6;      // a lock grows to 64 times the configured time
constexpr std::chrono::hours kLockMemory{24};

std::string short_name(std::string_view name) { return std::string(name.substr(0, kMostNameOctets)); }

template <class Duration>
Duration doubled(Duration first, std::size_t times, Duration most) {
  for (; times > 0 && first < most; --times) first *= 2;
  return std::min(first, most);
}

}  // namespace

std::string network_of(std::string_view text) {
  boost::system::error_code bad;
  auto address = boost::asio::ip::make_address(std::string(text), bad);
  if (bad) return std::string(text);
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  if (address.is_v4()) {
    auto octets = address.to_v4().to_bytes();
    octets[3] = 0;
    return boost::asio::ip::address_v4(octets).to_string() + "/24";
  }
  auto octets = address.to_v6().to_bytes();
  std::fill(octets.begin() + 8, octets.end(), static_cast<unsigned char>(0));
  return boost::asio::ip::address_v6(octets).to_string() + "/64";
}

std::chrono::milliseconds Lockout::locked_for(std::string_view name, const PeerInfo& peer, Time now) const {
  const std::lock_guard lock(mutex_);
  Time until = now;
  if (const auto at = counts_.find({LockoutEntry::Kind::name, short_name(name)}); at != counts_.end()) {
    until = std::max(until, at->second.locked_until);
  }
  if (!peer.loopback) {
    const auto at = counts_.find({LockoutEntry::Kind::network, network_of(peer.address)});
    if (at != counts_.end()) until = std::max(until, at->second.locked_until);
  }
  return std::chrono::ceil<std::chrono::milliseconds>(until - now);
}

std::chrono::milliseconds Lockout::failed(std::string_view name, const PeerInfo& peer, Time now) {
  const std::lock_guard lock(mutex_);
  if (!peer.loopback) count({LockoutEntry::Kind::network, network_of(peer.address)}, settings_.network_failures, now);
  if (name.empty()) return settings_.first_delay;
  const Key by_name{LockoutEntry::Kind::name, short_name(name)};
  count(by_name, settings_.name_failures, now);
  const std::size_t failures = counts_[by_name].failures;
  // The failure that locked the name set its count back.
  const std::size_t before = failures == 0 ? settings_.name_failures - 1 : failures - 1;
  return doubled(settings_.first_delay, before, settings_.longest_delay);
}

void Lockout::count(const Key& key, std::size_t most, Time now) {
  if (!counts_.contains(key)) make_room(now);
  Count& one = counts_[key];
  if (now < one.locked_until) return;  // guesses that were under way when the lock came do not lengthen it
  if (now >= one.window_ends) {
    one.failures = 0;
    one.window_ends = now + settings_.window;
  }
  if (now >= one.forget_at) one.locks = 0;
  ++one.failures;
  if (most == 0 || one.failures < most) return;
  const auto longest = settings_.lock_time * (std::int64_t{1} << kMostDoublings);
  one.locked_until = now + doubled(settings_.lock_time, one.locks, longest);
  one.forget_at = one.locked_until + kLockMemory;
  ++one.locks;
  // The lock is the punishment; after it the name starts again with a full count.
  one.failures = 0;
  one.window_ends = one.locked_until;
}

// Entries that say nothing any more go first; then those whose memory ends first, so that a flood of invented names
// pushes out its own.
void Lockout::make_room(Time now) {
  if (counts_.size() < kMostEntries) return;
  std::erase_if(counts_, [now](const auto& entry) {
    return now >= entry.second.window_ends && now >= entry.second.locked_until && now >= entry.second.forget_at;
  });
  if (counts_.size() < kMostEntries) return;
  std::vector<Time> ends;
  ends.reserve(counts_.size());
  const auto end_of = [](const Count& one) { return std::max({one.window_ends, one.locked_until, one.forget_at}); };
  for (const auto& [key, one] : counts_) ends.push_back(end_of(one));
  const auto middle = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() / 8);
  std::nth_element(ends.begin(), middle, ends.end());
  const Time limit = *middle;
  std::size_t left = counts_.size() / 8 + 1;
  std::erase_if(counts_, [&](const auto& entry) { return left > 0 && end_of(entry.second) <= limit && left-- > 0; });
}

void Lockout::succeeded(std::string_view name) {
  const std::lock_guard lock(mutex_);
  counts_.erase({LockoutEntry::Kind::name, short_name(name)});
}

bool Lockout::clear(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const std::size_t names = counts_.erase({LockoutEntry::Kind::name, short_name(key)});
  return names + counts_.erase({LockoutEntry::Kind::network, network_of(key)}) > 0;
}

std::vector<LockoutEntry> Lockout::entries(Time now) const {
  const std::lock_guard lock(mutex_);
  std::vector<LockoutEntry> all;
  for (const auto& [key, one] : counts_) {
    if (now >= one.window_ends && now >= one.locked_until) continue;
    LockoutEntry entry;
    entry.kind = key.first;
    entry.key = key.second;
    entry.failures = now >= one.window_ends ? 0 : one.failures;
    entry.locks = one.locks;
    if (one.locked_until > now) entry.locked_for = std::chrono::ceil<std::chrono::seconds>(one.locked_until - now);
    all.push_back(std::move(entry));
  }
  return all;
}

}  // namespace cpm::imap::auth
