// Entries of access control lists (RFC 4314): what others, groups and anyone may do in a mailbox, and what is taken
// from them; who granted it, why, when, until when (MSS-23 … 33, 37). Who may do what follows from them in access.h
// alone. Runs on: db thread.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/query.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// Persistent numbers.
enum class GranteeKind : std::int16_t { anyone = 0, account = 1, group = 2 };

struct AclIdentifier {
  GranteeKind kind = GranteeKind::anyone;
  std::int64_t id = 0;  // account or group
  std::string text;     // "anyone", "group:NAME", or the first address of the account
  bool operator==(const AclIdentifier& other) const { return kind == other.kind && id == other.id; }
};

// "anyone", "group:NAME", any address of an account; without the `-` of negative rights. Failure::not_found when there
// is no such account or group.
[[nodiscard]] Result<AclIdentifier> find_identifier(Transaction& tx, std::string_view text);

struct AclEntry {
  AclIdentifier identifier;
  bool negative = false;
  Rights rights = 0;
  std::string grantor;
  std::string reason;
  std::chrono::sys_seconds granted{};
  std::optional<std::chrono::sys_seconds> expires;  // none: never
};

enum class AclChange { replace, add, remove };  // SETACL's "", "+", "-" (RFC 4314 3.1)

struct NewAclEntry {
  AclIdentifier identifier;
  bool negative = false;
  AclChange change = AclChange::replace;
  Rights rights = 0;
  // Outer none: as it was (never, for a new entry); inner none: never.
  std::optional<std::optional<std::chrono::sys_seconds>> expires;
  std::optional<std::string> reason;  // none: as it was
};

// Each change returns whether anything is different now: then others are to be told (ChangeHub: the owner's mailbox,
// and the names of the account of `grantee` when the identifier is an account). `who` is recorded as the grantor.
// REQUIRES for all three: the grant holds kAdminister (Failure::denied).

// An entry without rights is removed. Failure::limit: too many entries of the mailbox, too many new ones within the
// hour (not for Role::full), the reason is too long; invalid: an expiry that is past, or one for the owner, who always
// keeps l and a.
[[nodiscard]] Result<bool> set_acl(Transaction& tx, const Principal& who, const Grant& grant, const NewAclEntry& entry,
                                   const Limits& limits);
[[nodiscard]] Result<bool> delete_acl(Transaction& tx, const Principal& who, const Grant& grant,
                                      const AclIdentifier& identifier, bool negative);
// Those in force now; the owner's first, which is there even when nothing was ever set.
[[nodiscard]] Result<std::vector<AclEntry>> list_acl(Transaction& tx, const Grant& grant);

// A new mailbox has the entries of its parent, with their expiry; its owner keeps what they have there.
[[nodiscard]] Result<void> inherit_acl(Transaction& tx, AccountId account, MailboxId parent, MailboxId child);

// Rights and annotations of a deleted mailbox, kept with its `removal`, for the mailbox of the grant that was made for
// its messages (schema/undelete.h): in place of what it inherited. Returns the accounts that are given something again.
// Failure::limit, over_quota (annotations). REQUIRES: the account is locked.
[[nodiscard]] Result<std::vector<AccountId>> restore_acl(Transaction& tx, const Principal& who, const Grant& grant,
                                                         MailboxId was, std::int32_t removal, const Limits& limits);

// Before an account is deleted: others are not looked at for its sake any more.
void forget_shares(Transaction& tx, AccountId account);

// -- Why somebody may or may not do something (cpmctl acl explain)

struct AclReason {
  AclEntry entry;  // also such that have expired and are not removed yet
  bool expired = false;
  std::string through;  // "itself", "anyone", "member of group:NAME"
};
struct AclExplanation {
  bool owner = false;
  bool hidden = false;             // the reader does not want to see it in LIST
  bool refused = false;            // the reader has refused it: it does not exist for them
  Rights granted = 0;              // by all positive entries (or the owner's)
  Rights taken = 0;                // by all negative entries
  Rights effective = 0;            // of the reader itself, without limits of a service's role
  std::vector<AclReason> reasons;  // all entries that concern the reader
};
// Of `reader` (an account) in the mailbox of the grant. Needs no right of `who`; for administrators.
[[nodiscard]] Result<AclExplanation> explain_acl(Transaction& tx, AccountId reader, const Grant& grant);

// -- Groups; made by administrators (cpmctl group)

struct AclGroup {
  std::int64_t id = 0;
  std::string name;
  std::vector<std::string> members;  // first addresses, sorted
};
[[nodiscard]] Result<AclGroup> add_group(Transaction& tx, std::string_view name);  // Failure::exists, invalid
// With its memberships and its entries everywhere. Failure::not_found.
[[nodiscard]] Result<void> delete_group(Transaction& tx, std::string_view name);
[[nodiscard]] Result<std::vector<AclGroup>> list_groups(Transaction& tx);
[[nodiscard]] Result<AclGroup> find_group(Transaction& tx, std::string_view name);
[[nodiscard]] Result<void> add_member(Transaction& tx, std::string_view group, std::string_view address);
[[nodiscard]] Result<void> remove_member(Transaction& tx, std::string_view group, std::string_view address);

// -- What a reader decides about what is shared with them (MSS-34)

enum class ShareState : std::int16_t { shown = 0, hidden = 1, refused = 2 };
struct Share {
  AccountId owner;
  std::string address;  // of the owner
  MailboxRow mailbox;   // its path as the reader names it
  Rights rights = 0;
  ShareState state = ShareState::shown;
};
// Everything that others share with `reader`, refused ones included; by path.
[[nodiscard]] Result<std::vector<Share>> list_shares(Transaction& tx, const Principal& reader);
// What a path of the reader's names among the shares, refused ones included; id 0: everything of that owner.
// Failure::not_found when nothing is shared there.
[[nodiscard]] Result<MailboxRef> share_named(Transaction& tx, const Principal& reader, std::string_view path);
// `mailbox` 0: everything of that owner.
[[nodiscard]] Result<void> set_share_state(Transaction& tx, const Principal& reader, AccountId owner, MailboxId mailbox,
                                           ShareState state);

// -- Accounts that are shared under a name: Shared/NAME/… (cpmctl shared)

struct SharedName {
  std::string name;
  std::string address;
};
[[nodiscard]] Result<void> add_shared_name(Transaction& tx, std::string_view name, std::string_view address);
[[nodiscard]] Result<void> remove_shared_name(Transaction& tx, std::string_view name);
[[nodiscard]] Result<std::vector<SharedName>> list_shared_names(Transaction& tx);

// -- Upkeep

struct ExpiredEntry {
  AccountId owner;
  MailboxId mailbox;
  GranteeKind kind;
  std::int64_t grantee;
};
// Removes at most `most` entries that have expired, of one owner at a time; `by` is recorded with each.
[[nodiscard]] Result<std::vector<ExpiredEntry>> sweep_acl(Transaction& tx, std::size_t most, const ActorRef& by);

}  // namespace cpm::schema
