// Mailboxes of an account: rows with their counters, create, delete, rename, subscriptions, special use.
// Paths are canonical UTF-8 with `/`; "INBOX" is spelled so (imap/grammar/mailbox_name.h makes them).
// RFC 9051 6.3.4-6.3.9, RFC 6154. UIDVALIDITY is never reused for a name (MSS-89).
// Runs on: db thread.
#pragma once

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "schema/query.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

class Grant;
struct Principal;

// One special use per mailbox (RFC 6154 2); persistent numbers. `important` is RFC 8457.
enum class SpecialUse : std::int16_t { none, all, archive, drafts, flagged, junk, sent, trash, important };
[[nodiscard]] std::string_view special_use_name(SpecialUse use) noexcept;                  // "\\Sent", "" for none
[[nodiscard]] std::optional<SpecialUse> special_use_from(std::string_view name) noexcept;  // case-insensitive

// A mailbox of any account: whose it is belongs to which it is.
struct MailboxRef {
  AccountId account;  // the owner
  MailboxId id;
  auto operator<=>(const MailboxRef&) const = default;
  explicit operator bool() const { return static_cast<bool>(id); }
};

struct MailboxRow {
  AccountId account;  // the owner
  MailboxId id;
  std::string path;          // as the principal names it: "Other Users/<address>/<path of the owner>"
  std::uint32_t prefix = 0;  // octets of `path` that lead to the owner's store, with the delimiter; 0: it is their own
  AccountId reader;          // who looks at the mailbox of another account, and has \Seen for themself; none: the owner
  std::uint32_t owner_rights = ~0U;  // what the owner may do (schema::Right)
  UidValidity uidvalidity;
  Uid uidnext;
  ModSeq highestmodseq;
  std::uint32_t messages = 0;
  std::uint32_t unseen = 0;
  std::uint32_t deleted = 0;        // messages with \Deleted
  std::uint64_t bytes = 0;          // sum of RFC822.SIZE
  std::uint64_t deleted_bytes = 0;  // of those with \Deleted
  Uid recent_from;                  // messages with uid >= this are \Recent for the next SELECT
  SpecialUse use = SpecialUse::none;

  [[nodiscard]] MailboxRef ref() const { return {account, id}; }
  [[nodiscard]] std::string own_path() const { return path.substr(prefix); }  // as the owner names it
};

// All mailboxes of the principal's own account, sorted by path with INBOX first; one statement.
[[nodiscard]] Result<std::vector<MailboxRow>> list_mailboxes(Transaction& tx, const Principal& who);

// Creates `path` and its missing parents as real mailboxes; each has the access control entries of its parent. `k` on
// the nearest parent that is there is needed (RFC 4314 4); at the top level of an account its owner alone creates.
// Failure::exists, limit, invalid (INBOX), denied, use_attr (special use already taken by another mailbox).
[[nodiscard]] Result<MailboxRow> create_mailbox(Transaction& tx, const Principal& who, std::string_view path,
                                                SpecialUse use, const Limits& limits);

// Removes the mailbox and its messages; usage goes down in the same transaction. Failure::has_children when inferior
// names exist, denied, invalid (INBOX). REQUIRES: grant holds kDeleteMailbox.
[[nodiscard]] Result<void> delete_mailbox(Transaction& tx, const Grant& grant);

// Renames the mailbox with everything below it; missing parents of the target are made. INBOX: its messages
// move to the new mailbox, INBOX stays, its inferiors stay (RFC 9051 6.3.6). Failure::exists, invalid (into its own
// subtree), limit, denied (also without `k` on the new parent), unsupported (to another account). Returns the paths
// that changed, old → new, the mailbox first.
struct Renamed {
  std::string from;
  std::string to;
};
[[nodiscard]] Result<std::vector<Renamed>> rename_mailbox(Transaction& tx, const Principal& who, const Grant& grant,
                                                          std::string_view new_path, const Limits& limits);

// Subscriptions are names; they outlive their mailbox (RFC 9051 6.3.7). subscribe: Failure::limit.
[[nodiscard]] Result<void> subscribe(Transaction& tx, const Principal& who, std::string_view path,
                                     const Limits& limits);
[[nodiscard]] Result<void> unsubscribe(Transaction& tx, const Principal& who, std::string_view path);
[[nodiscard]] Result<std::vector<std::string>> subscriptions(Transaction& tx, const Principal& who);

// \Recent (RFC 3501 2.3.2): returns the first UID that is recent for this session and claims all below `uidnext`.
[[nodiscard]] Result<Uid> claim_recent(Transaction& tx, const Grant& grant, Uid uidnext);

}  // namespace cpm::schema
