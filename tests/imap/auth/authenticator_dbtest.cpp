#include "imap/auth/authenticator.h"

#include "imap/auth/base64.h"
#include "imap/auth/token_verifier.h"
#include "schema/credentials.h"
#include "tests/imap/auth/scram_client.h"
#include "tests/imap/auth/talk.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace cpm::imap::auth {
namespace {

using namespace std::literals;

support::TestDatabase& database() { return support::TestDatabase::shared(); }

std::string new_account(const std::string& password, const std::string& alias = {}) {
  static int number = 0;
  schema::NewAccount account;
  account.address = "login" + std::to_string(++number) + "@example.net";
  if (!alias.empty()) account.aliases = {alias};
  account.keys = *schema::make_scram_keys(password, schema::kLeastScramIterations);
  account.mailboxes = {"INBOX"};
  database().run([&](schema::Transaction& tx) { return schema::add_account(tx, account, Limits{}); });
  return account.address;
}

std::string new_service(const std::string& password, const std::string& pattern) {
  static int number = 0;
  schema::ServiceRow service;
  service.name = "service" + std::to_string(++number);
  service.role = schema::Role::deposit;
  service.patterns = {pattern};
  const auto keys = *schema::make_scram_keys(password, schema::kLeastScramIterations);
  database()
      .database()
      .run_blocking(60s, [&](schema::Transaction& tx) { return schema::add_service(tx, service, keys); })
      .value();
  return service.name;
}

Settings quick() {
  Settings settings;
  settings.lockout.first_delay = 0ms;
  return settings;
}

bool starts(const std::string& text, const std::string& with) { return text.starts_with(with); }

std::string plain(const std::string& authzid, const std::string& name, const std::string& password) {
  return base64_encode(authzid + '\0' + name + '\0' + password);
}

const char* const kRefused = "a NO [AUTHENTICATIONFAILED] Authentication failed\r\n";

TEST(Login, AnswersWithTheTaggedLineAlone) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  const std::string said = server.talk("a LOGIN " + address + " 1234\n");
  EXPECT_TRUE(starts(said, "a OK [CAPABILITY IMAP4rev1 ")) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
  EXPECT_EQ(said.find(" AUTH="), std::string::npos);
  EXPECT_NE(said.find(" UNAUTHENTICATE"), std::string::npos);
}

TEST(Login, TakesEverySpelling) {
  TestServer server(quick());
  const std::string address = new_account("my \"odd\" (pass");
  EXPECT_TRUE(starts(server.talk("a LOGIN " + address + " my \"odd\" (pass\r\n"), "a OK"));
  EXPECT_TRUE(starts(server.talk("a LOGIN \"" + address + "\" \"my \\\"odd\\\" (pass\"\r\n"), "a OK"));
  const std::string literals =
      "a LOGIN {" + std::to_string(address.size()) + "+}\r\n" + address + " {14+}\r\nmy \"odd\" (pass\r\n";
  EXPECT_TRUE(starts(server.talk(literals), "a OK"));
  const std::string atom = new_account("1234");
  EXPECT_TRUE(starts(server.talk("a LOGIN " + atom + " 1234 \r\n"), "a OK"));
}

TEST(Login, RefusesBadSyntax) {
  TestServer server(quick());
  for (const char* line : {"a LOGIN", "a LOGIN x", "a LOGIN x ", "a LOGIN \"x\" \"y\" z", "a LOGIN x \x01y"}) {
    EXPECT_TRUE(starts(server.talk(std::string(line) + "\r\n"), "a BAD")) << line;
  }
}

TEST(Login, ForgetsNothingOfThePassword) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  EXPECT_EQ(server.talk("a LOGIN " + address + " 12345\r\n"), kRefused);
  EXPECT_EQ(server.talk("a LOGIN " + address + " 123\r\n"), kRefused);
  EXPECT_EQ(server.talk("a LOGIN " + address + " \"\"\r\n"), kRefused);
}

TEST(Login, AnswersAlikeForUnknownDisabledAndWrong) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  database()
      .database()
      .run_blocking(60s, [&](schema::Transaction& tx) { return schema::set_disabled(tx, address, true); })
      .value();
  EXPECT_EQ(server.talk("a LOGIN " + address + " 1234\r\n"), kRefused);
  EXPECT_EQ(server.talk("a LOGIN nobody@example.net 1234\r\n"), kRefused);
  EXPECT_EQ(server.talk("a LOGIN \"\" 1234\r\n"), kRefused);
  EXPECT_EQ(server.talk("a LOGIN {2+}\r\n\xff\xfe 1234\r\n"), kRefused);
}

// The same road for everybody: with the hashing threads gone nobody gets past that point, whoever it is.
TEST(Login, HashesForEverybody) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  const std::string disabled = new_account("1234");
  database()
      .database()
      .run_blocking(60s, [&](schema::Transaction& tx) { return schema::set_disabled(tx, disabled, true); })
      .value();
  server.cpu.stop();
  for (const std::string& name : {address, disabled, "nobody@example.net"s, "not a name"s}) {
    EXPECT_TRUE(starts(server.talk("a LOGIN \"" + name + "\" 1234\r\n"), "a NO [UNAVAILABLE]")) << name;
  }
}

TEST(Login, SparesTheHashForARepeatedPassword) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  ASSERT_TRUE(starts(server.talk("a LOGIN " + address + " 1234\r\n"), "a OK"));
  server.cpu.stop();
  EXPECT_TRUE(starts(server.talk("a LOGIN " + address + " 1234\r\n"), "a OK"));
  EXPECT_EQ(server.authenticator.statistics().cached, 1U);
  EXPECT_TRUE(starts(server.talk("a LOGIN " + address + " 1235\r\n"), "a NO [UNAVAILABLE]"));
}

TEST(Login, SeesAChangeAtOnceInSpiteOfTheCache) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  ASSERT_TRUE(starts(server.talk("a LOGIN " + address + " 1234\r\n"), "a OK"));
  const auto keys = *schema::make_scram_keys("5678", schema::kLeastScramIterations);
  database()
      .database()
      .run_blocking(60s, [&](schema::Transaction& tx) { return schema::set_password(tx, address, keys); })
      .value();
  EXPECT_EQ(server.talk("a LOGIN " + address + " 1234\r\n"), kRefused);
  EXPECT_TRUE(starts(server.talk("a LOGIN " + address + " 5678\r\n"), "a OK"));
  database()
      .database()
      .run_blocking(60s, [&](schema::Transaction& tx) { return schema::set_disabled(tx, address, true); })
      .value();
  EXPECT_EQ(server.talk("a LOGIN " + address + " 5678\r\n"), kRefused);
}

TEST(Login, NeedsPrivacy) {
  TestServer server(quick(), false);
  const std::string address = new_account("1234");
  EXPECT_TRUE(starts(server.talk("a LOGIN " + address + " 1234\r\n"), "a NO [PRIVACYREQUIRED]"));
  EXPECT_TRUE(starts(server.talk("a LOGIN {4}\r\n"), "a NO [PRIVACYREQUIRED]"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE PLAIN\r\n"), "a NO [PRIVACYREQUIRED]"));
  const std::string clear = server.talk("a CAPABILITY\r\n");
  EXPECT_NE(clear.find(" LOGINDISABLED"), std::string::npos);
  EXPECT_NE(clear.find(" STARTTLS"), std::string::npos);
  EXPECT_EQ(clear.find("AUTH=PLAIN"), std::string::npos);
  const std::string secure = server.talk("a STARTTLS\r\n", {});
  EXPECT_TRUE(starts(secure, "a OK"));
  std::deque<Turn> turns;
  turns.push_back([](const std::string&) { return "a STARTTLS\r\n"; });
  turns.push_back([](const std::string&) { return "b CAPABILITY\r\n"; });
  turns.push_back([](const std::string&) { return "c STARTTLS\r\n"; });
  turns.push_back([&](const std::string&) { return "d LOGIN " + address + " 1234\r\n"; });
  const std::string said = server.talk(std::move(turns));
  EXPECT_EQ(said.find("LOGINDISABLED"), std::string::npos) << said;
  EXPECT_EQ(said.find(" STARTTLS "), std::string::npos) << said;
  EXPECT_NE(said.find("AUTH=PLAIN"), std::string::npos) << said;
  EXPECT_NE(said.find("c BAD"), std::string::npos) << said;
  EXPECT_NE(said.find("d OK [CAPABILITY"), std::string::npos) << said;
}

TEST(Login, CanBeSwitchedOff) {
  Settings settings = quick();
  settings.mechanisms = {"SCRAM-SHA-256"};
  TestServer server(settings);
  EXPECT_TRUE(starts(server.talk("a LOGIN a b\r\n"), "a NO [CANNOT]"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE PLAIN\r\n"), "a NO Unsupported"));
  EXPECT_NE(server.talk("a CAPABILITY\r\n").find(" LOGINDISABLED"), std::string::npos);
}

TEST(StartTls, SaysNoWhereThereIsNone) {
  TestServer server(quick());
  Peer peer;
  peer.tls_available = false;
  EXPECT_TRUE(starts(server.talk("a STARTTLS\r\n", peer), "a NO"));
  EXPECT_EQ(server.talk("a CAPABILITY\r\n", peer).find("STARTTLS"), std::string::npos);
}

TEST(Lockouts, RefuseEvenTheRightPassword) {
  Settings settings = quick();
  settings.lockout.name_failures = 3;
  TestServer server(settings);
  const std::string address = new_account("1234");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server.talk("a LOGIN " + address + " wrong\r\n"), kRefused);
  EXPECT_TRUE(starts(server.talk("a LOGIN " + address + " 1234\r\n"), "a NO [LIMIT]"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE PLAIN " + plain("", address, "1234") + "\r\n"), "a NO [LIMIT]"));
  EXPECT_TRUE(
      starts(server.talk("a AUTHENTICATE SCRAM-SHA-256 " + base64_encode("n,,n=" + address + ",r=abc") + "\r\n"),
             "a NO [LIMIT]"));
  EXPECT_TRUE(starts(server.talk("a LOGIN " + new_account("1234") + " 1234\r\n"), "a OK"));
  const auto entries = server.authenticator.lockouts();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].key, address);
  EXPECT_EQ(server.authenticator.statistics().locked, 3U);
}

TEST(Lockouts, CountANetwork) {
  Settings settings = quick();
  settings.lockout.network_failures = 2;
  TestServer server(settings);
  const std::string address = new_account("1234");
  Peer peer;
  peer.info = {"192.0.2.9", 1, false};
  server.talk("a LOGIN u1@example.net x\r\na LOGIN u2@example.net x\r\n", peer);
  peer.info.address = "192.0.2.77";
  EXPECT_TRUE(starts(server.talk("a LOGIN " + address + " 1234\r\n", peer), "a NO [LIMIT]"));
  peer.info.address = "198.51.100.1";
  EXPECT_TRUE(starts(server.talk("a LOGIN " + address + " 1234\r\n", peer), "a OK"));
}

TEST(AccountLimit, CountsSessionsAndLetsThemGo) {
  Limits limits;
  limits.connections_per_address = 1;
  TestServer server(quick(), true, limits);
  const std::string address = new_account("1234");
  std::deque<Turn> turns;
  std::string second;
  turns.push_back([&](const std::string&) { return "a LOGIN " + address + " 1234\r\n"; });
  turns.push_back([&](const std::string&) {
    second = server.talk("a LOGIN " + address + " 1234\r\n");
    return "b UNAUTHENTICATE\r\n";
  });
  turns.push_back([&](const std::string&) { return "c LOGIN " + address + " 1234\r\n"; });
  const std::string said = server.talk(std::move(turns));
  EXPECT_TRUE(starts(second, "a NO [LIMIT]")) << second;
  EXPECT_NE(said.find("b OK"), std::string::npos) << said;
  EXPECT_NE(said.find("c OK"), std::string::npos) << said;
}

TEST(Authenticate, TakesPlainWithAndWithoutInitialResponse) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  const std::string message = plain("", address, "1234");
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE PLAIN " + message + "\r\n"), "a OK [CAPABILITY"));
  std::deque<Turn> turns;
  turns.push_back([](const std::string&) { return "a authenticate plain\n"; });
  turns.push_back([&](const std::string& heard) {
    EXPECT_EQ(heard, "+ \r\n");
    return message + "\r\n\n";
  });
  turns.push_back([](const std::string&) { return "b NOOP\n"; });
  const std::string said = server.talk(std::move(turns));
  EXPECT_TRUE(starts(said, "+ \r\na OK [CAPABILITY")) << said;
  EXPECT_NE(said.find("\r\nb OK"), std::string::npos) << said;
  EXPECT_EQ(said.find("BAD"), std::string::npos) << said;
}

TEST(Authenticate, JoinsBrokenBase64) {
  TestServer server(quick());
  for (const std::size_t octets : {57U, 60U, 114U, 150U}) {
    const std::string address = new_account("1234");
    const std::string password(octets - address.size() - 2, 'q');
    const auto keys = *schema::make_scram_keys(password, schema::kLeastScramIterations);
    database()
        .database()
        .run_blocking(60s, [&](schema::Transaction& tx) { return schema::set_password(tx, address, keys); })
        .value();
    std::string broken;
    const std::string message = plain("", address, password);
    for (std::size_t at = 0; at < message.size(); at += 76) broken += message.substr(at, 76) + "\r\n";
    const std::string said = server.talk("a AUTHENTICATE PLAIN\n" + broken + "\nb NOOP\n");
    EXPECT_TRUE(starts(said, "+ \r\na OK")) << octets << said;
    EXPECT_NE(said.find("\r\nb OK"), std::string::npos) << octets << said;
  }
}

TEST(Authenticate, TakesALineOf76ColumnsForWholeWhenNothingFollows) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  const std::string password(57 - address.size() - 2, 'q');
  const auto keys = *schema::make_scram_keys(password, schema::kLeastScramIterations);
  database()
      .database()
      .run_blocking(60s, [&](schema::Transaction& tx) { return schema::set_password(tx, address, keys); })
      .value();
  std::deque<Turn> turns;
  turns.push_back([](const std::string&) { return "a AUTHENTICATE PLAIN\r\n"; });
  turns.push_back([&](const std::string&) { return plain("", address, password) + "\r\n"; });
  turns.push_back([](const std::string&) { return ""; });
  turns.push_back([](const std::string&) { return "b NOOP\r\n"; });
  const std::string said = server.talk(std::move(turns));
  EXPECT_TRUE(starts(said, "+ \r\na OK")) << said;
  EXPECT_NE(said.find("\r\nb OK"), std::string::npos) << said;
}

TEST(Authenticate, GivesUpOnASilentClient) {
  TestServer server(quick());
  std::deque<Turn> turns;
  turns.push_back([](const std::string&) { return "a AUTHENTICATE PLAIN\r\n"; });
  turns.push_back([](const std::string&) { return ""; });
  turns.push_back([](const std::string&) { return "b NOOP\r\n"; });
  const std::string said = server.talk(std::move(turns));
  EXPECT_TRUE(starts(said, "+ \r\na NO [UNAVAILABLE]")) << said;
  EXPECT_EQ(said.find("b OK"), std::string::npos) << said;
}

TEST(Authenticate, ExplainsARefusedTokenAndWaitsForTheDummy) {
  const std::string path = (std::filesystem::temp_directory_path() / ("cpm_jwks_" + std::to_string(getpid()))).string();
  std::ofstream(path) << R"({"keys":[{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]})";
  TokenSettings tokens;
  tokens.key_files = {path};
  tokens.algorithms = {"HS256"};
  tokens.issuer = "i";
  tokens.audience = "a";
  TestServer server(quick(), false);
  const auto loaded = TokenVerifier::load(tokens);
  std::filesystem::remove(path);
  ASSERT_TRUE(loaded);
  Peer peer;
  peer.tls.emplace();
  EXPECT_EQ(server.talk("a CAPABILITY\r\n", peer).find("AUTH=OAUTHBEARER"), std::string::npos);
  server.authenticator.set_tokens(*loaded);
  EXPECT_NE(server.talk("a CAPABILITY\r\n", peer).find("AUTH=OAUTHBEARER"), std::string::npos);
  const std::string message = base64_encode(
      "n,,\x01"
      "auth=Bearer no.such.token\x01\x01");
  const std::string json = "+ " + base64_encode(R"({"status":"invalid_token"})") + "\r\n";
  EXPECT_EQ(server.talk("a AUTHENTICATE OAUTHBEARER " + message + "\r\nAQ==\r\n", peer), json + kRefused);
  EXPECT_EQ(server.talk("a AUTHENTICATE OAUTHBEARER " + message + "\r\n*\r\n", peer),
            json + "a BAD Authentication cancelled\r\n");
}

TEST(Authenticate, RefusesBadResponses) {
  TestServer server(quick());
  EXPECT_EQ(server.talk("a AUTHENTICATE PLAIN\r\n*\r\n"), "+ \r\na BAD Authentication cancelled\r\n");
  EXPECT_EQ(server.talk("a AUTHENTICATE PLAIN\r\n!!!\r\n"), "+ \r\na BAD Response is not base64\r\n");
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE PLAIN !!!\r\n"), "a BAD"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE PLAIN =\r\n"), "a BAD"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE PLAIN dGVzdA==\r\n"), "a BAD"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE\r\n"), "a BAD"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE CRAM-MD5\r\n"), "a NO"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE EXTERNAL =\r\n"), "a NO"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE OAUTHBEARER\r\n"), "a NO"));
  EXPECT_EQ(server.talk("a AUTHENTICATE PLAIN\r\n" + std::string(100'000, 'A') + "\r\n"),
            "+ \r\na BAD Line too long\r\n");
  EXPECT_EQ(server.talk("a AUTHENTICATE PLAIN " + plain("", "nobody@example.net", "x") + "\r\n"), kRefused);
}

// MSS-1
TEST(Authzid, MayBeAnyOwnAddressAndNoOther) {
  TestServer server(quick());
  const std::string address = new_account("1234", "tel:+15550123");
  const std::string other = new_account("1234");
  const auto as = [&](const std::string& authzid) {
    return server.talk("a AUTHENTICATE PLAIN " + plain(authzid, address, "1234") + "\r\n");
  };
  EXPECT_TRUE(starts(as(address), "a OK"));
  EXPECT_TRUE(starts(as("tel:+15550123"), "a OK"));
  EXPECT_TRUE(starts(as(other), "a NO [AUTHORIZATIONFAILED]"));
  EXPECT_TRUE(starts(as("nobody@example.net"), "a NO [AUTHORIZATIONFAILED]"));
  EXPECT_TRUE(starts(server.talk("a LOGIN tel:+15550123 1234\r\n"), "a OK"));
}

// MSS-67
TEST(Authzid, LetsAServiceActForWhomItMay) {
  TestServer server(quick());
  const std::string user = new_account("1234");
  const std::string service = new_service("s3cret", "*@example.net");
  const std::string stranger = new_service("s3cret", "*@example.org");
  const auto as = [&](const std::string& authzid, const std::string& name) {
    return server.talk("a AUTHENTICATE PLAIN " + plain(authzid, name, "s3cret") + "\r\n");
  };
  EXPECT_TRUE(starts(as(user, service), "a OK"));
  EXPECT_TRUE(starts(as(user, stranger), "a NO [AUTHORIZATIONFAILED]"));
  EXPECT_TRUE(starts(as("", service), "a NO [AUTHORIZATIONFAILED]"));
  EXPECT_TRUE(starts(server.talk("a LOGIN " + service + " s3cret\r\n"), "a NO [AUTHORIZATIONFAILED]"));
  EXPECT_EQ(server.authenticator.statistics().unauthorized, 3U);
}

TEST(External, LetsACertificateActForAUser) {
  TestServer server(quick(), false);
  const std::string user = new_account("1234");
  const std::string service = new_service("s3cret", user);
  Peer peer;
  peer.tls.emplace();
  peer.tls->client_certificate = service;
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE EXTERNAL " + base64_encode(user) + "\r\n", peer), "a OK"));
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE EXTERNAL =\r\n", peer), "a NO [AUTHORIZATIONFAILED]"));
  peer.tls->client_certificate = user;
  EXPECT_TRUE(starts(server.talk("a AUTHENTICATE EXTERNAL\r\n\r\n", peer), "+ \r\na OK"));
  peer.tls->client_certificate = "nobody@example.net";
  EXPECT_EQ(server.talk("a AUTHENTICATE EXTERNAL =\r\n", peer), kRefused);
}

// The data of a "+ base64" line.
std::string challenge_in(const std::string& heard) {
  return heard.starts_with("+ ") ? base64_decode(heard.substr(2, heard.size() - 4)).value_or("?")
                                 : "not a challenge: " + heard;
}

std::string scram(TestServer& server, ScramClient client, std::string& verdict) {
  std::deque<Turn> turns;
  turns.push_back(
      [&](const std::string&) { return "a AUTHENTICATE SCRAM-SHA-256 " + base64_encode(client.first()) + "\r\n"; });
  turns.push_back([&](const std::string& heard) { return base64_encode(client.final(challenge_in(heard))) + "\r\n"; });
  turns.push_back([&](const std::string& heard) {
    verdict = challenge_in(heard);
    if (verdict == client.server_signature) verdict = "signed";
    return std::string("\r\n");
  });
  std::string said = server.talk(std::move(turns));
  return said.substr(said.rfind("\r\n", said.size() - 3) + 2);
}

TEST(Scram, LogsInOverTheWire) {
  TestServer server(quick(), false);
  const std::string address = new_account("1234", "sip:alice@example.net");
  std::string verdict;
  EXPECT_TRUE(starts(scram(server, {.password = "1234", .name = address}, verdict), "a OK [CAPABILITY"));
  EXPECT_EQ(verdict, "signed");
  EXPECT_TRUE(starts(scram(server, {.password = "1234", .gs2 = "n,a=sip:alice@example.net,", .name = address}, verdict),
                     "a OK"));
  EXPECT_TRUE(starts(scram(server, {.password = "1234", .gs2 = "n,a=nobody,", .name = address}, verdict),
                     "a NO [AUTHORIZATIONFAILED]"));
  EXPECT_EQ(scram(server, {.password = "12345", .name = address}, verdict), kRefused);
  EXPECT_EQ(verdict, "e=invalid-proof");
}

TEST(Scram, TellsNothingOfUnknownNames) {
  TestServer server(quick(), false);
  std::string verdict;
  EXPECT_EQ(scram(server, {.password = "1234", .name = "nobody@example.net"}, verdict), kRefused);
  EXPECT_EQ(verdict, "e=invalid-proof");
  const auto first = invented_keys("secret", "Nobody@Example.NET");
  const auto again = invented_keys("secret", "Nobody@example.net");
  EXPECT_EQ(first.salt, again.salt);
  EXPECT_EQ(first.salt.size(), 16U);
  EXPECT_EQ(first.iterations, schema::kScramIterations);
  EXPECT_NE(first.salt, invented_keys("secret", "somebody@example.net").salt);
  EXPECT_NE(first.salt, invented_keys("another", "Nobody@Example.NET").salt);
}

TEST(Unauthenticate, GoesBackToTheStart) {
  TestServer server(quick());
  const std::string one = new_account("1234");
  const std::string two = new_account("5678");
  const std::string said = server.talk("a LOGIN " + one +
                                       " 1234\r\nb SELECT INBOX\r\nc UNAUTHENTICATE\r\nd SELECT INBOX\r\n"
                                       "e AUTHENTICATE PLAIN " +
                                       plain("", two, "5678") + "\r\nf UNAUTHENTICATE x\r\n");
  for (const char* line : {"a OK", "b OK", "c OK", "d BAD", "e OK", "f BAD"}) {
    EXPECT_NE(("\r\n" + said).find(std::string("\r\n") + line), std::string::npos) << line << said;
  }
  EXPECT_TRUE(starts(server.talk("a UNAUTHENTICATE\r\n"), "a BAD"));
}

TEST(Unauthenticate, IsNotForCompressedConnections) {
  TestServer server(quick());
  const std::string address = new_account("1234");
  Peer peer;
  peer.compressed = true;
  const std::string said = server.talk("a LOGIN " + address + " 1234\r\nb UNAUTHENTICATE\r\n", peer);
  EXPECT_EQ(said.find(" UNAUTHENTICATE "), said.find(" UNAUTHENTICATE is")) << said;
  EXPECT_NE(said.find("\r\nb BAD"), std::string::npos) << said;
}

}  // namespace
}  // namespace cpm::imap::auth
