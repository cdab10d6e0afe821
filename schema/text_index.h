// The optional index that makes SEARCH BODY, TEXT and HEADER fast in very large mailboxes: trigrams of the stored texts
// (decision 0025). It is a matter of the database, not of a node: cpmctl makes and drops it while servers run, and
// every search uses it as soon as it is complete (contents_by_index in schema/search.h).
// Runs on: cpmctl.
#pragma once

#include "base/result.h"
#include "schema/database.h"

#include <cstdint>

namespace cpm::schema {

struct TextIndex {
  enum class State { none, incomplete, ready } state = State::none;  // incomplete: being made, or its making was cut
  std::uint64_t octets = 0;
};
[[nodiscard]] Result<TextIndex> text_index(Database& database);

// Reads all texts; deposits go on meanwhile. What an earlier attempt left incomplete is made anew. Failure::denied: the
// database user may not install the extensions pg_trgm and btree_gin.
[[nodiscard]] Result<void> create_text_index(Database& database);
[[nodiscard]] Result<void> drop_text_index(Database& database);

}  // namespace cpm::schema
