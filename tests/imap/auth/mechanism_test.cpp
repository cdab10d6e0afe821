#include "imap/auth/mechanism.h"

#include "imap/auth/base64.h"
#include "imap/auth/verified_cache.h"

#include <gtest/gtest.h>

namespace cpm::imap::auth {
namespace {

using namespace std::literals;
using Kind = Step::Kind;

Step plain(std::string_view message) {
  const Settings settings;
  return find_mechanism("PLAIN")->make(MechanismContext{settings})->step(message);
}

TEST(Plain, TakesThreeParts) {
  const struct {
    std::string message, authzid, name, password;
  } rows[] = {
      {"\0user\0pass"s, "", "user", "pass"},         {"tel:+1\0svc@x\0p w"s, "tel:+1", "svc@x", "p w"},
      {"user\0user\0pass"s, "user", "user", "pass"}, {"\0u\0p\xc3\xa4ss"s, "", "u", "p\xc3\xa4ss"},
      {"\0u\0pass\r\n"s, "", "u", "pass\r\n"},
  };
  for (const auto& row : rows) {
    const Step step = plain(row.message);
    ASSERT_EQ(step.kind, Kind::password) << row.name;
    EXPECT_EQ(step.identity.authzid, row.authzid);
    EXPECT_EQ(step.identity.name, row.name);
    EXPECT_EQ(step.data, row.password);
  }
}

TEST(Plain, RefusesAnythingElse) {
  for (const std::string& message : {""s, "user"s, "user\0pass"s, "\0\0"s, "\0\0pass"s, "\0user\0"s, "a\0b\0c\0"s,
                                     "a\0b\0c\0d"s, "\0u\0"s + std::string(5000, 'x')}) {
    const Step step = plain(message);
    EXPECT_EQ(step.kind, Kind::ended) << message.size();
    EXPECT_EQ(step.error.failure, Failure::bad_syntax);
  }
}

TEST(External, TakesItsNameFromTheCertificate) {
  const Settings settings;
  TlsInfo tls;
  tls.client_certificate = "pf.example.net";
  const auto make = [&] { return find_mechanism("EXTERNAL")->make(MechanismContext{settings, &tls}); };
  Step step = make()->step("");
  EXPECT_EQ(step.kind, Kind::identity);
  EXPECT_EQ(step.identity.name, "pf.example.net");
  EXPECT_EQ(step.identity.authzid, "");
  step = make()->step("tel:+15550100");
  EXPECT_EQ(step.identity.authzid, "tel:+15550100");
  EXPECT_EQ(make()->step("a\0b"sv).kind, Kind::ended);
  EXPECT_EQ(make()->step("\xff").kind, Kind::ended);
}

std::string offers(const MechanismContext& context) {
  std::string all;
  for (const MechanismSpec& spec : mechanisms()) {
    if (offered(spec, context)) all += std::string(spec.name) + ' ';
  }
  return all;
}

TEST(Mechanisms, AreOfferedWhereTheyAreSafe) {
  Settings settings;
  EXPECT_EQ(offers({settings}), "SCRAM-SHA-256 ");
  EXPECT_EQ(offers({settings, nullptr, true}), "PLAIN SCRAM-SHA-256 ");
  TlsInfo tls;
  EXPECT_EQ(offers({settings, &tls}), "PLAIN SCRAM-SHA-256 ");
  tls.tls_exporter = "x";
  EXPECT_EQ(offers({settings, &tls}), "PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS ");
  tls.client_certificate = "pf";
  EXPECT_EQ(offers({settings, &tls}), "PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS EXTERNAL ");
  settings.mechanisms = {"EXTERNAL"};
  EXPECT_EQ(offers({settings, &tls}), "EXTERNAL ");
  EXPECT_EQ(find_mechanism("CRAM-MD5"), nullptr);
}

TEST(Gs2Header, ReadsFlagBindingAndAuthzid) {
  const auto header = parse_gs2_header("p=tls-exporter,a=b=2Cc,rest,more");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->flag, 'p');
  EXPECT_EQ(header->binding, "tls-exporter");
  EXPECT_EQ(header->authzid, "b,c");
  EXPECT_EQ(header->length, 23U);
}

TEST(Base64, IsStrict) {
  EXPECT_EQ(base64_encode("\0user"s), "AHVzZXI=");
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(*base64_decode("AHVzZXI="), "\0user"s);
  EXPECT_EQ(*base64_decode(""), "");
  for (const char* text : {"AHVzZXI", "AHVz ZXI=", "A===", "=", "AHVzZXI==", "AB=C", "AHVzZX%=", "AB=="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
  EXPECT_EQ(*base64url_decode("-_8"), "\xfb\xff");
  EXPECT_FALSE(base64url_decode("+/8"));
}

TEST(VerifiedCache, ForgetsInTime) {
  VerifiedCache cache(60s, 4);
  const VerifiedCache::Time start{};
  const std::string entry = cache.entry("key", "1234");
  EXPECT_FALSE(cache.contains(entry, start));
  cache.remember(entry, start);
  EXPECT_TRUE(cache.contains(entry, start + 59s));
  EXPECT_FALSE(cache.contains(entry, start + 60s));
  EXPECT_FALSE(cache.contains(cache.entry("other key", "1234"), start));
  EXPECT_FALSE(cache.contains(cache.entry("key", "1235"), start));
}

TEST(VerifiedCache, IsBoundedAndCanBeOff) {
  VerifiedCache cache(60s, 4);
  for (int i = 0; i < 100; ++i) cache.remember(cache.entry("key", std::to_string(i)), VerifiedCache::Time{});
  EXPECT_LE(cache.size(), 4U);
  VerifiedCache off(0s);
  off.remember(off.entry("key", "1"), VerifiedCache::Time{});
  EXPECT_EQ(off.size(), 0U);
}

TEST(VerifiedCache, MeansNothingToAnotherProcess) {
  EXPECT_NE(VerifiedCache(60s).entry("key", "1234"), VerifiedCache(60s).entry("key", "1234"));
}

}  // namespace
}  // namespace cpm::imap::auth
