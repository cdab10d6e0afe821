#include "server/cluster.h"

#include "base/log.h"
#include "server/data_directory.h"
#include "server/process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <sstream>
#include <thread>

namespace cpm::server {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSocketFile = "/.s.PGSQL.5432";

Error program_failed(const std::string& what, const Ended& ended) {
  return fail(Failure::unavailable, what + " failed (status " + std::to_string(ended.status) + "):\n" + ended.output);
}

// The name must be on disk before anyone relies on the cluster.
void sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

}  // namespace

Result<int> cluster_version(const std::string& cluster) {
  auto text = read_small_file(cluster + "/PG_VERSION");
  if (text) {
    const int major = std::atoi(text->c_str());
    if (major > 0) return major;
    return fail(Failure::corrupt, cluster + "/PG_VERSION is not readable: this is not a PostgreSQL data directory");
  }
  std::error_code error;
  if (fs::exists(cluster, error) && !fs::is_empty(cluster, error)) {
    return fail(Failure::corrupt, cluster + " is not empty and not a PostgreSQL data directory (" + text.error().text +
                                      ")\nMove it away, or choose another directory with --data DIR");
  }
  return 0;
}

Result<void> make_cluster(const std::string& cluster, const PgBinaries& binaries) {
  const std::string half_made = cluster + ".tmp";
  std::error_code error;
  fs::remove_all(half_made, error);
  if (error) return fail(Failure::denied, "cannot remove " + half_made + ": " + error.message());
  log::info("database", "making the embedded database", {{"directory", cluster}, {"programs", binaries.directory}});
  auto made = run_program(
      {{binaries.directory + "/initdb", "-D", half_made, "-U", "postgres", "-A", "peer", "--auth-host=reject", "-E",
        "UTF8", "--locale=C.UTF-8", "--lc-collate=C", "-k", "--no-instructions"},
       {}});
  if (!made) return made.error();
  if (made->status != 0) return program_failed("initdb", *made);
  // The server's role owns its database and is no superuser. Single-user mode: nobody can connect yet.
  const std::string name = kClusterDatabase;
  auto filled = run_program(
      {{binaries.directory + "/postgres", "--single", "-D", half_made, "-c", "exit_on_error=true", "postgres"},
       "create role " + name + " login;\ncreate database " + name + " owner " + name + ";\n"});
  if (!filled) return filled.error();
  if (filled->status != 0 || filled->output.find("ERROR:") != std::string::npos) {
    return program_failed("making the database " + name, *filled);
  }
  auto included = write_file(half_made + "/postgresql.conf",
                             "# cpmstore.conf is written at every start; what stands in local.conf overrules it.\n"
                             "include 'cpmstore.conf'\ninclude_if_exists 'local.conf'\n",
                             true);
  if (!included) return included;
  sync_directory(half_made);
  fs::remove(cluster, error);  // an empty folder may stand there
  fs::rename(half_made, cluster, error);
  if (error) return fail(Failure::denied, "cannot rename " + half_made + ": " + error.message());
  sync_directory(fs::path(cluster).parent_path().string());
  return {};
}

Result<std::string> socket_directory(const std::string& data, const User& user) {
  const auto fits = [](const std::string& directory) {
    return directory.size() + std::strlen(kSocketFile) + 5 < sizeof(sockaddr_un::sun_path);  // 5: ".lock"
  };
  std::string directory = data + "/run";
  if (!fits(directory)) {
    const char* run = std::getenv("XDG_RUNTIME_DIR");
    const std::string root = run != nullptr && ::access(run, W_OK) == 0 ? run : "/tmp";
    std::ostringstream name;
    name << root << "/cpmstore-" << user.uid << '-' << std::hex << std::hash<std::string>{}(data);
    directory = name.str();
    if (!fits(directory)) directory = "/tmp" + directory.substr(root.size());
  }
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Failure::denied, "cannot make " + directory + ": " + std::strerror(errno));
  }
  struct stat facts {};
  if (::lstat(directory.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode) || facts.st_uid != user.uid ||
      ::chmod(directory.c_str(), 0700) != 0) {
    return fail(Failure::denied,
                directory + " is not a directory of user " + user.name + "\nRemove it, or choose a shorter --data DIR");
  }
  return directory;
}

Result<void> configure_cluster(const std::string& cluster, const ClusterSettings& settings) {
  const std::uint64_t buffers = settings.shared_buffers != 0 ? settings.shared_buffers : default_shared_buffers();
  std::ostringstream text;
  text << "# Written by cpmstored at every start.\n"
       << "listen_addresses = ''\n"
       << "port = 5432\n"
       << "unix_socket_directories = " << quoted(settings.socket_directory) << "\n"
       << "unix_socket_permissions = 0700\n"
       << "max_connections = " << settings.connections + 10 << "\n"
       << "shared_buffers = " << buffers / 1024 << "kB\n"
       << "fsync = on\nfull_page_writes = on\nsynchronous_commit = on\n"
       << "wal_compression = lz4\ndefault_toast_compression = lz4\n"
       << "max_wal_size = 2GB\ncheckpoint_timeout = 15min\n"
       << "jit = off\nmax_parallel_workers_per_gather = 0\nrandom_page_cost = 1.1\n"
       << "idle_in_transaction_session_timeout = 30s\n"
       << "autovacuum_vacuum_cost_limit = 2000\nautovacuum_freeze_max_age = 1000000000\n"
       << "timezone = 'UTC'\nlog_timezone = 'UTC'\nlc_messages = 'C'\n"
       << "log_checkpoints = off\nlog_line_prefix = '%m [%p] '\n"
       << "cluster_name = 'cpmstore'\n";
  auto written = write_file(cluster + "/cpmstore.conf", text.str());
  if (!written) return written;
  written = write_file(cluster + "/pg_hba.conf",
                       "# Written by cpmstored at every start: this machine's own users only, see pg_ident.conf.\n"
                       "local all all peer map=cpmstore\n");
  if (!written) return written;
  std::string map = "# Written by cpmstored at every start. Root may come in for cpmctl.\n";
  for (const std::string& user : {settings.user, std::string("root")}) {
    map += "cpmstore \"" + user + "\" " + kClusterDatabase + "\ncpmstore \"" + user + "\" postgres\n";
  }
  return write_file(cluster + "/pg_ident.conf", map);
}

std::uint64_t default_shared_buffers() {
  struct sysinfo info {};
  std::uint64_t memory = ::sysinfo(&info) == 0 ? static_cast<std::uint64_t>(info.totalram) * info.mem_unit : 0;
  if (auto limit = read_small_file("/sys/fs/cgroup/memory.max"); limit) {  // "max" or octets
    const std::uint64_t octets = std::strtoull(limit->c_str(), nullptr, 10);
    if (octets != 0) memory = std::min(memory, octets);
  }
  return std::clamp<std::uint64_t>(memory / 4, 128ULL << 20, 2ULL << 30);
}

PostmasterFile read_postmaster_file(const std::string& cluster) {
  PostmasterFile file;
  auto text = read_small_file(cluster + "/postmaster.pid");
  if (!text) return file;
  std::istringstream lines(*text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (number == 1) file.pid = static_cast<pid_t>(std::atoi(line.c_str()));
    if (number == 8) file.ready = line.starts_with("ready");
  }
  if (file.pid <= 0) file.pid = -1;
  return file;
}

Result<void> end_stray_postmaster(const std::string& cluster, std::chrono::seconds patience) {
  const pid_t pid = read_postmaster_file(cluster).pid;
  std::error_code error;
  const std::string real = fs::canonical(cluster, error).string();
  // The number may belong to another process by now; a postmaster works in its data directory.
  const auto runs = [&] {
    std::error_code gone;
    return pid > 0 && fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", gone).string() == real && !gone;
  };
  if (!runs()) return {};
  log::info("database", "ending the database of a server that was killed", {{"process", std::to_string(pid)}});
  for (const int signal : {SIGINT, SIGQUIT}) {
    ::kill(pid, signal);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (!runs()) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return fail(Failure::in_use, "PostgreSQL (process " + std::to_string(pid) + ") runs on " + cluster +
                                   " and does not end\nEnd it, then start again");
}

}  // namespace cpm::server
