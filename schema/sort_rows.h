// What SORT and THREAD compare of messages, a page at a time.
// Runs on: db thread.
#pragma once

#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/query.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace cpm::schema {

// Each statement reads no more than is asked for.
enum class SortColumns {
  message,  // size and internal date
  dates,    // and the sent date
  keys,     // and the stored sort keys
  threads,  // the dates, the conversation, and what ties objects within it together
};

struct SortRow {
  Uid uid;
  ContentId content;
  std::uint64_t size = 0;
  std::int64_t internal_date = 0;  // seconds since 1970
  std::int64_t sent = 0;           // the Date field in UTC, else the internal date (RFC 5256 2.2)
  // The stored value; empty for messages stored before there was one, then `header` is their header block, unless that
  // is long and must be read from the octets.
  std::string_view keys;
  std::string_view header;
  std::uint64_t header_octets = 0;
  // Of SortColumns::threads. Empty: none.
  std::optional<std::int64_t> thread;
  std::string_view imdn_id, contribution_id, in_reply_to, reports_on;
};

// Rows by rising UID; the views point into the result beside them.
struct SortRows {
  BinaryRows result;
  std::vector<SortRow> rows;
};

// UIDs that are missing are left out. The caller pages (some thousand UIDs a call). REQUIRES: grant holds kRead.
[[nodiscard]] Result<SortRows> sort_rows(Transaction& tx, const Grant& grant, const UidSet& uids, SortColumns columns);

}  // namespace cpm::schema
