// What was expunged or deleted with its mailbox, for as long as it can be restored (docs/decisions/0041-undelete.md).
// Runs on: db thread.
#pragma once

#include "base/limits.h"
#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

class Database;

// Names one removed message of an account.
struct RemovedId {
  MailboxId mailbox;  // where it was
  std::int32_t number = 0;
  std::uint32_t uid = 0;
};
[[nodiscard]] std::string removed_id_text(const RemovedId& id);  // "3-17-42"
[[nodiscard]] std::optional<RemovedId> removed_id_from(std::string_view text);

struct RemovedMessage {
  RemovedId id;
  std::string path;             // of the mailbox then
  bool whole = false;           // the mailbox was deleted
  std::string removed_by;       // who, as the record says; empty: not recorded
  std::int64_t removed_at = 0;  // microseconds since 1970
  std::chrono::sys_seconds internal_date;
  std::uint64_t size = 0;
  std::uint32_t bits = 0;  // schema::FlagBit
  std::string envelope;    // ready IMAP bytes
  std::string header;      // exact octets; empty when it is long
};
struct RemovedFilter {
  std::string mailbox;                       // this path then, or below it
  std::optional<std::int64_t> since, until;  // when it was removed
  std::string subject, from, message_id;     // subject, from: part of the field, case-folded text; may be empty
  std::optional<std::pair<std::int64_t, RemovedId>> after;  // removed_at and id of the last one told
  std::size_t limit = 1000;
};
// The newest first.
[[nodiscard]] Result<std::vector<RemovedMessage>> list_removed(Transaction& tx, const Principal& who,
                                                               const RemovedFilter& filter);

struct Restored {
  UidValidity uidvalidity;
  MailboxId mailbox;
  std::string path;
  UidSet uids;                    // new
  bool made = false;              // the mailbox is new
  std::vector<AccountId> shared;  // to whom it is shared again: their names are others now
  std::uint32_t messages = 0;
};
// All of them, or none: into the mailbox of the grant. Failure::not_found when one is not there any more; over_quota,
// limit (keywords), denied. REQUIRES: grant holds kInsert; it is the owner's own mailbox.
[[nodiscard]] Result<Restored> restore_messages(Transaction& tx, const Principal& who, const Grant& to,
                                                const std::vector<RemovedId>& ids, const Limits& limits);
// Everything that was last deleted with a mailbox of this path, into a mailbox of that name: the one there is, or a new
// one, which then has the rights and annotations of the old one too. Failure::not_found, and as above.
[[nodiscard]] Result<Restored> restore_mailbox(Transaction& tx, const Principal& who, std::string_view path,
                                               const Limits& limits);

// For upkeep: ends the time of what was removed longer than `keep` ago, at most `batch` messages. Returns how many.
[[nodiscard]] Result<std::size_t> expire_removed(Transaction& tx, std::chrono::seconds keep, std::size_t batch);

}  // namespace cpm::schema
