// The files of an embedded cluster: making it, its configuration, the process that uses it.
// Runs on: the main thread.
#pragma once

#include "base/result.h"
#include "server/pg_binaries.h"
#include "server/user.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace cpm::server {

inline constexpr const char* kClusterDatabase = "cpmstore";  // and the role that owns it

// The major version of the cluster in `cluster`, 0 when there is none.
[[nodiscard]] Result<int> cluster_version(const std::string& cluster);

// initdb into CLUSTER.tmp, role and database, then the rename that makes it a cluster; a half-made one is thrown away.
[[nodiscard]] Result<void> make_cluster(const std::string& cluster, const PgBinaries& binaries);

// A 0700 directory for the socket: DATA/run when its path is short enough for a socket, else one in a run folder.
[[nodiscard]] Result<std::string> socket_directory(const std::string& data, const User& user);

struct ClusterSettings {
  std::string socket_directory;
  std::size_t connections = 8;
  std::uint64_t shared_buffers = 0;
  int major = 0;
  std::string user;
};
// Writes cpmstore.conf, pg_hba.conf and pg_ident.conf; local.conf, if the operator makes it, overrules them.
[[nodiscard]] Result<void> configure_cluster(const std::string& cluster, const ClusterSettings& settings);

// A quarter of the memory that this process may use, 128 MiB to 2 GiB.
[[nodiscard]] std::uint64_t default_shared_buffers();

// postmaster.pid: who runs the cluster, and whether it takes connections.
struct PostmasterFile {
  pid_t pid = -1;
  bool ready = false;
};
[[nodiscard]] PostmasterFile read_postmaster_file(const std::string& cluster);

// Ends the postmaster of a server that was killed, if one still runs on this cluster, and waits for it.
[[nodiscard]] Result<void> end_stray_postmaster(const std::string& cluster, std::chrono::seconds patience);

}  // namespace cpm::server
