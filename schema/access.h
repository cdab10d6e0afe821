// The only maker of Grant: rights are read in the transaction that does the work, and every mutator takes a
// Grant, not a mailbox id (design decision 2). A mailbox without `l` reads the same as one that does not exist.
// Rights follow RFC 4314; the owner and a `full` service acting for the owner hold all of them; a
// `deposit` service holds l, r, s, w, i, k, p only (it stores and marks, it does not delete).
// Runs on: db thread.
#pragma once

#include "base/result.h"
#include "schema/mailboxes.h"
#include "schema/query.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::schema {

class Database;

using Rights = std::uint32_t;
enum Right : Rights {
  kLookup = 1U << 0,         // l
  kRead = 1U << 1,           // r
  kKeepSeen = 1U << 2,       // s
  kWrite = 1U << 3,          // w
  kInsert = 1U << 4,         // i
  kPost = 1U << 5,           // p
  kCreate = 1U << 6,         // k
  kDeleteMailbox = 1U << 7,  // x
  kDeleteMessage = 1U << 8,  // t
  kExpunge = 1U << 9,        // e
  kAdminister = 1U << 10,    // a
  kAllRights = (1U << 11) - 1,
};

enum class Role { owner, deposit, full };

// Who acts, and for whom. Made by login (imap/auth) or by cpmctl; a value.
struct Principal {
  AccountId account;    // whose store
  std::string address;  // the address logged in with or acted for
  std::string actor;    // authentication identity: the address again, or the service identity's name
  Role role = Role::owner;
};

class Grant {
 public:
  [[nodiscard]] const MailboxRow& mailbox() const { return mailbox_; }
  [[nodiscard]] AccountId account() const { return mailbox_.account; }
  [[nodiscard]] Rights rights() const { return rights_; }
  [[nodiscard]] bool holds(Rights wanted) const { return (rights_ & wanted) == wanted; }

 private:
  friend class Authorization;
  Grant(MailboxRow row, Rights rights) : mailbox_(std::move(row)), rights_(rights) {}

  MailboxRow mailbox_;
  Rights rights_;
};

// By canonical path or by id (of the selected mailbox). Failure::not_found when missing or invisible;
// Failure::denied when visible without all of `wanted`. Takes no lock. The row's counters are current.
[[nodiscard]] Result<Grant> authorize(Transaction& tx, const Principal& who, std::string_view path, Rights wanted);
[[nodiscard]] Result<Grant> authorize(Transaction& tx, const Principal& who, MailboxId id, Rights wanted);

// The same for code that needs the row and nothing else of the database: by the shortcut of Database::ask, so that
// there may be no answer, and authorize() is to be asked. For looking, not for changing: there is no transaction around
// it.
using AtOnce = std::optional<Result<Grant>>;
[[nodiscard]] boost::asio::awaitable<AtOnce> authorize_at_once(Database& database, Principal who, std::string path,
                                                               Rights wanted);
[[nodiscard]] boost::asio::awaitable<AtOnce> authorize_at_once(Database& database, Principal who, MailboxId id,
                                                               Rights wanted);

// What the principal may do with mailboxes of this account that do not exist yet (CREATE, RENAME target).
[[nodiscard]] Rights account_rights(const Principal& who) noexcept;

}  // namespace cpm::schema
