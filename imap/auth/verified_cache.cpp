#include "imap/auth/verified_cache.h"

#include "schema/credentials.h"

namespace cpm::imap::auth {

VerifiedCache::VerifiedCache(std::chrono::seconds life, std::size_t most)
    : life_(life), most_(most), secret_(schema::random_octets(32)) {}

std::string VerifiedCache::entry(std::string_view stored_key, std::string_view password) const {
  // The stored key has a fixed length, so the two cannot be cut differently.
  return schema::hmac_sha256(secret_, std::string(stored_key) + std::string(password));
}

bool VerifiedCache::contains(const std::string& entry, Time now) const {
  const std::lock_guard lock(mutex_);
  const auto at = ends_.find(entry);
  return at != ends_.end() && now < at->second;
}

void VerifiedCache::remember(const std::string& entry, Time now) {
  if (life_.count() == 0) return;
  const std::lock_guard lock(mutex_);
  if (ends_.size() >= most_) {
    std::erase_if(ends_, [now](const auto& one) { return now >= one.second; });
    // All are fresh: entries are MACs, so their order is random and any half is as good.
    while (ends_.size() > most_ / 2) ends_.erase(ends_.begin());
  }
  ends_[entry] = now + life_;
}

std::size_t VerifiedCache::size() const {
  const std::lock_guard lock(mutex_);
  return ends_.size();
}

}  // namespace cpm::imap::auth
