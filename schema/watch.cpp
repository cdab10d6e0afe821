#include "schema/watch.h"

#include "schema/acl_rows.h"
#include "schema/mailbox_rows.h"
#include "schema/owners.h"
#include "schema/reader_flags.h"

namespace cpm::schema {

namespace {

constexpr Query kWatched{"mailbox_watched", "select " CPM_MAILBOX_COLUMNS
                                            " from mailbox m where m.account_id = $1"
                                            " and m.mailbox_id = any ($2::int[])"};

// Gives each mailbox what the reader may do there, and what is unseen for them; leaves out what may not be seen.
class ShareView {
 public:
  ShareView(Transaction& tx, const Principal& who, AccountId owner)
      : reader_(tx, who.account), may_(account_rights(who)), rights_(reader_.rights(tx, owner)) {
    if (!rights_.empty()) choices_ = reader_.choices(tx, owner);
  }
  [[nodiscard]] bool empty() const { return rights_.empty(); }
  [[nodiscard]] const AclReader& reader() const { return reader_; }

  [[nodiscard]] std::vector<WatchedMailbox> of(Transaction& tx, std::vector<MailboxRow> rows, const std::string& prefix,
                                               const UnseenKnown& known) const {
    std::vector<WatchedMailbox> out;
    for (MailboxRow& row : rows) {
      const auto found = rights_.find(row.id);
      if (found == rights_.end()) continue;
      const Rights rights = found->second & may_;
      if ((rights & kLookup) == 0 || state_of(choices_, row.id) != ShareState::shown) continue;
      row.path.insert(0, prefix);
      row.prefix = static_cast<std::uint32_t>(prefix.size());
      row.reader = reader_.account();
      const auto counted = known.find(row.id);
      row.unseen = counted != known.end() && counted->second.modseq == row.highestmodseq ? counted->second.unseen
                   : (rights & kRead) != 0                                               ? unseen_of(tx, row)
                                                                                         : 0;
      out.push_back({std::move(row), rights});
    }
    return out;
  }

 private:
  const AclReader reader_;
  const Rights may_;
  const std::map<MailboxId, Rights> rights_;
  std::map<MailboxId, ShareState> choices_;
};

std::vector<MailboxRow> some_of(Transaction& tx, AccountId account, std::span<const MailboxId> ids) {
  std::vector<std::int64_t> numbers;
  for (const MailboxId id : ids) numbers.push_back(id.value);
  std::vector<MailboxRow> out;
  for (const auto& row : tx.exec(kWatched, account.value, array(std::span<const std::int64_t>(numbers)))) {
    out.push_back(mailbox_from(account, row));
  }
  return out;
}

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
  std::vector<WatchedMailbox> out;
  for (MailboxRow& mailbox : some_of(tx, who.account, ids)) {
    const Rights rights = own_rights(who, mailbox);
    if ((rights & kLookup) != 0) out.push_back({std::move(mailbox), rights});
  }
  return out;
}

Result<std::vector<AccountId>> share_owners(Transaction& tx, const Principal& who, std::size_t most) {
  std::vector<AccountId> owners = AclReader(tx, who.account).owners(tx);
  if (owners.size() > most) owners.resize(most);
  return owners;
}

Result<WatchedShare> watch_share(Transaction& tx, const Principal& who, AccountId owner, const UnseenKnown& known) {
  WatchedShare out;
  tx.admit(who.account, owner);
  const auto prefix = prefix_of(tx, owner);
  if (!prefix) return out;
  out.prefix = *prefix;
  const ShareView view(tx, who, owner);
  out.ends = view.reader().ends(tx, owner, MailboxId{});
  if (view.empty()) return out;
  CPM_TRY(rows, mailboxes_of(tx, owner));
  out.mailboxes = view.of(tx, std::move(rows), out.prefix, known);
  return out;
}

Result<std::vector<WatchedMailbox>> watch_share(Transaction& tx, const Principal& who, AccountId owner,
                                                std::span<const MailboxId> ids, const UnseenKnown& known) {
  tx.admit(who.account, owner);
  const ShareView view(tx, who, owner);
  if (view.empty()) return std::vector<WatchedMailbox>{};
  return view.of(tx, some_of(tx, owner, ids), {}, known);
}

std::optional<std::chrono::sys_seconds> rights_end(Transaction& tx, const Principal& who, MailboxRef mailbox) {
  if (mailbox.account == who.account) return std::nullopt;
  tx.admit(who.account, mailbox.account);
  return AclReader(tx, who.account).ends(tx, mailbox.account, mailbox.id);
}

}  // namespace cpm::schema
