// The only maker of Grant: rights are read in the transaction that does the work, and every mutator takes a
// Grant, not a mailbox id (design decision 2). A mailbox without `l` reads the same as one that does not exist.
// Rights follow RFC 4314. The owner holds all that they did not take from themself, and always l and a; others hold
// what the entries of the mailbox grant them, as accounts, as members of groups and as anyone, without what negative
// entries take away; an entry counts up to the second in which it expires. A service holds what the one has for whom it
// acts; a `deposit` service l, r, s, w, i, k, p of it (it stores and marks, it does not delete). See docs/sharing.md.
// Runs on: db thread.
#pragma once

#include "base/result.h"
#include "schema/actor.h"
#include "schema/mailboxes.h"
#include "schema/query.h"
#include "schema/rights.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::schema {

class Database;

// `admin`: cpmctl and the upkeep of the store, bound by nothing that the owner took from themself. Services have
// `deposit` or `full`; these numbers are persistent.
enum class Role { owner, deposit, full, admin };

// Who acts, and for whom. Made by login (imap/auth) or by cpmctl; a value.
struct Principal {
  AccountId account;    // whose store
  std::string address;  // the address logged in with or acted for
  std::string actor;    // authentication identity: the address again, or the service identity's name
  Role role = Role::owner;
  ActorRef via = {};  // for the record (schema/audit.h)
};

class Grant {
 public:
  [[nodiscard]] const MailboxRow& mailbox() const { return mailbox_; }
  [[nodiscard]] AccountId account() const { return mailbox_.account; }
  [[nodiscard]] MailboxRef ref() const { return mailbox_.ref(); }
  [[nodiscard]] bool own() const { return !mailbox_.reader; }  // the principal's own mailbox
  [[nodiscard]] Rights rights() const { return rights_; }
  [[nodiscard]] bool holds(Rights wanted) const { return (rights_ & wanted) == wanted; }
  [[nodiscard]] const ActorRef& via() const { return via_; }

 private:
  friend class Authorization;
  Grant(MailboxRow row, Rights rights, ActorRef via)
      : mailbox_(std::move(row)), rights_(rights), via_(std::move(via)) {}

  MailboxRow mailbox_;
  Rights rights_;
  ActorRef via_;  // who acts, for the record
};

// By canonical path as the principal names it, or by id (of the selected mailbox); in any account (schema/owners.h).
// Failure::not_found when missing or invisible; Failure::denied when visible without all of `wanted`. Takes no lock.
// The row's counters are current.
[[nodiscard]] Result<Grant> authorize(Transaction& tx, const Principal& who, std::string_view path, Rights wanted);
[[nodiscard]] Result<Grant> authorize(Transaction& tx, const Principal& who, MailboxRef mailbox, Rights wanted);

// The same for code that needs the row and nothing else of the database: by the shortcut of Database::ask, so that
// there may be no answer, as there never is for mailboxes of others, and authorize() is to be asked. For looking, not
// for changing: there is no transaction around it.
using AtOnce = std::optional<Result<Grant>>;
[[nodiscard]] boost::asio::awaitable<AtOnce> authorize_at_once(Database& database, Principal who, std::string path,
                                                               Rights wanted);
[[nodiscard]] boost::asio::awaitable<AtOnce> authorize_at_once(Database& database, Principal who, MailboxRef mailbox,
                                                               Rights wanted);

// What the principal may do in their own account where nothing restricts it: at its top level, for one.
[[nodiscard]] Rights account_rights(const Principal& who) noexcept;
// … and in a mailbox of theirs.
[[nodiscard]] Rights own_rights(const Principal& who, const MailboxRow& mailbox) noexcept;

}  // namespace cpm::schema
