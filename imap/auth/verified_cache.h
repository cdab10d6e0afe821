// VerifiedCache: remembers for a short time that a password matched, so that clients that log in often do not pay for
// PBKDF2 each time. It keeps a MAC under a key of this process over the stored key and the password: whoever reads it
// learns no password, and a changed password or salt is another entry. Whether the account may log in at all is never
// answered from here.
// Runs on: any thread; one mutex.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace cpm::imap::auth {

class VerifiedCache {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit VerifiedCache(std::chrono::seconds life, std::size_t most = 50'000);

  [[nodiscard]] std::string entry(std::string_view stored_key, std::string_view password) const;
  [[nodiscard]] bool contains(const std::string& entry, Time now) const;
  void remember(const std::string& entry, Time now);
  [[nodiscard]] std::size_t size() const;

 private:
  const std::chrono::seconds life_;
  const std::size_t most_;
  const std::string secret_;
  mutable std::mutex mutex_;
  std::map<std::string, Time> ends_;  // protected by mutex_
};

}  // namespace cpm::imap::auth
