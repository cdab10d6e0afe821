// The embedded PostgreSQL: a private cluster in DATA/pg, reached by a unix socket only, run as a child of this process
// as its own unprivileged user (storage-design 11). It ends with this process, however that ends, and is started again
// when it dies alone. A stray one of a server that was killed is ended first.
// Runs on: the main thread, which lives as long as the process (the child's death signal follows it). At the end stop()
// may be called by another one while the main thread waits (server.cpp, Late).
#pragma once

#include "base/result.h"
#include "server/pg_binaries.h"
#include "server/user.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <ios>
#include <memory>
#include <optional>
#include <string>

namespace cpm::server {

struct EmbeddedSettings {
  std::string directory;  // the data directory, absolute, locked, owned by `user`
  std::string bin_dir;    // empty: looked for
  std::size_t connections = 8;
  std::uint64_t shared_buffers = 0;  // 0: from the machine's memory
  std::chrono::seconds start_timeout{120};
  std::chrono::seconds stop_timeout{30};
  User user;  // who we are
};

class EmbeddedPostgres {
 public:
  // Makes the cluster when there is none, starts it and waits until it accepts connections.
  // REQUIRES: not root. The Error's text says what to do.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedPostgres>> start(const EmbeddedSettings& settings);
  ~EmbeddedPostgres();  // stop()
  EmbeddedPostgres(const EmbeddedPostgres&) = delete;
  EmbeddedPostgres& operator=(const EmbeddedPostgres&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }  // libpq connection string
  [[nodiscard]] pid_t postmaster() const { return pid_; }        // -1 while it is down
  [[nodiscard]] bool ready() const { return ready_; }            // any thread

  // After SIGCHLD and when the returned time is over: notices its death, starts it again with back-off, notices that
  // it is ready. Nothing returned: wait for SIGCHLD.
  [[nodiscard]] std::optional<std::chrono::milliseconds> tend();

  // Fast shutdown; after stop_timeout an immediate one. Never SIGKILL: that leaves children and shared memory. `hurry`
  // is asked while waiting and ends the patience.
  void stop(const std::function<bool()>& hurry = {});

 private:
  using Clock = std::chrono::steady_clock;

  explicit EmbeddedPostgres(EmbeddedSettings settings);
  Result<void> launch();  // forks
  Result<void> wait_until_ready();
  [[nodiscard]] bool says_ready() const;
  bool reap();  // true when the child has ended
  void schedule_restart();
  void trim_log() const;
  [[nodiscard]] std::string log_tail() const;

  const EmbeddedSettings settings_;
  const std::string cluster_;  // DATA/pg
  const std::string log_;      // DATA/postgres.log
  PgBinaries binaries_;
  std::string socket_directory_;
  std::string url_;
  pid_t pid_ = -1;
  std::string ended_with_;
  std::streamoff log_from_ = 0;  // where the present child's output begins
  std::atomic<bool> ready_{false};
  Clock::time_point started_;
  Clock::time_point restart_at_;
  std::chrono::milliseconds back_off_;
};

}  // namespace cpm::server
