// Forward-only migrations, applied under an advisory lock and recorded with a digest (storage-design 10).
// Runs on: start-up thread or cpmctl.
#pragma once

#include "base/result.h"
#include "schema/database.h"

#include <string>
#include <vector>

namespace cpm::schema {

struct Migration {
  int number;
  const char* file;  // "0001_core.sql"
  const char* sql;
};

// All migrations this binary knows, in rising order (generated from migrations/*.sql).
[[nodiscard]] const std::vector<Migration>& migrations();

struct SchemaState {
  int applied = 0;  // 0 = empty database
  int known = 0;    // the newest this binary knows
};
[[nodiscard]] Result<SchemaState> schema_state(Database& database);

// Brings the database to `known`. Failure::unsupported when it is newer than this binary or a digest differs; the
// text says which command to run.
[[nodiscard]] Result<SchemaState> migrate(Database& database);

}  // namespace cpm::schema
