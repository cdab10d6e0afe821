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
  for (MailboxRow& row : rows) {
    const Rights rights = own_rights(who, row);
    out.mailboxes.push_back({std::move(row), rights});
  }
  return out;
}

Result<std::vector<WatchedMailbox>> watch_mailboxes(Transaction& tx, const Principal& who,
                                                    std::span<const MailboxId> ids) {
  std::vector<std::int64_t> numbers;
  for (const MailboxId id : ids) numbers.push_back(id.value);
  std::vector<WatchedMailbox> out;
  for (const auto& row : tx.exec(kWatched, who.account.value, array(std::span<const std::int64_t>(numbers)))) {
    MailboxRow mailbox = mailbox_from(who.account, row);
    const Rights rights = own_rights(who, mailbox);
    if ((rights & kLookup) != 0) out.push_back({std::move(mailbox), rights});
  }
  return out;
}

}  // namespace cpm::schema
