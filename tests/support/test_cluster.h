// A throw-away PostgreSQL cluster for tests: made in a short-named temporary directory, unix socket only, without
// fsync, as an unprivileged user when the tests run as root. It dies with the test program, whatever happens to it, and
// directories that a killed program left behind are removed by the next one.
// Runs on: the main thread of a test program (the death signal follows the thread that started the server).
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

namespace cpm::support {

class TestCluster {
 public:
  // Makes and starts a cluster; throws std::runtime_error with the server's log when that fails. `fsync`: for
  // durability tests.
  explicit TestCluster(bool fsync = false);
  ~TestCluster();
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  // "host=… user=… dbname=…" for a database of this cluster, as a role that makes and owns databases and that row
  // security holds, as the server's own role; and as the superuser, whom nothing holds.
  [[nodiscard]] std::string url(const std::string& database) const;
  [[nodiscard]] std::string superuser_url(const std::string& database) const;
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] pid_t postmaster() const { return postmaster_; }

  void stop(int signal = SIGINT);  // SIGINT fast, SIGQUIT immediate, SIGKILL as a crash; waits for the end
  void start();                    // REQUIRES: stopped. Returns when the server accepts connections

 private:
  void run(const std::vector<std::string>& command) const;

  std::string directory_;
  std::string binaries_;
  bool fsync_;
  pid_t postmaster_ = -1;
};

}  // namespace cpm::support
