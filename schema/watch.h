// What NOTIFY looks at (RFC 5465): the mailboxes of an account, and those that others share with it, each with its
// counters and with what the principal may do there, read together. Values; nothing is authorised by them.
// Runs on: db thread.
#pragma once

#include "schema/access.h"

#include <chrono>
#include <map>
#include <optional>
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

// Those who share anything with the principal, as LIST knows them; at most `most`.
[[nodiscard]] Result<std::vector<AccountId>> share_owners(Transaction& tx, const Principal& who, std::size_t most);

// A reader's unseen messages have to be counted: what was counted at a MODSEQ counts as long as it is the highest.
struct UnseenAt {
  ModSeq modseq;
  std::uint32_t unseen = 0;
};
using UnseenKnown = std::map<MailboxId, UnseenAt>;

// What one owner shares with the principal, without what that one hides or refuses.
struct WatchedShare {
  std::string prefix;                     // what leads to the owner; empty: the account is gone
  std::vector<WatchedMailbox> mailboxes;  // paths as the principal names them
  // When the first of the entries that concern the principal ends: then their rights are others.
  std::optional<std::chrono::sys_seconds> ends;
};
[[nodiscard]] Result<WatchedShare> watch_share(Transaction& tx, const Principal& who, AccountId owner,
                                               const UnseenKnown& known);
// Those of `ids` that are there and may be seen, in no order; their paths are left empty.
[[nodiscard]] Result<std::vector<WatchedMailbox>> watch_share(Transaction& tx, const Principal& who, AccountId owner,
                                                              std::span<const MailboxId> ids, const UnseenKnown& known);

// When the rights in this mailbox of another account may next change by themselves.
[[nodiscard]] std::optional<std::chrono::sys_seconds> rights_end(Transaction& tx, const Principal& who,
                                                                 MailboxRef mailbox);

}  // namespace cpm::schema
