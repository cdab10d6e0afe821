#include "schema/acl_rows.h"

#include <algorithm>

namespace cpm::schema {

namespace {

// What the reader's own account says: groups, and what was decided about this share.
constexpr Query kReader{
    "acl_reader",
    "select (select array_agg(group_id)::text from acl_member where account_id = $1),"
    " (select max(state) from shared_choice where account_id = $1 and owner = $2 and mailbox_id in (0, $3))"};

constexpr Query kGroups{"acl_reader_groups", "select group_id from acl_member where account_id = $1"};

// The clock is read while the statement runs: an entry ends at its second, however long the transaction lasts.
#define CPM_ACL_CONCERNS(account, groups)                                                     \
  "(kind = 0 or (kind = 1 and grantee = " account ") or (kind = 2 and grantee = any (" groups \
  "::bigint[])))"                                                                             \
  " and (expires_at is null or expires_at > clock_timestamp())"

constexpr Query kRights{"acl_rights",
                        "select coalesce(bit_or(rights) filter (where not negative), 0),"
                        " coalesce(bit_or(rights) filter (where negative), 0)"
                        " from acl where account_id = $1 and mailbox_id = $2 and " CPM_ACL_CONCERNS("$3", "$4")};

constexpr Query kAllRightsOf{
    "acl_rights_all",
    "select mailbox_id, coalesce(bit_or(rights) filter (where not negative), 0),"
    " coalesce(bit_or(rights) filter (where negative), 0)"
    " from acl where account_id = $1 and " CPM_ACL_CONCERNS("$2", "$3") " group by mailbox_id"};

#undef CPM_ACL_CONCERNS

constexpr Query kOwners{"shared_owners", "select o from unnest(shared_owners_v1($1, $2)) o order by o"};
// What `anyone` may see of more accounts is found by name, not by LIST: it must not get slow for everybody by many
// who share with all.
constexpr int kMostOwners = 300;

constexpr Query kChoices{"shared_choices",
                         "select mailbox_id, state from shared_choice where account_id = $1 and owner = $2"};

std::string array_or_empty(const pqxx::field& field) { return field.is_null() ? "{}" : field.c_str(); }

}  // namespace

Rights rights_of_reader(Transaction& tx, AccountId reader, MailboxRef mailbox) {
  const pqxx::result side = tx.exec(kReader, reader.value, mailbox.account.value, mailbox.id.value);
  if (!side[0][1].is_null() && static_cast<ShareState>(side[0][1].as<int>()) == ShareState::refused) return 0;
  const pqxx::result rows =
      tx.exec(kRights, mailbox.account.value, mailbox.id.value, reader.value, array_or_empty(side[0][0]));
  return combine(rows[0][0].as<Rights>(), rows[0][1].as<Rights>());
}

AclReader::AclReader(Transaction& tx, AccountId account) : account_(account) {
  std::vector<std::int64_t> groups;
  for (const auto& row : tx.exec(kGroups, account.value)) groups.push_back(row[0].as<std::int64_t>());
  groups_ = array(std::span<const std::int64_t>(groups));
}

std::map<MailboxId, Rights> AclReader::rights(Transaction& tx, AccountId owner, bool with_refused) const {
  const auto decided = choices(tx, owner);
  std::map<MailboxId, Rights> out;
  for (const auto& row : tx.exec(kAllRightsOf, owner.value, account_.value, groups_)) {
    const MailboxId mailbox{row[0].as<std::int32_t>()};
    if (!with_refused && state_of(decided, mailbox) == ShareState::refused) continue;
    out.emplace(mailbox, combine(row[1].as<Rights>(), row[2].as<Rights>()));
  }
  return out;
}

std::vector<AccountId> AclReader::owners(Transaction& tx) const {
  std::vector<AccountId> out;
  for (const auto& row : tx.exec(kOwners, account_.value, kMostOwners)) out.emplace_back(row[0].as<std::int64_t>());
  return out;
}

std::map<MailboxId, ShareState> AclReader::choices(Transaction& tx, AccountId owner) const {
  std::map<MailboxId, ShareState> out;
  for (const auto& row : tx.exec(kChoices, account_.value, owner.value)) {
    out.emplace(MailboxId{row[0].as<std::int32_t>()}, static_cast<ShareState>(row[1].as<int>()));
  }
  return out;
}

ShareState state_of(const std::map<MailboxId, ShareState>& choices, MailboxId mailbox) {
  ShareState state = ShareState::shown;
  for (const MailboxId key : {MailboxId{}, mailbox}) {
    if (const auto found = choices.find(key); found != choices.end()) state = std::max(state, found->second);
  }
  return state;
}

}  // namespace cpm::schema
