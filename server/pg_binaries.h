// Finding PostgreSQL's programs on this machine.
// Runs on: the main thread (it runs programs).
#pragma once

#include "base/result.h"

#include <string>

namespace cpm::server {

struct PgBinaries {
  std::string directory;  // holds initdb and postgres
  int major = 0;          // 15
};

inline constexpr int kOldestPostgres = 15;  // the schema uses what 15 brought

// In this order: `configured`, `pg_config --bindir`, PATH, the newest of the distribution's versioned folders. With
// `wanted` (the major version of an existing cluster) only programs of that version will do.
[[nodiscard]] Result<PgBinaries> find_pg_binaries(const std::string& configured, int wanted = 0);

}  // namespace cpm::server
