#include "schema/access.h"

#include "schema/acl_rows.h"
#include "schema/mailbox_rows.h"
#include "schema/owners.h"

namespace cpm::schema {

namespace {

// A depositing service stores and marks; it neither deletes nor administers.
constexpr Rights kDepositRights =
    kLookup | kRead | kKeepSeen | kWrite | kInsert | kPost | kCreate | kCopyOut | kAnnotate;

Error missing() { return fail(Failure::not_found, "no such mailbox"); }

}  // namespace

// What a mailbox row, or none, is for a principal.
class Authorization {
 public:
  static Result<Grant> of_own(std::optional<MailboxRow> row, const Principal& who, Rights wanted) {
    if (!row) return missing();
    return checked(Grant(*row, own_rights(who, *row), who.via), wanted);
  }

  // `prefix`: what leads to the owner. The same statements whether or not there is such a mailbox: the time tells
  // nothing.
  static Result<Grant> of_other(Transaction& tx, std::optional<MailboxRow> row, AccountId owner, std::string prefix,
                                const Principal& who, Rights wanted) {
    const Rights rights = rights_of_reader(tx, who.account, {owner, row ? row->id : MailboxId{}});
    if (!row) return missing();
    row->path.insert(0, prefix);
    row->prefix = static_cast<std::uint32_t>(prefix.size());
    row->reader = who.account;
    return checked(Grant(std::move(*row), rights & account_rights(who), who.via), wanted);
  }

 private:
  static Result<Grant> checked(Grant grant, Rights wanted) {
    if (!grant.holds(kLookup)) return missing();
    if (!grant.holds(wanted)) return fail(Failure::denied, "no right to do this in this mailbox");
    return grant;
  }
};

Rights account_rights(const Principal& who) noexcept { return who.role == Role::deposit ? kDepositRights : kAllRights; }

Rights own_rights(const Principal& who, const MailboxRow& mailbox) noexcept {
  return who.role == Role::admin ? Rights{kAllRights} : account_rights(who) & mailbox.owner_rights;
}

Result<Grant> authorize(Transaction& tx, const Principal& who, std::string_view path, Rights wanted) {
  if (!leads_elsewhere(path)) {
    tx.admit(who.account, who.account);
    return Authorization::of_own(find_mailbox(tx, who.account, path), who, wanted);
  }
  // Where no account is called so, that of nobody is asked.
  OwnedPath place = owner_of(tx, who, path).value_or(OwnedPath{{}, std::string(own_part(path)), {}});
  tx.admit(who.account, place.account);
  auto row = find_mailbox(tx, place.account, place.path);
  return Authorization::of_other(tx, std::move(row), place.account, std::move(place.prefix), who, wanted);
}

Result<Grant> authorize(Transaction& tx, const Principal& who, MailboxRef mailbox, Rights wanted) {
  tx.admit(who.account, mailbox.account);
  if (mailbox.account == who.account) {
    return Authorization::of_own(find_mailbox(tx, who.account, mailbox.id), who, wanted);
  }
  auto prefix = prefix_of(tx, mailbox.account);
  if (!prefix) return missing();
  auto row = find_mailbox(tx, mailbox.account, mailbox.id);
  return Authorization::of_other(tx, std::move(row), mailbox.account, std::move(*prefix), who, wanted);
}

boost::asio::awaitable<AtOnce> authorize_at_once(Database& database, Principal who, std::string path, Rights wanted) {
  if (leads_elsewhere(path)) co_return std::nullopt;
  auto row = co_await find_mailbox_at_once(database, who.account, std::move(path));
  if (!row) co_return std::nullopt;
  co_return Authorization::of_own(std::move(*row), who, wanted);
}

boost::asio::awaitable<AtOnce> authorize_at_once(Database& database, Principal who, MailboxRef mailbox, Rights wanted) {
  if (mailbox.account != who.account) co_return std::nullopt;
  auto row = co_await find_mailbox_at_once(database, who.account, mailbox.id);
  if (!row) co_return std::nullopt;
  co_return Authorization::of_own(std::move(*row), who, wanted);
}

}  // namespace cpm::schema
