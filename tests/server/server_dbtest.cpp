#include "server/server.h"

#include "server/certificate.h"
#include "tests/server/as_service.h"
#include "tests/server/tls_client.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <regex>
#include <thread>

namespace cpm::server {
namespace {

using namespace std::chrono_literals;

// A server in a child process, with an embedded database.
class RunningServer {
 public:
  explicit RunningServer(const ServiceDirectory& directory, std::vector<std::string> sets = {}) {
    int out[2];
    if (::pipe(out) != 0) std::abort();
    for (const char* set :
         {"imap.listen=127.0.0.1:0", "imaps.listen=127.0.0.1:0", "http.listen=127.0.0.1:0", "server.threads=2",
          "database.shared_buffers=16M", "database.connections=2", "auth.allow_plaintext=true"}) {
      sets.emplace_back(set);
    }
    pid = fork_service([&](const User&) {
      ::dup2(out[1], STDOUT_FILENO);
      const auto load = [&] {
        return load_config({.data = directory.path(), .file = {}, .sets = sets, .environment = {}});
      };
      const auto config = load();
      if (!config) ::_exit(3);
      const auto ended = run_server(*config, load);
      if (!ended) std::fprintf(stderr, "%s\n", ended.error().text.c_str());
      ::_exit(ended ? 0 : 4);
    });
    ::close(out[1]);
    char c = 0;
    while (::read(out[0], &c, 1) == 1 && c != '\n') ready += c;
    ::close(out[0]);
    const std::regex form(R"(ready imap=127\.0\.0\.1:(\d+) imaps=127\.0\.0\.1:(\d+) http=127\.0\.0\.1:(\d+))");
    std::smatch match;
    if (!std::regex_match(ready, match, form)) {
      ADD_FAILURE() << "ready line: " << ready;
      return;
    }
    imap = static_cast<std::uint16_t>(std::stoi(match[1]));
    imaps = static_cast<std::uint16_t>(std::stoi(match[2]));
    http = static_cast<std::uint16_t>(std::stoi(match[3]));
  }
  ~RunningServer() {
    if (pid > 0) {
      ::kill(pid, SIGKILL);
      wait();
    }
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  // The exit code, or 128 + signal.
  int wait() {
    int status = 0;
    ::waitpid(pid, &status, 0);
    pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string get(const std::string& target, const std::string& more = "") const {
    TlsClient client(http);
    client.write("GET " + target + " HTTP/1.1\r\nHost: a\r\n" + more + "Connection: close\r\n\r\n");
    return client.read_exactly(1 << 20);
  }

  pid_t pid = -1;
  std::string ready;
  std::uint16_t imap = 0, imaps = 0, http = 0;
};

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The directory's postmaster, if it still works there.
bool postmaster_runs(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    if (std::filesystem::read_symlink(entry.path() / "cwd", error).string() == directory + "/pg") return true;
  }
  return false;
}

TEST(Server, ServesAndStops) {
  const ServiceDirectory directory;
  RunningServer server(directory);
  ASSERT_NE(server.imap, 0) << server.ready;
  EXPECT_TRUE(server.get("/healthz").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(server.get("/readyz").ends_with("\r\n\r\nready\n"));
  EXPECT_TRUE(server.get("/admin/sessions").starts_with("HTTP/1.1 401 "));
  TlsClient client(server.imap);
  EXPECT_TRUE(client.read_some().starts_with("* OK [CAPABILITY IMAP4rev1 "));
  client.write("a NOOP\r\n");
  EXPECT_TRUE(client.read_some().starts_with("a OK"));
  TlsClient secure(server.imaps);
  ASSERT_TRUE(secure.handshake());
  EXPECT_TRUE(secure.read_some().starts_with("* OK "));
  EXPECT_NE(server.get("/metrics").find("cpmstore_commands_total{command=\"NOOP\",result=\"ok\"} 1"),
            std::string::npos);
  EXPECT_NE(server.get("/metrics").find("cpmstore_errors_total 0"), std::string::npos);
  EXPECT_NE(server.get("/metrics").find("cpmstore_connections_refused_total{reason=\"limit\"} 0"), std::string::npos);
  std::string token = file_text(directory.path() + "/admin.token");
  token.pop_back();
  const std::string sessions = server.get("/admin/sessions", "Authorization: Bearer " + token + "\r\n");
  EXPECT_TRUE(sessions.starts_with("HTTP/1.1 200 ")) << sessions;
  EXPECT_NE(sessions.find("127.0.0.1:"), std::string::npos);

  ::kill(server.pid, SIGTERM);
  EXPECT_EQ(client.read_exactly(1000), "* BYE Server is shutting down\r\n");
  EXPECT_EQ(secure.read_exactly(1000), "* BYE Server is shutting down\r\n");
  EXPECT_EQ(server.wait(), 0);
  EXPECT_FALSE(postmaster_runs(directory.path()));
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/run.json"));
}

TEST(Server, CutsOffWhoDoesNotRead) {
  const ServiceDirectory directory;
  RunningServer server(directory, {"limits.drain_timeout=1"});
  ASSERT_NE(server.imap, 0) << server.ready;
  TlsClient deaf(server.imap);
  deaf.read_some();
  // So many answers that they fill both ends' buffers, and the session waits for the client to read.
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "a CAPABILITY\r\n";
  ::fcntl(deaf.fd(), F_SETFL, O_NONBLOCK);
  for (int idle = 0; idle < 20;) {
    if (::send(deaf.fd(), many.data(), many.size(), MSG_NOSIGNAL) > 0) {
      idle = 0;
    } else {
      ++idle;
      std::this_thread::sleep_for(20ms);
    }
  }
  ::kill(server.pid, SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_FALSE(postmaster_runs(directory.path()));
}

TEST(Server, AKilledOneLeavesNothingBehind) {
  const ServiceDirectory directory;
  {
    RunningServer server(directory);
    ASSERT_NE(server.imap, 0) << server.ready;
    ::kill(server.pid, SIGKILL);
    server.wait();
  }
  RunningServer next(directory);
  EXPECT_NE(next.imap, 0) << next.ready;
  ::kill(next.pid, SIGTERM);
  EXPECT_EQ(next.wait(), 0);
  EXPECT_FALSE(postmaster_runs(directory.path()));
}

TEST(Server, OneDirectoryHasOneServer) {
  const ServiceDirectory directory;
  RunningServer server(directory);
  ASSERT_NE(server.imap, 0) << server.ready;
  as_service([&](const User&) {
    const auto config = load_config({.data = directory.path(),
                                     .file = {},
                                     .sets = {"imap.listen=127.0.0.1:0", "imaps.listen=", "http.listen="},
                                     .environment = {}});
    ASSERT_TRUE(config);
    const auto refused = run_server(*config, {});
    ASSERT_FALSE(refused);
    EXPECT_TRUE(
        refused.error().text.starts_with("another cpmstored (process " + std::to_string(server.pid) + ") uses "))
        << refused.error().text;
  });
}

// The subject key of the certificate that the server shows.
std::string shown_certificate(std::uint16_t port) {
  TlsClient client(port);
  if (!client.handshake()) return "no handshake";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  X509_digest(SSL_get0_peer_certificate(client.ssl()), EVP_sha256(), digest, &length);
  return std::string(digest, digest + length);
}

TEST(Server, ReloadsItsCertificateAndKeepsTheOldOneWhenTheNewIsBad) {
  const ServiceDirectory directory;
  const ServiceDirectory other;
  as_service([&](const User&) {
    EXPECT_TRUE(self_made_certificate(other.path()));
    std::filesystem::create_directory(other.path() + "/2");
    EXPECT_TRUE(self_made_certificate(other.path() + "/2"));
    for (const char* name : {"certificate.pem", "key.pem"}) {
      std::filesystem::copy_file(other.path() + "/tls/" + name, other.path() + "/" + name);
    }
  });
  RunningServer server(
      directory, {"tls.certificate=" + other.path() + "/certificate.pem", "tls.key=" + other.path() + "/key.pem"});
  ASSERT_NE(server.imap, 0) << server.ready;
  const std::string before = shown_certificate(server.imaps);
  as_service([&](const User&) {  // the key of the other certificate: a half-finished change
    std::filesystem::copy_file(other.path() + "/2/tls/key.pem", other.path() + "/key.pem",
                               std::filesystem::copy_options::overwrite_existing);
  });
  ::kill(server.pid, SIGHUP);
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(shown_certificate(server.imaps), before);
  as_service([&](const User&) {
    std::filesystem::copy_file(other.path() + "/2/tls/certificate.pem", other.path() + "/certificate.pem",
                               std::filesystem::copy_options::overwrite_existing);
  });
  ::kill(server.pid, SIGHUP);
  std::string after = before;
  for (int i = 0; i < 500 && after == before; ++i) {
    std::this_thread::sleep_for(20ms);
    after = shown_certificate(server.imaps);
  }
  EXPECT_NE(after, before);
  EXPECT_EQ(after.size(), 32U);
  ::kill(server.pid, SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Server, SaysWhatIsWrongWithItsFiles) {
  const ServiceDirectory directory;
  as_service([&](const User&) {
    const auto config = load_config({.data = directory.path(),
                                     .file = {},
                                     .sets = {"tls.certificate=/none.pem", "tls.key=/none.key",
                                              "imap.listen=127.0.0.1:0", "imaps.listen=", "http.listen="},
                                     .environment = {}});
    ASSERT_TRUE(config);
    const auto refused = run_server(*config, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text, "tls.certificate = /none.pem: No such file or directory");
  });
}

}  // namespace
}  // namespace cpm::server
