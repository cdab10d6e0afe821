#include "schema/credentials.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <unicode/unistr.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace cpm::schema {

namespace {

constexpr std::size_t kSaltOctets = 16;

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool plain_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// The profile's tables, opened once; ICU lets all threads read them.
const UStringPrepProfile* profile() {
  static const std::unique_ptr<UStringPrepProfile, decltype(&usprep_close)> opened = [] {
    UErrorCode status = U_ZERO_ERROR;
    UStringPrepProfile* made = usprep_openByType(USPREP_RFC4013_SASLPREP, &status);
    if (U_FAILURE(status)) throw std::runtime_error(std::string("ICU has no SASLprep tables: ") + u_errorName(status));
    return std::unique_ptr<UStringPrepProfile, decltype(&usprep_close)>(made, &usprep_close);
  }();
  return opened.get();
}

std::string pbkdf2(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  const int done =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets(salt), static_cast<int>(salt.size()),
                        static_cast<int>(iterations), EVP_sha256(), SHA256_DIGEST_LENGTH, octets(out));
  if (done != 1) throw std::runtime_error("PBKDF2 failed");
  return out;
}

}  // namespace

Result<std::string> saslprep(std::string_view text, Saslprep use) {
  if (plain_ascii(text)) return std::string(text);
  const Error refused = fail(Failure::invalid, "text holds characters that are not allowed here");
  UErrorCode status = U_ZERO_ERROR;
  std::u16string wide(text.size(), u'\0');  // UTF-16 never needs more units than UTF-8 octets
  std::int32_t length = 0;
  u_strFromUTF8(wide.data(), static_cast<std::int32_t>(wide.size()), &length, text.data(),
                static_cast<std::int32_t>(text.size()), &status);
  if (U_FAILURE(status)) return refused;
  // NFKC makes one unit into at most 18.
  std::u16string prepared(static_cast<std::size_t>(length) * 18 + 1, u'\0');
  status = U_ZERO_ERROR;
  const std::int32_t options = use == Saslprep::query ? USPREP_ALLOW_UNASSIGNED : USPREP_DEFAULT;
  const std::int32_t written = usprep_prepare(profile(), wide.data(), length, prepared.data(),
                                              static_cast<std::int32_t>(prepared.size()), options, nullptr, &status);
  if (U_FAILURE(status)) return refused;
  std::string out;
  icu::UnicodeString(prepared.data(), written).toUTF8String(out);
  return out;
}

ScramKeys derive_scram_keys(std::string_view prepared, std::string salt, std::uint32_t iterations) {
  std::string salted = pbkdf2(prepared, salt, iterations);
  ScramKeys keys;
  keys.stored_key = scram_hash(hmac_sha256(salted, "Client Key"));
  keys.server_key = hmac_sha256(salted, "Server Key");
  keys.salt = std::move(salt);
  keys.iterations = iterations;
  OPENSSL_cleanse(salted.data(), salted.size());
  return keys;
}

Result<ScramKeys> make_scram_keys(std::string_view password, std::uint32_t iterations) {
  if (iterations < kLeastScramIterations || iterations > kMostScramIterations) {
    return fail(Failure::invalid, "iterations must be between 4096 and 10000000");
  }
  if (password.size() > kPasswordOctets) return fail(Failure::invalid, "the password is too long");
  CPM_TRY(prepared, saslprep(password, Saslprep::stored));
  if (prepared.empty()) return fail(Failure::invalid, "the password is empty");
  return derive_scram_keys(prepared, random_octets(kSaltOctets), iterations);
}

bool matches_password(const ScramKeys& keys, std::string_view prepared) {
  const ScramKeys derived = derive_scram_keys(prepared.substr(0, kPasswordOctets), keys.salt, keys.iterations);
  const bool equal = equal_secrets(derived.stored_key, keys.stored_key);
  return equal && prepared.size() <= kPasswordOctets;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  unsigned length = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(text), text.size(), octets(out), &length) ==
      nullptr) {
    throw std::runtime_error("HMAC failed");
  }
  return out;
}

std::string scram_hash(std::string_view text) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(octets(text), text.size(), octets(out));
  return out;
}

std::string random_octets(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(octets(out), static_cast<int>(count)) != 1) throw std::runtime_error("no random numbers");
  return out;
}

bool equal_secrets(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace cpm::schema
