// Base64 of SASL exchanges (RFC 4648 4 and 5), strict: whole quartets, padding only at the end, no other characters.
// Runs on: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap::auth {

[[nodiscard]] std::string base64_encode(std::string_view octets);
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);
// The alphabet of JSON Web Tokens, without padding.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace cpm::imap::auth
