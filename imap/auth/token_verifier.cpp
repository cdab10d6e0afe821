#include "imap/auth/token_verifier.h"

#include "imap/auth/base64.h"

#include <nlohmann/json.hpp>

#include <jwt.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace cpm::imap::auth {

namespace {

using Key = TokenVerifier::Key;
using KeyType = TokenVerifier::KeyType;
using Json = nlohmann::json;
using Clock = std::chrono::system_clock;

constexpr std::size_t kMostOctets = 16 * 1024;  // of a token

struct Algorithm {
  const char* name;
  jwt_alg_t number;
  KeyType key;
  std::size_t least_secret;  // octets; RFC 7518 3.2
};
constexpr Algorithm kAlgorithms[] = {
    {"HS256", JWT_ALG_HS256, KeyType::secret, 32}, {"HS384", JWT_ALG_HS384, KeyType::secret, 48},
    {"HS512", JWT_ALG_HS512, KeyType::secret, 64}, {"RS256", JWT_ALG_RS256, KeyType::rsa, 0},
    {"RS384", JWT_ALG_RS384, KeyType::rsa, 0},     {"RS512", JWT_ALG_RS512, KeyType::rsa, 0},
    {"ES256", JWT_ALG_ES256, KeyType::ec256, 0},   {"ES384", JWT_ALG_ES384, KeyType::ec384, 0},
    {"ES512", JWT_ALG_ES512, KeyType::ec521, 0},
};

const Algorithm* find_algorithm(std::string_view name) {
  const auto* at = std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                                [&](const Algorithm& one) { return one.name == name; });
  return at == std::end(kAlgorithms) ? nullptr : at;
}

bool serves(const Key& key, const Algorithm& algorithm) {
  return key.type == algorithm.key && (key.algorithm.empty() || key.algorithm == algorithm.name) &&
         (key.type != KeyType::secret || key.material.size() >= algorithm.least_secret);
}

Error refused(std::string why) {
  return fail(Failure::auth_failed, "Authentication failed", "token: " + std::move(why));
}

// The payload as JSON when the signature is right.
std::optional<std::string> decode(std::string_view token, const Key& key, const Algorithm& algorithm) {
  jwt_t* raw = nullptr;
  const std::string text(token);
  if (jwt_decode(&raw, text.c_str(), reinterpret_cast<const unsigned char*>(key.material.data()),
                 static_cast<int>(key.material.size())) != 0) {
    return std::nullopt;
  }
  const std::unique_ptr<jwt_t, decltype(&jwt_free)> jwt(raw, &jwt_free);
  if (jwt_get_alg(jwt.get()) != algorithm.number) return std::nullopt;
  const std::unique_ptr<char, decltype(&std::free)> json(jwt_get_grants_json(jwt.get(), nullptr), &std::free);
  if (!json) return std::nullopt;
  return std::string(json.get());
}

// RFC 7519 2 NumericDate, compared as a number: hostile values do not fit a time_point.
std::optional<double> numeric_date(const Json& claims, const char* name) {
  const auto at = claims.find(name);
  if (at == claims.end() || !at->is_number()) return std::nullopt;
  const double value = at->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool names_audience(const Json& claims, const std::string& audience) {
  const auto at = claims.find("aud");
  if (at == claims.end()) return false;
  if (at->is_string()) return at->get<std::string>() == audience;
  return at->is_array() &&
         std::any_of(at->begin(), at->end(), [&](const Json& one) { return one.is_string() && one == audience; });
}

}  // namespace

Result<std::shared_ptr<const TokenVerifier>> TokenVerifier::load(const TokenSettings& settings) {
  std::shared_ptr<TokenVerifier> made(new TokenVerifier(settings));
  if (settings.issuer.empty() || settings.audience.empty() || settings.claim.empty()) {
    return fail(Failure::invalid, "tokens need an issuer, an audience and a claim");
  }
  for (const std::string& file : settings.key_files) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    if (!in) return fail(Failure::invalid, file + ": cannot be read");
    auto keys = parse_token_keys(text.str());
    if (!keys) return fail(Failure::invalid, file + ": " + keys.error().text);
    made->keys_.insert(made->keys_.end(), keys->begin(), keys->end());
  }
  bool useful = false;
  for (const std::string& name : settings.algorithms) {
    const Algorithm* algorithm = find_algorithm(name);
    if (algorithm == nullptr) return fail(Failure::invalid, "unknown token algorithm " + name);
    useful = useful || std::any_of(made->keys_.begin(), made->keys_.end(),
                                   [&](const Key& key) { return serves(key, *algorithm); });
  }
  if (!useful) return fail(Failure::invalid, "no key serves any of the token algorithms that are allowed");
  return std::shared_ptr<const TokenVerifier>(std::move(made));
}

Result<std::string> TokenVerifier::verify(std::string_view token, Clock::time_point now) const {
  if (token.size() > kMostOctets) return refused("too long");
  if (std::count(token.begin(), token.end(), '.') != 2) return refused("not a signed JWT");
  const auto header_text = base64url_decode(token.substr(0, token.find('.')));
  if (!header_text) return refused("header is not base64url");
  const Json header = Json::parse(*header_text, nullptr, false);
  if (!header.is_object()) return refused("header is not JSON");
  const auto alg = header.find("alg");
  if (alg == header.end() || !alg->is_string()) return refused("no algorithm");
  const std::string name = alg->get<std::string>();
  // What the token says of itself only chooses among what is allowed (RFC 8725 3.1).
  const bool allowed =
      std::find(settings_.algorithms.begin(), settings_.algorithms.end(), name) != settings_.algorithms.end();
  const Algorithm* algorithm = allowed ? find_algorithm(name) : nullptr;
  if (algorithm == nullptr) return refused("algorithm not allowed");
  if (header.contains("crit")) return refused("critical header that is not understood");
  const auto kid = header.find("kid");
  const std::string id = kid != header.end() && kid->is_string() ? kid->get<std::string>() : std::string();
  for (const Key& key : keys_) {
    if (!serves(key, *algorithm) || (!id.empty() && !key.id.empty() && key.id != id)) continue;
    if (const auto claims = decode(token, key, *algorithm)) return check_claims(*claims, now);
  }
  return refused("no key verifies it");
}

Result<std::string> TokenVerifier::check_claims(const std::string& json, Clock::time_point now) const {
  const Json claims = Json::parse(json, nullptr, false);
  if (!claims.is_object()) return refused("claims are not an object");
  const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  const double leeway = std::chrono::duration<double>(settings_.leeway).count();
  const auto expires = numeric_date(claims, "exp");
  if (!expires) return refused("no expiry");
  if (seconds >= *expires + leeway) return refused("expired");
  for (const char* name : {"nbf", "iat"}) {
    if (!claims.contains(name)) continue;
    const auto begins = numeric_date(claims, name);
    if (!begins || seconds + leeway < *begins) return refused(std::string("not valid yet by ") + name);
  }
  const auto issuer = claims.find("iss");
  if (issuer == claims.end() || !issuer->is_string() || *issuer != settings_.issuer) return refused("wrong issuer");
  if (!names_audience(claims, settings_.audience)) return refused("wrong audience");
  const auto address = claims.find(settings_.claim);
  if (address == claims.end() || !address->is_string() || address->get<std::string>().empty()) {
    return refused("no claim " + settings_.claim);
  }
  // OpenID Connect Core 5.1: an address that its issuer has not verified identifies nobody.
  if (settings_.claim == "email" && claims.contains("email_verified") && claims["email_verified"] != true) {
    return refused("address not verified");
  }
  return address->get<std::string>();
}

}  // namespace cpm::imap::auth
