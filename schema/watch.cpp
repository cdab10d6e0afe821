#include "schema/watch.h"

#include "schema/mailbox_rows.h"

namespace cpm::schema {

namespace {

constexpr Query kWatched{"mailbox_watched", "select " CPM_MAILBOX_COLUMNS
                                            " from mailbox m where m.account_id = $1"
                                            " and m.mailbox_id = any ($2::int[])"};

}  // namespace

Result<WatchedAccount> watch_account(Transaction& tx, const Principal& who, bool subscriptions_too) {
  WatchedAccount out;
  CPM_TRY(rows, list_mailboxes(tx, who));
  if (subscriptions_too) {
    CPM_TRY(names, subscriptions(tx, who));
    out.subscriptions = std::move(names);
  }
  out.mailboxes.reserve(rows.size());
  for (MailboxRow& row : rows) out.mailboxes.push_back({std::move(row), account_rights(who)});
  return out;
}

Result<std::vector<WatchedMailbox>> watch_mailboxes(Transaction& tx, const Principal& who,
                                                    std::span<const MailboxId> ids) {
  std::vector<std::int64_t> numbers;
  for (const MailboxId id : ids) numbers.push_back(id.value);
  std::vector<WatchedMailbox> out;
  const Rights rights = account_rights(who);
  if ((rights & kLookup) == 0) return out;
  for (const auto& row : tx.exec(kWatched, who.account.value, array(std::span<const std::int64_t>(numbers)))) {
    out.push_back({mailbox_from(who.account, row), rights});
  }
  return out;
}

}  // namespace cpm::schema
