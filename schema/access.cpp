#include "schema/access.h"

#include "schema/mailbox_rows.h"

namespace cpm::schema {

namespace {

// A depositing service stores and marks; it neither deletes nor administers.
constexpr Rights kDepositRights = kLookup | kRead | kKeepSeen | kWrite | kInsert | kPost | kCreate;

Error no_such_mailbox() { return fail(Failure::not_found, "no such mailbox"); }

}  // namespace

Rights account_rights(const Principal& who) noexcept { return who.role == Role::deposit ? kDepositRights : kAllRights; }

Result<Grant> authorize(Transaction& tx, const Principal& who, std::string_view path, Rights wanted) {
  auto row = find_mailbox(tx, who.account, path);
  if (!row) return no_such_mailbox();
  const Grant grant(std::move(*row), account_rights(who));
  if (!grant.holds(kLookup)) return no_such_mailbox();
  if (!grant.holds(wanted)) return fail(Failure::denied, "no right to do this in this mailbox");
  return grant;
}

Result<Grant> authorize(Transaction& tx, const Principal& who, MailboxId id, Rights wanted) {
  auto row = find_mailbox(tx, who.account, id);
  if (!row) return no_such_mailbox();
  const Grant grant(std::move(*row), account_rights(who));
  if (!grant.holds(kLookup)) return no_such_mailbox();
  if (!grant.holds(wanted)) return fail(Failure::denied, "no right to do this in this mailbox");
  return grant;
}

}  // namespace cpm::schema
