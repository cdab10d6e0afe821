#include "imap/auth/scram_sha_256.h"

#include "imap/auth/base64.h"
#include "schema/credentials.h"
#include "tests/imap/auth/scram_client.h"

#include <gtest/gtest.h>

namespace cpm::imap::auth {
namespace {

using Kind = Step::Kind;

constexpr const char* kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

schema::ScramKeys pencil_keys() {
  return schema::derive_scram_keys("pencil", *base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
}

ScramSha256 server(bool plus = false, bool plus_offered = false, TlsInfo tls = {}) {
  ScramSha256::Options options;
  options.plus = plus;
  options.plus_offered = plus_offered;
  options.tls = std::move(tls);
  options.nonce = kServerNonce;
  return ScramSha256(std::move(options));
}

TlsInfo bound() {
  TlsInfo tls;
  tls.tls_exporter = "exporter octets";
  tls.tls_server_end_point = "end point octets";
  return tls;
}

// RFC 7677 3
TEST(ScramSha256, SpeaksTheExampleOfTheRfc) {
  ScramSha256 scram = server();
  Step step = scram.step("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  ASSERT_EQ(step.kind, Kind::keys);
  EXPECT_EQ(step.identity.name, "user");
  step = scram.supply(pencil_keys(), true);
  ASSERT_EQ(step.kind, Kind::challenge);
  EXPECT_EQ(step.data, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  step = scram.step(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  ASSERT_EQ(step.kind, Kind::challenge);
  EXPECT_EQ(step.data, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  step = scram.step("");
  ASSERT_EQ(step.kind, Kind::identity);
  EXPECT_EQ(step.identity.name, "user");
  EXPECT_EQ(step.identity.authzid, "");
  EXPECT_EQ(*step.identity.stored_key, pencil_keys().stored_key);
}

Step run(ScramSha256& scram, ScramClient& client, bool usable = true) {
  Step step = scram.step(client.first());
  if (step.kind != Kind::keys) return step;
  step = scram.supply(pencil_keys(), usable);
  return scram.step(client.final(step.data));
}

std::string error_of(ScramSha256 scram, ScramClient client, bool usable = true) {
  const Step step = run(scram, client, usable);
  return step.kind == Kind::failed ? step.data : "not refused";
}

TEST(ScramSha256, TellsWrongPasswordAndUnusableAccountAlike) {
  EXPECT_EQ(error_of(server(), {.password = "pen"}), "e=invalid-proof");
  EXPECT_EQ(error_of(server(), {.password = "pencil"}, false), "e=invalid-proof");
}

TEST(ScramSha256, DecodesNameAndAuthzid) {
  ScramSha256 scram = server();
  ScramClient client{.password = "pencil", .gs2 = "n,a=tel:+1=2C2,", .name = "a=3Db=2Cc"};
  EXPECT_EQ(run(scram, client).data, client.server_signature);
  const Step step = scram.step("");
  EXPECT_EQ(step.identity.name, "a=b,c");
  EXPECT_EQ(step.identity.authzid, "tel:+1,2");
}

TEST(ScramSha256, BindsToEachKindOfChannel) {
  for (const auto& [type, data] :
       {std::pair{"tls-exporter", "exporter octets"}, {"tls-server-end-point", "end point octets"}}) {
    ScramSha256 scram = server(true, true, bound());
    ScramClient client{.password = "pencil", .gs2 = std::string("p=") + type + ",,", .binding = data};
    EXPECT_EQ(run(scram, client).data, client.server_signature) << type;
  }
}

TEST(ScramSha256, RefusesForeignChannelBinding) {
  EXPECT_EQ(
      error_of(server(true, true, bound()), {.password = "pencil", .gs2 = "p=tls-exporter,,", .binding = "another"}),
      "e=channel-bindings-dont-match");
  EXPECT_EQ(error_of(server(true, true, bound()), {.password = "pencil", .gs2 = "p=tls-exporter,,"}),
            "e=channel-bindings-dont-match");
  EXPECT_EQ(error_of(server(true, true, bound()), {.password = "pencil", .gs2 = "p=tls-unique,,", .binding = "x"}),
            "e=unsupported-channel-binding-type");
  EXPECT_EQ(error_of(server(true, true, bound()), {.password = "pencil", .gs2 = "p=tls-new,,", .binding = "x"}),
            "e=unsupported-channel-binding-type");
}

TEST(ScramSha256, DemandsBindingExactlyInPlus) {
  EXPECT_EQ(error_of(server(true, true, bound()), {.password = "pencil"}), "e=channel-bindings-dont-match");
  EXPECT_EQ(error_of(server(true, true, bound()), {.password = "pencil", .gs2 = "y,,"}),
            "e=channel-bindings-dont-match");
  EXPECT_EQ(error_of(server(false, true, bound()),
                     {.password = "pencil", .gs2 = "p=tls-exporter,,", .binding = "exporter octets"}),
            "e=channel-binding-not-supported");
}

TEST(ScramSha256, DetectsDowngrade) {
  EXPECT_EQ(error_of(server(false, true, bound()), {.password = "pencil", .gs2 = "y,,"}),
            "e=server-does-support-channel-binding");
  ScramSha256 without = server();
  ScramClient client{.password = "pencil", .gs2 = "y,,"};
  EXPECT_EQ(run(without, client).data, client.server_signature);
}

TEST(ScramSha256, RefusesMalformedFirstMessages) {
  struct Row {
    const char* message;
    const char* error;
  };
  const Row rows[] = {
      {"", "e=invalid-encoding"},
      {"n=user,r=abc", "e=invalid-encoding"},
      {"x,,n=user,r=abc", "e=invalid-encoding"},
      {"p,,n=user,r=abc", "e=invalid-encoding"},
      {"p=,,n=user,r=abc", "e=invalid-encoding"},
      {"n,b=x,n=user,r=abc", "e=invalid-encoding"},
      {"n,a=,n=user,r=abc", "e=invalid-encoding"},
      {"n,,r=abc,n=user", "e=invalid-encoding"},
      {"n,,n=user", "e=invalid-encoding"},
      {"n,,n=user,r=", "e=invalid-encoding"},
      {"n,,n=user,r=a b", "e=invalid-encoding"},
      {"n,,n=user,r=abc,9=x", "e=invalid-encoding"},
      {"n,,m=x,n=user,r=abc", "e=extensions-not-supported"},
      {"n,,n=us=er,r=abc", "e=invalid-username-encoding"},
      {"n,,n=us=2c,r=abc", "e=invalid-username-encoding"},
      {"n,,n=,r=abc", "e=invalid-username-encoding"},
      {"n,,n=\xff,r=abc", "e=invalid-username-encoding"},
  };
  for (const Row& row : rows) {
    ScramSha256 scram = server();
    const Step step = scram.step(row.message);
    EXPECT_EQ(step.kind, Kind::failed) << row.message;
    EXPECT_EQ(step.data, row.error) << row.message;
  }
}

TEST(ScramSha256, IgnoresOptionalExtensions) {
  ScramSha256 scram = server();
  EXPECT_EQ(scram.step("n,,n=user,r=abc,x=1,Y=2").kind, Kind::keys);
}

TEST(ScramSha256, RefusesMalformedFinalMessages) {
  const std::string nonce = std::string("abc") + kServerNonce;
  const std::pair<std::string, const char*> rows[] = {
      {"", "e=invalid-encoding"},
      {"c=biws,r=" + nonce, "e=invalid-encoding"},
      {"c=biws,r=" + nonce + ",p=!!", "e=invalid-encoding"},
      {"c=b,r=" + nonce + ",p=AAAA", "e=invalid-encoding"},
      {"r=" + nonce + ",c=biws,p=AAAA", "e=invalid-encoding"},
      {"c=biws,r=" + nonce + ",m=1,p=AAAA", "e=extensions-not-supported"},
      {"c=biws,r=" + nonce + "x,p=AAAA", "e=other-error"},
      {"c=biws,r=abc,p=AAAA", "e=other-error"},
      {"c=eSws,r=" + nonce + ",p=AAAA", "e=channel-bindings-dont-match"},
      {"c=biws,r=" + nonce + ",p=AAAA", "e=invalid-proof"},
      {"c=biws,r=" + nonce + ",p=", "e=invalid-proof"},
  };
  for (const auto& [message, error] : rows) {
    ScramSha256 scram = server();
    ASSERT_EQ(scram.step("n,,n=user,r=abc").kind, Kind::keys);
    ASSERT_EQ(scram.supply(pencil_keys(), true).kind, Kind::challenge);
    const Step step = scram.step(message);
    EXPECT_EQ(step.kind, Kind::failed) << message;
    EXPECT_EQ(step.data, error) << message;
    EXPECT_EQ(scram.step("").kind, Kind::ended) << message;
  }
}

TEST(ScramSha256, KeepsItsOrder) {
  ScramSha256 scram = server();
  EXPECT_EQ(scram.supply(pencil_keys(), true).kind, Kind::failed);
  EXPECT_EQ(scram.step("n,,n=user,r=abc").kind, Kind::keys);
  EXPECT_EQ(scram.step("n,,n=user,r=abc").kind, Kind::ended);
}

TEST(ScramSha256, WantsNothingAfterItsSignature) {
  ScramSha256 scram = server();
  ScramClient client{.password = "pencil"};
  ASSERT_EQ(run(scram, client).kind, Kind::challenge);
  EXPECT_EQ(scram.step("x").kind, Kind::ended);
}

TEST(ScramSha256, MakesANewNonceForEachExchange) {
  Settings settings;
  const MechanismContext context{settings};
  const auto first_message = [&context] {
    const auto scram = find_mechanism("SCRAM-SHA-256")->make(context);
    static_cast<void>(scram->step("n,,n=user,r=abc"));
    return scram->supply(pencil_keys(), true).data;
  };
  EXPECT_NE(first_message(), first_message());
}

}  // namespace
}  // namespace cpm::imap::auth
