#include "imap/auth/base64.h"
#include "imap/auth/mechanism.h"
#include "imap/auth/token_verifier.h"

#include <gtest/gtest.h>

#include <jwt.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include <unistd.h>

namespace cpm::imap::auth {
namespace {

using namespace std::chrono_literals;

constexpr long kNow = 1'800'000'000;
const std::chrono::system_clock::time_point kTime{std::chrono::seconds(kNow)};
constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";

struct KeyPair {
  std::string secret, shared;  // PEM
};

std::string read(BIO* bio) {
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<std::size_t>(length));
  BIO_free(bio);
  return out;
}

KeyPair make_pair(EVP_PKEY* key) {
  BIO* secret = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr);
  BIO* shared = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(shared, key);
  EVP_PKEY_free(key);
  return {read(secret), read(shared)};
}

const KeyPair& rsa() {
  static const KeyPair pair = make_pair(EVP_RSA_gen(2048));
  return pair;
}
const KeyPair& ec() {
  static const KeyPair pair = make_pair(EVP_EC_gen("P-256"));
  return pair;
}

class File {
 public:
  explicit File(const std::string& text) {
    static int number = 0;
    path_ = (std::filesystem::temp_directory_path() /
             ("cpm_keys_" + std::to_string(getpid()) + "_" + std::to_string(number++)))
                .string();
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~File() { std::filesystem::remove(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TokenSettings settings(std::vector<std::string> algorithms) {
  TokenSettings out;
  out.algorithms = std::move(algorithms);
  out.issuer = "https://issuer.example";
  out.audience = "cpmstore";
  return out;
}

std::shared_ptr<const TokenVerifier> verifier(const std::string& keys, std::vector<std::string> algorithms) {
  const File file(keys);
  TokenSettings with = settings(std::move(algorithms));
  with.key_files = {file.path()};
  auto loaded = TokenVerifier::load(with);
  if (!loaded) throw std::runtime_error(loaded.error().text);
  return *loaded;
}

std::string claims(const std::string& more = {}) {
  return R"({"iss":"https://issuer.example","aud":"cpmstore","exp":)" + std::to_string(kNow + 60) +
         R"(,"email":"alice@example.net")" + more + "}";
}

std::string sign(jwt_alg_t algorithm, const std::string& key, const std::string& grants, const std::string& kid = {}) {
  jwt_t* raw = nullptr;
  jwt_new(&raw);
  const std::unique_ptr<jwt_t, decltype(&jwt_free)> jwt(raw, &jwt_free);
  jwt_add_grants_json(raw, grants.c_str());
  if (!kid.empty()) jwt_add_header(raw, "kid", kid.c_str());
  jwt_set_alg(raw, algorithm, reinterpret_cast<const unsigned char*>(key.data()), static_cast<int>(key.size()));
  const std::unique_ptr<char, decltype(&std::free)> text(jwt_encode_str(raw), &std::free);
  return text ? text.get() : "";
}

std::string url(std::string text) {
  std::string out = base64_encode(text);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::string jwks_secret() {
  return R"({"keys":[{"kty":"oct","kid":"s","alg":"HS256","k":")" + url(kSecret) + R"("}]})";
}

std::string why(const std::shared_ptr<const TokenVerifier>& with, const std::string& token) {
  const auto result = with->verify(token, kTime);
  return result ? "accepted " + *result : result.error().detail;
}

TEST(Token, AcceptsEachKindOfKey) {
  EXPECT_EQ(why(verifier(rsa().shared, {"RS256"}), sign(JWT_ALG_RS256, rsa().secret, claims())),
            "accepted alice@example.net");
  EXPECT_EQ(why(verifier(ec().shared, {"ES256"}), sign(JWT_ALG_ES256, ec().secret, claims())),
            "accepted alice@example.net");
  EXPECT_EQ(why(verifier(jwks_secret(), {"HS256"}), sign(JWT_ALG_HS256, kSecret, claims())),
            "accepted alice@example.net");
}

TEST(Token, TriesTheKeysThatFit) {
  const auto both = verifier(ec().shared + rsa().shared, {"RS256", "ES256"});
  EXPECT_EQ(why(both, sign(JWT_ALG_RS256, rsa().secret, claims())), "accepted alice@example.net");
  EXPECT_EQ(why(both, sign(JWT_ALG_ES256, ec().secret, claims())), "accepted alice@example.net");
  EXPECT_EQ(why(both, sign(JWT_ALG_ES256, make_pair(EVP_EC_gen("P-256")).secret, claims())),
            "token: no key verifies it");
}

TEST(Token, RefusesAlgorithmNone) {
  const std::string token = url(R"({"alg":"none"})") + "." + url(claims()) + ".";
  EXPECT_EQ(why(verifier(rsa().shared, {"RS256"}), token), "token: algorithm not allowed");
  const File file(rsa().shared);
  TokenSettings with = settings({"RS256", "none"});
  with.key_files = {file.path()};
  EXPECT_FALSE(TokenVerifier::load(with));
}

TEST(Token, RefusesAPublicKeyAsSharedSecret) {
  const std::string token = sign(JWT_ALG_HS256, rsa().shared, claims());
  EXPECT_EQ(why(verifier(rsa().shared, {"RS256"}), token), "token: algorithm not allowed");
  const File keys(rsa().shared);
  const File secret(jwks_secret());
  TokenSettings with = settings({"RS256", "HS256"});
  with.key_files = {keys.path(), secret.path()};
  const auto both = TokenVerifier::load(with);
  ASSERT_TRUE(both);
  EXPECT_EQ(why(*both, token), "token: no key verifies it");
}

TEST(Token, RefusesAnAlgorithmThatIsNotListed) {
  EXPECT_EQ(why(verifier(rsa().shared, {"RS512"}), sign(JWT_ALG_RS256, rsa().secret, claims())),
            "token: algorithm not allowed");
}

TEST(Token, RefusesForgedOctets) {
  const auto with = verifier(ec().shared, {"ES256"});
  std::string token = sign(JWT_ALG_ES256, ec().secret, claims());
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  const std::string forged = token.substr(0, first + 1) + url(claims(R"(,"x":1)")) + token.substr(second);
  EXPECT_EQ(why(with, forged), "token: no key verifies it");
  EXPECT_EQ(why(with, token.substr(0, second + 1)), "token: no key verifies it");
  EXPECT_EQ(why(with, token.substr(0, second)), "token: not a signed JWT");
  EXPECT_EQ(why(with, "a.b.c"), "token: header is not base64url");
  EXPECT_EQ(why(with, ""), "token: not a signed JWT");
  EXPECT_EQ(why(with, std::string(20'000, 'x')), "token: too long");
}

TEST(Token, RefusesCriticalHeaders) {
  const std::string token = url(R"({"alg":"RS256","crit":["x"],"x":1})") + "." + url(claims()) + ".AAAA";
  EXPECT_EQ(why(verifier(rsa().shared, {"RS256"}), token), "token: critical header that is not understood");
}

TEST(Token, ChecksEachClaim) {
  const auto with = verifier(ec().shared, {"ES256"});
  const auto token = [](const std::string& grants) { return sign(JWT_ALG_ES256, ec().secret, grants); };
  const auto times = [](const std::string& dates) {
    return R"({"iss":"https://issuer.example","aud":["x","cpmstore"],"email":"a@b")" + dates + "}";
  };
  const auto at = [](const char* name, long offset) {
    return ",\"" + std::string(name) + "\":" + std::to_string(kNow + offset);
  };
  EXPECT_EQ(why(with, token(times(at("exp", 60)))), "accepted a@b");
  EXPECT_EQ(why(with, token(times(at("exp", -29)))), "accepted a@b");
  EXPECT_EQ(why(with, token(times(at("exp", -30)))), "token: expired");
  EXPECT_EQ(why(with, token(times(""))), "token: no expiry");
  EXPECT_EQ(why(with, token(times(",\"exp\":\"9999999999\""))), "token: no expiry");
  EXPECT_EQ(why(with, token(times(at("exp", 60) + at("nbf", 30)))), "accepted a@b");
  EXPECT_EQ(why(with, token(times(at("exp", 60) + at("nbf", 31)))), "token: not valid yet by nbf");
  EXPECT_EQ(why(with, token(times(at("exp", 60) + at("iat", 31)))), "token: not valid yet by iat");
  EXPECT_EQ(why(with, token(times(at("exp", 60) + ",\"nbf\":\"now\""))), "token: not valid yet by nbf");
  const std::string expiry = at("exp", 60);
  EXPECT_EQ(why(with, token(R"({"iss":"https://other","aud":"cpmstore","email":"a@b")" + expiry + "}")),
            "token: wrong issuer");
  EXPECT_EQ(why(with, token(R"({"aud":"cpmstore","email":"a@b")" + expiry + "}")), "token: wrong issuer");
  EXPECT_EQ(why(with, token(R"({"iss":"https://issuer.example","aud":"other","email":"a@b")" + expiry + "}")),
            "token: wrong audience");
  EXPECT_EQ(why(with, token(R"({"iss":"https://issuer.example","aud":["other"],"email":"a@b")" + expiry + "}")),
            "token: wrong audience");
  EXPECT_EQ(why(with, token(R"({"iss":"https://issuer.example","email":"a@b")" + expiry + "}")),
            "token: wrong audience");
  EXPECT_EQ(why(with, token(R"({"iss":"https://issuer.example","aud":"cpmstore")" + expiry + "}")),
            "token: no claim email");
  EXPECT_EQ(why(with, token(R"({"iss":"https://issuer.example","aud":"cpmstore","email":7)" + expiry + "}")),
            "token: no claim email");
  EXPECT_EQ(why(with, token(claims(R"(,"email_verified":false)"))), "token: address not verified");
  EXPECT_EQ(why(with, token(claims(R"(,"email_verified":true)"))), "accepted alice@example.net");
}

TEST(TokenKeys, ChooseByKeyId) {
  const auto with = verifier(jwks_secret(), {"HS256"});
  EXPECT_EQ(why(with, sign(JWT_ALG_HS256, kSecret, claims(), "s")), "accepted alice@example.net");
  EXPECT_EQ(why(with, sign(JWT_ALG_HS256, kSecret, claims(), "t")), "token: no key verifies it");
}

// RFC 7517 A.1 holds an EC and an RSA key.
constexpr const char* kRfcKeys = R"({"keys":[
 {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
 {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"2"},
 {"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"},
 {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

TEST(TokenKeys, ReadAJwkSet) {
  const auto keys = parse_token_keys(kRfcKeys);
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ((*keys)[0].type, TokenVerifier::KeyType::ec256);
  EXPECT_EQ((*keys)[0].id, "2");
  EXPECT_EQ((*keys)[1].type, TokenVerifier::KeyType::rsa);
  EXPECT_EQ((*keys)[1].algorithm, "RS256");
  EXPECT_TRUE((*keys)[1].material.starts_with("-----BEGIN PUBLIC KEY-----"));
}

TEST(TokenKeys, RefuseWhatCannotSign) {
  EXPECT_FALSE(parse_token_keys(""));
  EXPECT_FALSE(parse_token_keys("{}"));
  EXPECT_FALSE(parse_token_keys("{\"keys\":7}"));
  EXPECT_FALSE(parse_token_keys(R"({"keys":[{"kty":"oct","k":"c2hvcnQ"}]})"));
  EXPECT_FALSE(parse_token_keys(R"({"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]})"));
  EXPECT_FALSE(parse_token_keys(R"({"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]})"));
  EXPECT_FALSE(parse_token_keys(rsa().secret));
  EXPECT_FALSE(parse_token_keys(make_pair(EVP_RSA_gen(1024)).shared));
}

TEST(TokenKeys, FailToLoadWithAReason) {
  TokenSettings with = settings({"ES256"});
  with.key_files = {"/nonexistent/keys"};
  EXPECT_FALSE(TokenVerifier::load(with));
  const File file(rsa().shared);
  with.key_files = {file.path()};
  EXPECT_FALSE(TokenVerifier::load(with));  // an RSA key serves no ES256
  with.algorithms = {"RS256"};
  EXPECT_TRUE(TokenVerifier::load(with));
  with.issuer.clear();
  EXPECT_FALSE(TokenVerifier::load(with));
}

Step bearer(const std::string& message) {
  Settings auth_settings;
  MechanismContext context{auth_settings};
  context.tokens = verifier(ec().shared, {"ES256"});
  return find_mechanism("OAUTHBEARER")->make(context)->step(message);
}

std::string fresh_token() {
  const long expiry =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count() +
      600;
  return sign(JWT_ALG_ES256, ec().secret,
              R"({"iss":"https://issuer.example","aud":"cpmstore","email":"alice@example.net","exp":)" +
                  std::to_string(expiry) + "}");
}

TEST(OAuthBearer, TakesTheAddressOfTheToken) {
  Step step = bearer(
      "n,a=tel:+1,\x01host=x\x01port=143\x01"
      "auth=Bearer " +
      fresh_token() + "\x01\x01");
  ASSERT_EQ(step.kind, Step::Kind::identity);
  EXPECT_EQ(step.identity.name, "alice@example.net");
  EXPECT_EQ(step.identity.authzid, "tel:+1");
  step = bearer(
      "y,,\x01"
      "auth=bearer " +
      fresh_token() + "\x01\x01");
  EXPECT_EQ(step.kind, Step::Kind::identity);
  EXPECT_EQ(step.identity.authzid, "");
}

TEST(OAuthBearer, ExplainsRefusalsInJson) {
  const std::string token = fresh_token();
  const std::pair<std::string, const char*> rows[] = {
      {"n,,\x01"
       "auth=Bearer x\x01\x01",
       R"({"status":"invalid_token"})"},
      {"n,,\x01"
       "auth=Basic " +
           token + "\x01\x01",
       R"({"status":"invalid_token"})"},
      {"n,,\x01"
       "auth=Bearer\x01\x01",
       R"({"status":"invalid_token"})"},
      {"n,,\x01"
       "auth=Bearer " +
           token + "\x01",
       R"({"status":"invalid_request"})"},
      {"n,,\x01"
       "auth=Bearer " +
           token + "\x01\x01x",
       R"({"status":"invalid_request"})"},
      {"n,,\x01host\x01"
       "auth=Bearer " +
           token + "\x01\x01",
       R"({"status":"invalid_request"})"},
      {"n,,\x01host=x\x01\x01", R"({"status":"invalid_request"})"},
      {"n,,auth=Bearer " + token + "\x01\x01", R"({"status":"invalid_request"})"},
      {"p=tls-exporter,,\x01"
       "auth=Bearer " +
           token + "\x01\x01",
       R"({"status":"invalid_request"})"},
      {"\x01", R"({"status":"invalid_request"})"},
      {"", R"({"status":"invalid_request"})"},
  };
  for (const auto& [message, answer] : rows) {
    const Step step = bearer(message);
    EXPECT_EQ(step.kind, Step::Kind::failed) << message;
    EXPECT_EQ(step.data, answer) << message;
  }
}

TEST(OAuthBearer, IsOfferedUnderTlsWithKeysOnly) {
  Settings auth_settings;
  MechanismContext context{auth_settings};
  const MechanismSpec& spec = *find_mechanism("OAUTHBEARER");
  const TlsInfo tls;
  EXPECT_FALSE(offered(spec, context));
  context.tokens = verifier(ec().shared, {"ES256"});
  EXPECT_FALSE(offered(spec, context));
  context.tls = &tls;
  EXPECT_TRUE(offered(spec, context));
}

}  // namespace
}  // namespace cpm::imap::auth
