#include "server/embedded.h"

#include "base/log.h"
#include "server/cluster.h"
#include "server/data_directory.h"
#include "server/process.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

namespace cpm::server {

namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 20ms;
constexpr auto kKillPatience = 5s;
constexpr auto kFirstBackOff = 100ms;
constexpr auto kLongestBackOff = 30s;
constexpr auto kHealthyAfter = 60s;     // up for so long: the next death counts as the first one
constexpr off_t kLogOctets = 16 << 20;  // postgres.log begins anew above it
constexpr std::size_t kTailOctets = 2000;

}  // namespace

EmbeddedPostgres::EmbeddedPostgres(EmbeddedSettings settings)
    : settings_(std::move(settings)),
      cluster_(settings_.directory + "/pg"),
      log_(settings_.directory + "/postgres.log"),
      back_off_(kFirstBackOff) {}

EmbeddedPostgres::~EmbeddedPostgres() { stop(); }

Result<std::unique_ptr<EmbeddedPostgres>> EmbeddedPostgres::start(const EmbeddedSettings& settings) {
  if (::geteuid() == 0) return fail(Failure::denied, "the embedded database does not run as root");
  std::unique_ptr<EmbeddedPostgres> it(new EmbeddedPostgres(settings));
  CPM_TRY(version, cluster_version(it->cluster_));
  CPM_TRY(binaries, find_pg_binaries(settings.bin_dir, version));
  it->binaries_ = binaries;
  if (version == 0) CPM_CHECK(make_cluster(it->cluster_, binaries));
  CPM_CHECK(end_stray_postmaster(it->cluster_, settings.stop_timeout));
  CPM_TRY(socket, socket_directory(settings.directory, settings.user));
  it->socket_directory_ = socket;
  CPM_CHECK(configure_cluster(
      it->cluster_, {socket, settings.connections, settings.shared_buffers, binaries.major, settings.user.name}));
  std::string host;
  for (const char c : socket) host += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  it->url_ = "host='" + host + "' port=5432 dbname=" + kClusterDatabase + " user=" + kClusterDatabase;
  CPM_CHECK(it->wait_until_ready());
  return it;
}

Result<void> EmbeddedPostgres::launch() {
  trim_log();
  struct stat facts {};
  log_from_ = ::stat(log_.c_str(), &facts) == 0 ? static_cast<std::streamoff>(facts.st_size) : 0;
  CPM_TRY(pid, start_child({{binaries_.directory + "/postgres", "-D", cluster_}, {}}, log_, SIGINT));
  pid_ = pid;
  started_ = Clock::now();
  return {};
}

Result<void> EmbeddedPostgres::wait_until_ready() {
  const auto deadline = Clock::now() + settings_.start_timeout;
  while (Clock::now() < deadline) {
    if (pid_ < 0) CPM_CHECK(launch());
    std::this_thread::sleep_for(kPoll);
    if (says_ready()) {
      ready_ = true;
      log::info("database", "embedded database is ready",
                {{"process", std::to_string(pid_)}, {"socket", socket_directory_}});
      return {};
    }
    if (!reap()) continue;
    // Children of a postmaster that was killed need a moment to notice; until then their shared memory is in the way.
    const std::string tail = log_tail();
    const bool in_the_way =
        tail.find("shared memory block") != std::string::npos || tail.find("lock file") != std::string::npos;
    if (!in_the_way) {
      return fail(Failure::unavailable,
                  "the embedded database did not start (" + ended_with_ + "); the end of " + log_ + ":\n" + tail);
    }
    std::this_thread::sleep_for(200ms);
  }
  return fail(Failure::timeout, "the embedded database was not ready after " +
                                    std::to_string(settings_.start_timeout.count()) + " s; the end of " + log_ + ":\n" +
                                    log_tail() +
                                    "\nIf it only needs longer to recover: --set database.start_timeout=10m");
}

bool EmbeddedPostgres::says_ready() const {
  const PostmasterFile file = read_postmaster_file(cluster_);
  return file.ready && file.pid == pid_;
}

bool EmbeddedPostgres::reap() {
  if (pid_ < 0) return true;
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  if (ended == 0) return false;
  ended_with_ = ended == pid_ ? describe_status(status) : std::strerror(errno);
  pid_ = -1;
  ready_ = false;
  return true;
}

void EmbeddedPostgres::schedule_restart() {
  if (Clock::now() - started_ > kHealthyAfter) back_off_ = kFirstBackOff;
  restart_at_ = Clock::now() + back_off_;
  log::error("database", "the embedded database ended; starting it again",
             {{"how", ended_with_}, {"in_ms", std::to_string(back_off_.count())}, {"log", log_}});
  back_off_ = std::min<std::chrono::milliseconds>(back_off_ * 2, kLongestBackOff);
}

std::optional<std::chrono::milliseconds> EmbeddedPostgres::tend() {
  if (pid_ >= 0) {
    if (reap()) {
      schedule_restart();
    } else if (ready_) {
      return std::nullopt;
    } else if (says_ready()) {
      ready_ = true;
      log::info("database", "embedded database is ready again", {{"process", std::to_string(pid_)}});
      return std::nullopt;
    } else {
      return kPoll;
    }
  }
  const auto now = Clock::now();
  if (now < restart_at_) return std::chrono::ceil<std::chrono::milliseconds>(restart_at_ - now);
  if (const auto launched = launch(); !launched) {
    ended_with_ = launched.error().text;
    schedule_restart();
    return back_off_;
  }
  return kPoll;
}

void EmbeddedPostgres::stop(const std::function<bool()>& hurry) {
  if (pid_ < 0) return;
  ready_ = false;
  for (const int signal : {SIGINT, SIGQUIT}) {
    ::kill(pid_, signal);
    const auto deadline = Clock::now() + settings_.stop_timeout;
    while (Clock::now() < deadline) {
      if (reap()) {
        log::info("database", "embedded database stopped", {{"how", ended_with_}});
        return;
      }
      if (signal == SIGINT && hurry && hurry()) break;
      std::this_thread::sleep_for(kPoll);
    }
  }
  log::error("database", "the embedded database does not stop and is killed", {{"process", std::to_string(pid_)}});
  kill_family(pid_);
  const auto deadline = Clock::now() + kKillPatience;
  while (!reap() && Clock::now() < deadline) std::this_thread::sleep_for(kPoll);
  pid_ = -1;
}

void EmbeddedPostgres::trim_log() const {
  struct stat facts {};
  if (::stat(log_.c_str(), &facts) != 0 || facts.st_size < kLogOctets) return;
  ::rename(log_.c_str(), (log_ + ".old").c_str());
}

// What the present child wrote, its last lines.
std::string EmbeddedPostgres::log_tail() const {
  std::ifstream file(log_, std::ios::binary | std::ios::ate);
  if (!file) return "(cannot be read)";
  const auto size = static_cast<std::streamoff>(file.tellg());
  const auto from = std::max({log_from_, size - static_cast<std::streamoff>(kTailOctets), std::streamoff{0}});
  std::string text(static_cast<std::size_t>(std::max<std::streamoff>(size - from, 0)), '\0');
  file.seekg(from);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace cpm::server
