// Runs a part of a test in a child process as an unprivileged user, as the server itself would: PostgreSQL refuses
// root. Failures in the child fail the test.
// Runs on: the main thread of a test program.
#pragma once

#include "server/user.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

namespace cpm::server {

// A directory of the service user that is removed at the end.
class ServiceDirectory {
 public:
  ServiceDirectory() {
    char pattern[] = "/tmp/cpms-XXXXXX";
    path_ = ::mkdtemp(pattern);
    if (::geteuid() == 0) {
      const auto user = choose_user("");
      if (!user || ::chown(path_.c_str(), user->uid, user->gid) != 0) std::abort();
    }
  }
  ~ServiceDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  ServiceDirectory(const ServiceDirectory&) = delete;
  ServiceDirectory& operator=(const ServiceDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline pid_t fork_service(const std::function<void(const User&)>& body) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const auto user = choose_user("");
  if (!user || !become(*user)) ::_exit(99);
  body(*user);
  std::fflush(nullptr);
  ::_exit(testing::Test::HasFailure() ? 1 : 0);
}

inline void as_service(const std::function<void(const User&)>& body) {
  const pid_t pid = fork_service(body);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace cpm::server
