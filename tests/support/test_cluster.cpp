#include "tests/support/test_cluster.h"

#include <pqxx/pqxx>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace cpm::support {

namespace {

namespace fs = std::filesystem;
constexpr const char* kSuperuser = "admin";
constexpr const char* kPrefix = "cpmt-";  // short: a socket path has 107 octets

// initdb and postgres refuse to run as root.
const passwd* unprivileged() {
  if (::geteuid() != 0) return nullptr;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* user = ::getpwnam(name)) return user;
  }
  throw std::runtime_error("no unprivileged user to run PostgreSQL as");
}

std::string find_binaries() {
  if (const char* given = std::getenv("CPMSTORE_PG_BINDIR")) return given;
  fs::path best;
  int newest = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > newest && fs::exists(entry.path() / "bin/initdb")) {
      newest = version;
      best = entry.path() / "bin";
    }
  }
  if (newest > 0) return best;
  std::stringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');) {
    if (fs::exists(fs::path(folder) / "initdb")) return folder;
  }
  throw std::runtime_error("PostgreSQL's initdb was not found; set CPMSTORE_PG_BINDIR");
}

std::string temporary_directory() {
  const char* given = std::getenv("TMPDIR");
  const fs::path wanted = given != nullptr && *given != '\0' ? given : "/tmp";
  return wanted.native().size() < 60 ? wanted : fs::path("/tmp");
}

// The process in the name of a directory that a TestCluster made, `cpmt-<process>-XXXXXX`; 0 for any other name.
pid_t maker_of(std::string_view name) {
  constexpr std::string_view prefix = kPrefix;
  if (!name.starts_with(prefix)) return 0;
  name.remove_prefix(prefix.size());
  pid_t maker = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), maker);
  return error == std::errc() && end != name.data() + name.size() && *end == '-' ? maker : 0;
}

void remove_leftovers(const std::string& root) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    const pid_t maker = maker_of(entry.path().filename().native());
    if (maker > 0 && ::kill(maker, 0) != 0 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
  }
}

// In a child process, after fork.
[[noreturn]] void execute(const std::vector<std::string>& command, const passwd* user, const std::string& log,
                          int death_signal) {
  ::setsid();
  if (user != nullptr) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0) ::_exit(126);
  }
  if (death_signal != 0) ::prctl(PR_SET_PDEATHSIG, death_signal);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (out < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0 || ::chdir("/") != 0) ::_exit(126);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TestCluster::TestCluster(bool fsync) : binaries_(find_binaries()), fsync_(fsync) {
  const std::string root = temporary_directory();
  remove_leftovers(root);
  std::string name = root + "/" + kPrefix + std::to_string(::getpid()) + "-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  directory_ = name;
  if (const passwd* user = unprivileged()) {
    if (::chown(directory_.c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown " + directory_);
  }
  run({binaries_ + "/initdb", "-D", directory_ + "/data", "-U", kSuperuser, "-A", "trust", "-E", "UTF8",
       "--locale=C.UTF-8", "-N", "--no-instructions"});
  start();
  pqxx::connection connection(superuser_url("postgres"));
  pqxx::nontransaction work(connection);
  work.exec("create role cpmstore login createdb");
  work.exec("alter database postgres owner to cpmstore");
}

TestCluster::~TestCluster() {
  stop(SIGQUIT);
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void TestCluster::run(const std::vector<std::string>& command) const {
  const std::string log = directory_ + "/log";
  const passwd* user = unprivileged();
  const pid_t child = ::fork();
  if (child == 0) execute(command, user, log, SIGKILL);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) {
    throw std::runtime_error(command.front() + " failed:\n" + text_of(log));
  }
}

void TestCluster::start() {
  const std::string on = fsync_ ? "on" : "off";
  const std::vector<std::string> command{binaries_ + "/postgres",
                                         "-D",
                                         directory_ + "/data",
                                         "-c",
                                         "listen_addresses=",
                                         "-c",
                                         "unix_socket_directories=" + directory_,
                                         "-c",
                                         "fsync=" + on,
                                         "-c",
                                         "full_page_writes=" + on,
                                         "-c",
                                         "shared_buffers=64MB",
                                         "-c",
                                         "max_connections=200",
                                         "-c",
                                         "wal_level=minimal",
                                         "-c",
                                         "max_wal_senders=0",
                                         "-c",
                                         "max_wal_size=1GB",
                                         "-c",
                                         "jit=off",
                                         "-c",
                                         "logging_collector=off",
                                         "-c",
                                         "deadlock_timeout=50ms"};
  const std::string log = directory_ + "/log";
  const passwd* user = unprivileged();
  for (int waited = 0; waited < 3000; ++waited) {
    if (postmaster_ <= 0) {
      postmaster_ = ::fork();
      if (postmaster_ == 0) execute(command, user, log, SIGQUIT);
      if (postmaster_ < 0) throw std::runtime_error("fork failed");
    }
    try {
      const pqxx::connection connection(superuser_url("postgres"));
      return;
    } catch (const pqxx::broken_connection&) {
      // After a crash the old backends may hold the shared memory for a moment: then it is started again.
      if (::waitpid(postmaster_, nullptr, WNOHANG) == postmaster_) postmaster_ = -1;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  throw std::runtime_error("PostgreSQL did not start:\n" + text_of(log));
}

void TestCluster::stop(int signal) {
  if (postmaster_ <= 0) return;
  ::kill(postmaster_, signal);
  ::waitpid(postmaster_, nullptr, 0);
  postmaster_ = -1;
}

std::string TestCluster::url(const std::string& database) const {
  return "host=" + directory_ + " user=cpmstore dbname=" + database;
}

std::string TestCluster::superuser_url(const std::string& database) const {
  return "host=" + directory_ + " user=" + kSuperuser + " dbname=" + database;
}

}  // namespace cpm::support
