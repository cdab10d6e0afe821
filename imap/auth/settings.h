// What the operator decides about authentication; server/ fills it from the `auth.*` keys.
// Runs on: any thread; constant.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::auth {

class TokenVerifier;

// Bounds on guessing (lockout.h). Zero failures: never locked.
struct LockoutSettings {
  std::size_t name_failures = 10;      // of one name within `window`
  std::size_t network_failures = 100;  // of one peer network within `window`
  std::chrono::seconds window{600};
  std::chrono::seconds lock_time{300};        // the first lock; each further one within a day doubles it
  std::chrono::milliseconds first_delay{50};  // before the answer to a first failure; doubles with each
  std::chrono::milliseconds longest_delay{4000};
};

struct Settings {
  // SASL names, and LOGIN for the LOGIN command; what is not listed is not offered.
  std::vector<std::string> mechanisms = {"PLAIN",       "LOGIN",   "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
                                         "OAUTHBEARER", "EXTERNAL"};
  std::chrono::seconds cache{60};  // how long a verified password spares the next slow check; 0: not at all
  LockoutSettings lockout;
  // Null: no OAUTHBEARER. Made by TokenVerifier::load (token_verifier.h); Authenticator::set_tokens changes it at run
  // time.
  std::shared_ptr<const TokenVerifier> tokens;

  [[nodiscard]] bool offers(std::string_view mechanism) const {
    for (const std::string& one : mechanisms) {
      if (one == mechanism) return true;
    }
    return false;
  }
};

}  // namespace cpm::imap::auth
