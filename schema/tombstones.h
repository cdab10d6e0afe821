// Tombstones: the record of expunged UIDs is folded in the background, so that it stays small and is still exact
// (storage-design 3.3; migrations/0003).
// Runs on: db thread.
#pragma once

#include "base/result.h"
#include "schema/query.h"

#include <cstddef>

namespace cpm::schema {

// Looks at one mailbox that is due, of any account. True: there was one, and there may be more. Other sessions of the
// mailbox go on meanwhile.
[[nodiscard]] Result<bool> fold_expunged(Transaction& tx);

}  // namespace cpm::schema
