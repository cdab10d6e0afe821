#include "server/user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace cpm::server {

namespace {

constexpr const char* kDefaultUser = "postgres";

Result<User> named(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) {
    return fail(Failure::invalid, "there is no system user \"" + name + "\"\nMake one (useradd --system " + name +
                                      ") or name another with --set database.run_as=USER");
  }
  if (entry->pw_uid == 0) {
    return fail(Failure::invalid, "database.run_as must name an unprivileged user: PostgreSQL does not run as root");
  }
  return User{entry->pw_name, entry->pw_uid, entry->pw_gid};
}

}  // namespace

Result<User> choose_user(const std::string& run_as) {
  if (::geteuid() == 0) {
    if (!run_as.empty()) return named(run_as);
    auto user = named(kDefaultUser);
    if (user) return user;
    return fail(Failure::invalid,
                "started as root, but the server does not run as root and there is no user \"postgres\"\n"
                "Name an unprivileged user with --set database.run_as=USER, or start it as one");
  }
  const passwd* entry = ::getpwuid(::geteuid());
  const User self{entry != nullptr ? entry->pw_name : std::to_string(::geteuid()), ::geteuid(), ::getegid()};
  if (!run_as.empty() && run_as != self.name) {
    return fail(Failure::invalid, "database.run_as is \"" + run_as + "\", but this was started as " + self.name +
                                      "\nStart it as " + run_as + " or as root");
  }
  return self;
}

Result<void> become(const User& user) {
  if (::geteuid() == user.uid) return {};
  if (::initgroups(user.name.c_str(), user.gid) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) {
    return fail(Failure::denied, "cannot become user " + user.name + ": " + std::strerror(errno));
  }
  if (::setuid(0) == 0) return fail(Failure::internal, "root was not given up");
  ::setenv("USER", user.name.c_str(), 1);
  ::setenv("LOGNAME", user.name.c_str(), 1);
  if (const passwd* entry = ::getpwuid(user.uid); entry != nullptr) ::setenv("HOME", entry->pw_dir, 1);
  return {};
}

}  // namespace cpm::server
