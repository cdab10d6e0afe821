// Password keys: SCRAM-SHA-256 keys are all that is stored of a password (RFC 5802 3, RFC 7677). Made here for cpmctl
// and used by imap/auth to verify; text is prepared with SASLprep (RFC 4013) on both sides.
// Runs on: any thread;
// derive_scram_keys() is slow on purpose and belongs on the cpu pool.
#pragma once

#include "base/result.h"
#include "schema/accounts.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cpm::schema {

// Work for one guess; RFC 7677 4 asks for at least 4096. Unknown names are answered with the same number.
inline constexpr std::uint32_t kScramIterations = 65'536;  // Cyrus SASL's clients refuse more
inline constexpr std::uint32_t kLeastScramIterations = 4096;
inline constexpr std::uint32_t kMostScramIterations = 10'000'000;
inline constexpr std::size_t kPasswordOctets = 1024;  // longer ones are refused when set and never match

enum class Saslprep {
  query,   // what a client sent: code points that Unicode 3.2 does not assign are let through
  stored,  // what is going to be stored: they are refused
};

// Failure::invalid: not UTF-8, a prohibited character, or mixed directions. May give an empty text.
[[nodiscard]] Result<std::string> saslprep(std::string_view text, Saslprep use);

// With a new random salt. Failure::invalid: empty or unusable password, iterations out of bounds.
[[nodiscard]] Result<ScramKeys> make_scram_keys(std::string_view password, std::uint32_t iterations = kScramIterations);

// PBKDF2 and the two keys from an already prepared password.
[[nodiscard]] ScramKeys derive_scram_keys(std::string_view prepared, std::string salt, std::uint32_t iterations);

// True when `prepared` is the password; always the whole work, compared in constant time.
[[nodiscard]] bool matches_password(const ScramKeys& keys, std::string_view prepared);

// Raw octets.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view text);
[[nodiscard]] std::string scram_hash(std::string_view text);
[[nodiscard]] std::string random_octets(std::size_t count);
[[nodiscard]] bool equal_secrets(std::string_view a, std::string_view b) noexcept;  // time depends on the lengths only

}  // namespace cpm::schema
