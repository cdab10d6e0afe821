// What NOTIFY looks at (RFC 5465): the mailboxes of an account, each with its counters and with what the principal may
// do there, read together. Values; nothing is authorised by them.
// Runs on: db thread.
#pragma once

#include "schema/access.h"

#include <span>
#include <string>
#include <vector>

namespace cpm::schema {

struct WatchedMailbox {
  MailboxRow mailbox;
  Rights rights = 0;  // of the principal, now; never without kLookup
};

struct WatchedAccount {
  std::vector<WatchedMailbox> mailboxes;   // all that the principal may see, as list_mailboxes() sorts them
  std::vector<std::string> subscriptions;  // sorted; empty unless asked for
};
[[nodiscard]] Result<WatchedAccount> watch_account(Transaction& tx, const Principal& who, bool subscriptions);

// Those of `ids` that are there and may be seen, in no order; their paths are left empty. One statement.
[[nodiscard]] Result<std::vector<WatchedMailbox>> watch_mailboxes(Transaction& tx, const Principal& who,
                                                                  std::span<const MailboxId> ids);

}  // namespace cpm::schema
