// What the files on access control share: what entries give to a reader. Not for other layers.
// Runs on: db thread.
#pragma once

#include "schema/acl.h"

#include <map>
#include <string>
#include <vector>

namespace cpm::schema {

// The longest reason of an entry and the longest name of a group or a shared account, in octets.
inline constexpr std::size_t kReasonOctets = 500;
inline constexpr std::size_t kGroupNameOctets = 200;

// `r` brings `0` along; then what is taken is gone.
[[nodiscard]] constexpr Rights combine(Rights granted, Rights taken) noexcept {
  if ((granted & kRead) != 0) granted |= kCopyOut;
  return granted & ~taken;
}

// What `reader` may do in a mailbox of another account; nothing when they refused the share. Two statements, one with
// the reader's account and one with the owner's. REQUIRES: as AclReader::rights().
[[nodiscard]] Rights rights_of_reader(Transaction& tx, AccountId reader, MailboxRef mailbox);

// An account as a reader of mailboxes of others. Knows its groups.
class AclReader {
 public:
  AclReader(Transaction& tx, AccountId account);

  // Of all mailboxes of an owner in which any entry concerns the reader; what was refused is left out.
  // REQUIRES: Transaction::admit() was called for the owner, else there are none.
  [[nodiscard]] std::map<MailboxId, Rights> rights(Transaction& tx, AccountId owner, bool with_refused = false) const;
  // Those who share something with the reader, as the hints say.
  [[nodiscard]] std::vector<AccountId> owners(Transaction& tx) const;
  // The reader's decisions about an owner; 0: about everything of them.
  [[nodiscard]] std::map<MailboxId, ShareState> choices(Transaction& tx, AccountId owner) const;

  [[nodiscard]] AccountId account() const { return account_; }
  [[nodiscard]] const std::string& groups() const { return groups_; }  // a bigint[] parameter

 private:
  AccountId account_;
  std::string groups_;
};

[[nodiscard]] ShareState state_of(const std::map<MailboxId, ShareState>& choices, MailboxId mailbox);

}  // namespace cpm::schema
