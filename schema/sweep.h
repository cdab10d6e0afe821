// What a retention policy removes (docs/decisions/0033-retention.md): messages that have been in their mailbox longer
// than it allows, and messages that have had \Deleted for longer than it allows. The statements; which mailbox has
// which retention is said by imap/cpm/retention.h. Runs on: db thread.
#pragma once

#include "base/result.h"
#include "schema/messages.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace cpm::schema {

// Takes the next accounts of the round that all nodes share: those which may have a finite retention and are not
// disabled, rising, at most `count`. None: the round is over, the next is due after `pause`; or another node is taking
// some right now.
[[nodiscard]] Result<std::vector<AccountId>> take_accounts_to_sweep(Transaction& tx, std::chrono::seconds pause,
                                                                    std::size_t count);

// Remembers the HIGHESTMODSEQ of mailboxes that have messages with \Deleted, so that later it can be told how long they
// have had it; forgets what is of no use any more. `grace`: what will be asked for.
[[nodiscard]] Result<void> mark_deleted(Transaction& tx, AccountId account, const std::vector<MailboxId>& mailboxes,
                                        std::chrono::seconds grace);

// None: that does not end the life of a message.
struct SweepRule {
  std::optional<std::chrono::seconds> age;  // since the message came into the mailbox (SAVEDATE); not of \Flagged ones
  std::optional<std::chrono::seconds> grace;  // since it has had \Deleted
  // Of a session: its session info and group state objects stay as long as there is another message that stays.
  bool keeps_session_objects = false;
};

struct OldMessage {
  std::uint32_t uid = 0;
  std::uint64_t octets = 0;
};
struct SweepCursor {
  Uid aged, deleted;  // everything up to these was looked at, for its age and for its \Deleted
};
struct SweepLook {
  std::vector<OldMessage> aged, deleted;    // rising
  std::vector<OldMessage> session_objects;  // old enough, but for keeps_session_objects
  SweepCursor end;                          // where the next look begins
  bool more = false;
};
// Looks at a bounded number of messages behind `after`, in the order of UIDs, for those that have aged; up to the first
// one that is too young, because those behind it came later. `limit`: of each list. A message may stand in both lists.
// REQUIRES: grant holds kRead.
[[nodiscard]] Result<SweepLook> look_for_old(Transaction& tx, const Grant& grant, const SweepRule& rule,
                                             const SweepCursor& after, std::size_t limit);

// Removes those of `uids` (rising) that are still to go when their mailbox is locked, with everything that expunge()
// does. REQUIRES: grant holds kExpunge.
[[nodiscard]] Result<ExpungeResult> sweep(Transaction& tx, const Grant& grant, const SweepRule& rule,
                                          const std::vector<std::uint32_t>& uids);

}  // namespace cpm::schema
