// COPY of a mailbox with everything below it: a whole conversation or session history in one step (MSS-15).
// Runs on: db thread.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "schema/access.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

struct CopiedMailbox {
  MailboxId from, to;
  std::string from_path, to_path;
  UidValidity uidvalidity;     // of the copy
  std::uint32_t messages = 0;  // copied
};
struct CopiedTree {
  std::vector<CopiedMailbox> mailboxes;  // by path, the mailbox itself first
  std::uint64_t messages = 0, octets = 0;
};
// All or nothing, and of one moment: the account is locked, so that nothing is deposited meanwhile. Each mailbox gets a
// copy below `to`, with its messages in order (flags, keywords and dates as COPY keeps them) and its annotations;
// special uses and subscriptions stay where they are. Missing parents of `to` are made. The limits of the account are
// asked once, before anything is written. Mailboxes below that may not be seen are left out. Failure::not_found
// (`from`), exists (`to`), invalid (`to` below `from`, or no possible name), limit (names, number of mailboxes),
// over_quota, denied. Needs Mode::transaction.
[[nodiscard]] Result<CopiedTree> copy_tree(Transaction& tx, const Principal& who, std::string_view from,
                                           std::string_view to, const Limits& limits);

}  // namespace cpm::schema
