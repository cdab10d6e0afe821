// Reads the keys that sign tokens: JWK sets (RFC 7517, RFC 7518 6) and PEM. Whatever the file held, a public key leaves
// as PEM.
#include "imap/auth/base64.h"
#include "imap/auth/token_verifier.h"

#include <nlohmann/json.hpp>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace cpm::imap::auth {

namespace {

using Key = TokenVerifier::Key;
using KeyType = TokenVerifier::KeyType;
using Json = nlohmann::json;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Freed<&BIO_free_all>>;
using BigNumber = std::unique_ptr<BIGNUM, Freed<&BN_free>>;
using PublicKey = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<&EVP_PKEY_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<&OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<&OSSL_PARAM_free>>;
using Certificate = std::unique_ptr<X509, Freed<&X509_free>>;

constexpr int kLeastRsaBits = 2048;             // RFC 7518 3.3
constexpr std::size_t kLeastSecretOctets = 32;  // RFC 7518 3.2, for HS256

Error refused(std::string text) { return fail(Failure::invalid, std::move(text)); }

const unsigned char* octets(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Result<Key> from_public_key(EVP_PKEY* key) {
  Key out;
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    if (EVP_PKEY_get_bits(key) < kLeastRsaBits) return refused("an RSA key has fewer than 2048 bits");
    out.type = KeyType::rsa;
  } else if (EVP_PKEY_is_a(key, "EC") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    char group[64] = {};
    std::size_t length = 0;
    EVP_PKEY_get_group_name(key, group, sizeof group, &length);
    const std::string_view curve(group, length);
    if (bits == 256 && curve == "prime256v1") {
      out.type = KeyType::ec256;
    } else if (bits == 384 && curve == "secp384r1") {
      out.type = KeyType::ec384;
    } else if (bits == 521 && curve == "secp521r1") {
      out.type = KeyType::ec521;
    } else {
      return refused("a key uses a curve that no token algorithm knows");
    }
  } else {
    return refused("a key is neither RSA nor EC");
  }
  const Bio to(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PUBKEY(to.get(), key) != 1) return refused("a key cannot be written as PEM");
  char* text = nullptr;
  const long length = BIO_get_mem_data(to.get(), &text);
  out.material.assign(text, static_cast<std::size_t>(length));
  return out;
}

Result<Key> from_parameters(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  const bool ok = parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                  EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  const PublicKey key(made);
  if (!ok) return refused("a key of the set is not valid");
  return from_public_key(key.get());
}

std::string member(const Json& jwk, const char* name) {
  const auto at = jwk.find(name);
  return at != jwk.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string decoded_member(const Json& jwk, const char* name) {
  return base64url_decode(member(jwk, name)).value_or(std::string());
}

Result<Key> rsa_key(const Json& jwk) {
  const std::string n = decoded_member(jwk, "n");
  const std::string e = decoded_member(jwk, "e");
  if (n.empty() || e.empty()) return refused("an RSA key of the set lacks n or e");
  const BigNumber modulus(BN_bin2bn(octets(n), static_cast<int>(n.size()), nullptr));
  const BigNumber exponent(BN_bin2bn(octets(e), static_cast<int>(e.size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return from_parameters("RSA", builder.get());
}

Result<Key> ec_key(const Json& jwk) {
  struct Curve {
    const char* jwk;
    const char* group;
    std::size_t octets;
  };
  static constexpr Curve kCurves[] = {
      {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};
  const std::string crv = member(jwk, "crv");
  const std::string x = decoded_member(jwk, "x");
  const std::string y = decoded_member(jwk, "y");
  for (const Curve& curve : kCurves) {
    if (crv != curve.jwk) continue;
    if (x.size() != curve.octets || y.size() != curve.octets)
      return refused("an EC key of the set has coordinates of a wrong size");
    const std::string point = '\x04' + x + y;
    const Builder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    return from_parameters("EC", builder.get());
  }
  return refused("an EC key of the set uses an unknown curve");
}

Result<Key> secret_key(const Json& jwk) {
  Key key;
  key.type = KeyType::secret;
  key.material = decoded_member(jwk, "k");
  if (key.material.size() < kLeastSecretOctets) return refused("a secret of the set has fewer than 32 octets");
  return key;
}

Result<std::vector<Key>> parse_jwks(std::string_view text) {
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return refused("not a JWK set");
  const Json list = document.contains("keys") ? document["keys"] : Json::array({document});
  if (!list.is_array()) return refused("\"keys\" is not a list");
  std::vector<Key> keys;
  for (const Json& jwk : list) {
    if (!jwk.is_object()) return refused("a member of \"keys\" is not an object");
    const std::string type = member(jwk, "kty");
    const std::string use = member(jwk, "use");
    // RFC 7517 5: keys of types and uses that mean nothing here are passed over.
    if ((!use.empty() && use != "sig") || (type != "RSA" && type != "EC" && type != "oct")) continue;
    auto key = type == "RSA" ? rsa_key(jwk) : type == "EC" ? ec_key(jwk) : secret_key(jwk);
    if (!key) return key.error();
    key->id = member(jwk, "kid");
    key->algorithm = member(jwk, "alg");
    keys.push_back(std::move(*key));
  }
  return keys;
}

Result<std::vector<Key>> parse_pem(std::string_view text) {
  const Bio from(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::vector<Key> keys;
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long length = 0;
    if (PEM_read_bio(from.get(), &name, &header, &data, &length) != 1) break;
    const std::string label(name);
    const unsigned char* at = data;
    PublicKey key;
    if (label == "PUBLIC KEY") {
      key.reset(d2i_PUBKEY(nullptr, &at, length));
    } else if (label == "RSA PUBLIC KEY") {
      key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, length));
    } else if (label == "CERTIFICATE") {
      const Certificate certificate(d2i_X509(nullptr, &at, length));
      if (certificate) key.reset(X509_get_pubkey(certificate.get()));
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    if (!key) return refused("unusable PEM block \"" + label + "\": public keys and certificates are wanted");
    auto made = from_public_key(key.get());
    if (!made) return made.error();
    keys.push_back(std::move(*made));
  }
  return keys;
}

}  // namespace

Result<std::vector<Key>> parse_token_keys(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  auto keys = start != std::string_view::npos && text[start] == '{' ? parse_jwks(text) : parse_pem(text);
  if (keys && keys->empty()) return refused("no key that can sign tokens");
  return keys;
}

}  // namespace cpm::imap::auth
