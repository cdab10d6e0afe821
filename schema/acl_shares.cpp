#include "schema/acl.h"
#include "schema/acl_rows.h"
#include "schema/mailbox_rows.h"
#include "schema/owners.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr Query kChoose{"shared_choice_put",
                        "insert into shared_choice (account_id, owner, mailbox_id, state) values ($1, $2, $3, $4)"
                        " on conflict (account_id, owner, mailbox_id) do update set state = excluded.state,"
                        " changed_at = now()"};
constexpr Query kUnchoose{"shared_choice_remove",
                          "delete from shared_choice where account_id = $1 and owner = $2 and mailbox_id = $3"};

}  // namespace

Result<std::vector<Share>> list_shares(Transaction& tx, const Principal& reader) {
  std::vector<Share> out;
  const AclReader side(tx, reader.account);
  const std::vector<AccountId> owners = side.owners(tx);
  tx.admit_all(reader.account, owners);
  for (const AccountId owner : owners) {
    const auto rights = side.rights(tx, owner, true);
    if (rights.empty()) continue;
    std::string address;
    const auto prefix = prefix_of(tx, owner, &address);
    if (!prefix) continue;  // the account is gone, the hint is not
    const auto choices = side.choices(tx, owner);
    CPM_TRY(rows, mailboxes_of(tx, owner));
    for (MailboxRow& row : rows) {
      const auto found = rights.find(row.id);
      if (found == rights.end()) continue;
      Share share{owner, address, std::move(row), found->second & account_rights(reader),
                  state_of(choices, found->first)};
      if ((share.rights & kLookup) == 0) continue;
      share.mailbox.path.insert(0, *prefix);
      share.mailbox.prefix = static_cast<std::uint32_t>(prefix->size());
      share.mailbox.reader = reader.account;
      out.push_back(std::move(share));
    }
  }
  // Owner by owner; the mailboxes of each stand in their order.
  const auto owner_name = [](const Share& share) {
    return std::string_view(share.mailbox.path).substr(0, share.mailbox.prefix);
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](const Share& a, const Share& b) { return owner_name(a) < owner_name(b); });
  return out;
}

Result<MailboxRef> share_named(Transaction& tx, const Principal& reader, std::string_view path) {
  const auto place = owner_of(tx, reader, path);
  if (!place || place->prefix.empty()) return fail(Failure::not_found, "no such share");
  tx.admit(reader.account, place->account);
  const auto rights = AclReader(tx, reader.account).rights(tx, place->account, true);
  const auto visible = [](const auto& one) { return (one.second & kLookup) != 0; };
  if (place->path.empty()) {
    // A choice that was made can be taken back though nothing is shared now.
    if (std::none_of(rights.begin(), rights.end(), visible) &&
        AclReader(tx, reader.account).choices(tx, place->account).empty()) {
      return fail(Failure::not_found, "no such share");
    }
    return MailboxRef{place->account, MailboxId{}};
  }
  const auto row = find_mailbox(tx, place->account, place->path);
  const auto found = row ? rights.find(row->id) : rights.end();
  if (found == rights.end() || !visible(*found)) return fail(Failure::not_found, "no such share");
  return MailboxRef{place->account, row->id};
}

Result<void> set_share_state(Transaction& tx, const Principal& reader, AccountId owner, MailboxId mailbox,
                             ShareState state) {
  if (owner == reader.account) return fail(Failure::invalid, "one's own mailboxes are no shares");
  if (state == ShareState::shown) {
    tx.exec(kUnchoose, reader.account.value, owner.value, mailbox.value);
  } else {
    tx.exec(kChoose, reader.account.value, owner.value, mailbox.value, static_cast<int>(state));
  }
  return {};
}

}  // namespace cpm::schema
