// The system user that the server runs as. Started as root it becomes an unprivileged user before it makes a thread or
// opens the database: PostgreSQL refuses root, and peer authentication wants one user for both.
// Runs on: the main
// thread, before other threads start.
#pragma once

#include "base/result.h"

#include <sys/types.h>

#include <string>

namespace cpm::server {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Root: `run_as`, else the user postgres (Debian's package makes it); never root itself. Otherwise the present user,
// which `run_as` may not contradict.
[[nodiscard]] Result<User> choose_user(const std::string& run_as);

// Gives up root for good; nothing to do when already that user.
[[nodiscard]] Result<void> become(const User& user);

}  // namespace cpm::server
