#include "schema/access.h"

#include "schema/mailbox_rows.h"

namespace cpm::schema {

namespace {

// A depositing service stores and marks; it neither deletes nor administers.
constexpr Rights kDepositRights = kLookup | kRead | kKeepSeen | kWrite | kInsert | kPost | kCreate;

}  // namespace

// What a mailbox row, or none, is for a principal.
class Authorization {
 public:
  static Result<Grant> of(std::optional<MailboxRow> row, const Principal& who, Rights wanted) {
    if (!row) return fail(Failure::not_found, "no such mailbox");
    const Grant grant(std::move(*row), account_rights(who));
    if (!grant.holds(kLookup)) return fail(Failure::not_found, "no such mailbox");
    if (!grant.holds(wanted)) return fail(Failure::denied, "no right to do this in this mailbox");
    return grant;
  }
};

Rights account_rights(const Principal& who) noexcept { return who.role == Role::deposit ? kDepositRights : kAllRights; }

Result<Grant> authorize(Transaction& tx, const Principal& who, std::string_view path, Rights wanted) {
  return Authorization::of(find_mailbox(tx, who.account, path), who, wanted);
}

Result<Grant> authorize(Transaction& tx, const Principal& who, MailboxId id, Rights wanted) {
  return Authorization::of(find_mailbox(tx, who.account, id), who, wanted);
}

boost::asio::awaitable<AtOnce> authorize_at_once(Database& database, Principal who, std::string path, Rights wanted) {
  auto row = co_await find_mailbox_at_once(database, who.account, std::move(path));
  if (!row) co_return std::nullopt;
  co_return Authorization::of(std::move(*row), who, wanted);
}

boost::asio::awaitable<AtOnce> authorize_at_once(Database& database, Principal who, MailboxId id, Rights wanted) {
  auto row = co_await find_mailbox_at_once(database, who.account, id);
  if (!row) co_return std::nullopt;
  co_return Authorization::of(std::move(*row), who, wanted);
}

}  // namespace cpm::schema
