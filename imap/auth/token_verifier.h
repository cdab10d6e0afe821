// TokenVerifier: checks OAuth 2.0 bearer tokens that are JSON Web Tokens (RFC 7519, RFC 8725) with the keys of
// configured files. A key serves only the algorithms of its type, and only those the operator lists: "none" and the use
// of a public key as a shared secret are impossible.
// Runs on: any thread; constant after load().
#pragma once

#include "base/result.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::auth {

struct TokenSettings {
  std::vector<std::string> key_files;  // JWK sets (RFC 7517) or PEM public keys or certificates
  std::vector<std::string> algorithms = {"RS256", "ES256"};
  std::string issuer;               // required `iss`
  std::string audience;             // one of `aud`
  std::string claim = "email";      // the claim with the user's address
  std::chrono::seconds leeway{30};  // clock difference forgiven in exp, nbf and iat
};

class TokenVerifier {
 public:
  // Failure::invalid with the file and the reason in `text`: unreadable, no key, unknown algorithm, no key for any
  // algorithm.
  [[nodiscard]] static Result<std::shared_ptr<const TokenVerifier>> load(const TokenSettings& settings);

  // The address in the token. Failure::auth_failed with the reason in `detail` only.
  [[nodiscard]] Result<std::string> verify(std::string_view token, std::chrono::system_clock::time_point now) const;

  enum class KeyType { secret, rsa, ec256, ec384, ec521 };
  struct Key {
    KeyType type = KeyType::rsa;
    std::string id;         // `kid`; may be empty
    std::string algorithm;  // `alg` of the JWK; empty: any of its type
    std::string material;   // PEM, or the octets of a secret
  };

 private:
  explicit TokenVerifier(TokenSettings settings) : settings_(std::move(settings)) {}
  [[nodiscard]] Result<std::string> check_claims(const std::string& json,
                                                 std::chrono::system_clock::time_point now) const;

  TokenSettings settings_;
  std::vector<Key> keys_;
};

// The keys in the text of one file. Failure::invalid.
[[nodiscard]] Result<std::vector<TokenVerifier::Key>> parse_token_keys(std::string_view text);

}  // namespace cpm::imap::auth
