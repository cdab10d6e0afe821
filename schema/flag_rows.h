// What flags_lock_v1 returns: the messages of some ranges under the lock of their mailbox. Not for other layers.
// Runs on: db thread.
#pragma once

#include "schema/message_flags.h"
#include "schema/query.h"

#include <pqxx/pqxx>

#include <cstdint>
#include <vector>

namespace cpm::schema {

inline constexpr Query kLockFlags{"flags_lock",
                                  "select highestmodseq, packed, keywords from flags_lock_v1($1, $2, $3, $4)"};

struct FlagRow {
  MessageFlags message;
  std::uint32_t size = 0;
};
// From a row of kLockFlags, by uid.
[[nodiscard]] std::vector<FlagRow> flag_rows_from(const pqxx::row& row);

}  // namespace cpm::schema
