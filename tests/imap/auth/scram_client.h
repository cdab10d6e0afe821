// The client's half of SCRAM-SHA-256, for tests: written from RFC 5802 3, sharing nothing with the server but the hash
// functions.
// Runs on: any thread.
#pragma once

#include "imap/auth/base64.h"
#include "schema/credentials.h"

#include <openssl/evp.h>

#include <string>
#include <string_view>

namespace cpm::imap::auth {

struct ScramClient {
  std::string password;
  std::string gs2 = "n,,";
  std::string binding;  // channel-binding data
  std::string name = "user";
  std::string nonce = "rOprNGfwEbeRWgbNEkqO";
  std::string server_signature;  // expected, after final()

  [[nodiscard]] std::string first() const { return gs2 + bare(); }
  [[nodiscard]] std::string bare() const { return "n=" + name + ",r=" + nonce; }

  std::string final(std::string_view server_first) {
    const auto value = [&](std::string_view key) {
      const std::size_t at = server_first.find(key) + key.size();
      return server_first.substr(at, std::min(server_first.find(',', at), server_first.size()) - at);
    };
    const std::string full_nonce(value("r="));
    const std::string salt = *base64_decode(value(",s="));
    const int iterations = std::stoi(std::string(value(",i=")));
    std::string salted(32, '\0');
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                      reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()), iterations,
                      EVP_sha256(), 32, reinterpret_cast<unsigned char*>(salted.data()));
    const std::string client_key = schema::hmac_sha256(salted, "Client Key");
    const std::string without_proof = "c=" + base64_encode(gs2 + binding) + ",r=" + full_nonce;
    const std::string auth_message = bare() + "," + std::string(server_first) + "," + without_proof;
    std::string proof = schema::hmac_sha256(schema::scram_hash(client_key), auth_message);
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    server_signature =
        "v=" + base64_encode(schema::hmac_sha256(schema::hmac_sha256(salted, "Server Key"), auth_message));
    return without_proof + ",p=" + base64_encode(proof);
  }
};

}  // namespace cpm::imap::auth
