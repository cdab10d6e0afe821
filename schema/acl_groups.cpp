#include "schema/acl.h"
#include "schema/acl_rows.h"
#include "schema/content_rows.h"
#include "schema/directory.h"

namespace cpm::schema {

namespace {

constexpr Query kMake{"group_make", "insert into acl_group (group_id, name) values ($1, $2) on conflict do nothing"};
constexpr Query kFind{"group_find", "select group_id from acl_group where name = $1"};
constexpr Query kList{"group_list", "select group_id, name from acl_group order by name"};
constexpr Query kMembers{"group_members",
                         "select a.address from acl_member m join address a on a.account_id = m.account_id"
                         " and a.position = 0 where m.group_id = $1 order by a.address"};
constexpr Query kRemove{"group_remove", "delete from acl_group where group_id = $1"};
constexpr Query kRemoveMembers{"group_remove_members", "delete from acl_member where group_id = $1"};
constexpr Query kOwners{"group_owners", "select owner from shared_to where account_id = $1 and kind = 2"};
constexpr Query kRemoveEntries{"group_remove_entries",
                               "delete from acl where account_id = $1 and kind = 2 and grantee = $2"};
constexpr Query kRemoveHints{"group_remove_hints", "delete from shared_to where account_id = $1 and kind = 2"};
constexpr Query kJoin{"group_join",
                      "insert into acl_member (account_id, group_id) values ($1, $2) on conflict do nothing"};
constexpr Query kLeave{"group_leave", "delete from acl_member where account_id = $1 and group_id = $2"};

constexpr Query kShare{"shared_name_add", "insert into shared_name (name, account_id) values ($1, $2)"};
constexpr Query kUnshare{"shared_name_remove", "delete from shared_name where name = $1"};
constexpr Query kSharedNames{"shared_name_list",
                             "select n.name, a.address from shared_name n join address a on a.account_id = n.account_id"
                             " and a.position = 0 order by n.name"};

// What can stand in an identifier and in a mailbox name.
Result<void> check_name(std::string_view name) {
  if (name.empty()) return fail(Failure::invalid, "the name is empty");
  if (name.size() > kGroupNameOctets) return fail(Failure::limit, "the name is too long");
  if (clean_text(name) != name) return fail(Failure::invalid, "the name is not plain text");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '/' || c == '*' || c == '%') {
      return fail(Failure::invalid, "the name has a blank, a control character, or one of / * %");
    }
  }
  return {};
}

Result<std::int64_t> id_of(Transaction& tx, std::string_view name) {
  if (name.find('\0') != std::string_view::npos) return fail(Failure::not_found, "no such group");
  const pqxx::result rows = tx.exec(kFind, name);
  if (rows.empty()) return fail(Failure::not_found, "no such group");
  return rows[0][0].as<std::int64_t>();
}

AclGroup group_from(Transaction& tx, std::int64_t id, std::string name) {
  AclGroup out{id, std::move(name), {}};
  for (const auto& row : tx.exec(kMembers, id)) out.members.emplace_back(row[0].c_str());
  return out;
}

}  // namespace

Result<AclGroup> add_group(Transaction& tx, std::string_view name) {
  CPM_CHECK(check_name(name));
  const std::int64_t id = new_content_id().value;
  if (tx.exec(kMake, id, name).affected_rows() == 0) return fail(Failure::exists, "there is such a group");
  return AclGroup{id, std::string(name), {}};
}

Result<void> delete_group(Transaction& tx, std::string_view name) {
  CPM_TRY(id, id_of(tx, name));
  // Entries that only take away have no hint; without the group they mean nothing, and its number never comes back.
  for (const auto& row : tx.exec(kOwners, id)) tx.exec(kRemoveEntries, row[0].as<std::int64_t>(), id);
  tx.exec(kRemoveHints, id);
  tx.exec(kRemoveMembers, id);
  tx.exec(kRemove, id);
  return {};
}

Result<std::vector<AclGroup>> list_groups(Transaction& tx) {
  std::vector<AclGroup> out;
  for (const auto& row : tx.exec(kList)) out.push_back(group_from(tx, row[0].as<std::int64_t>(), row[1].c_str()));
  return out;
}

Result<AclGroup> find_group(Transaction& tx, std::string_view name) {
  CPM_TRY(id, id_of(tx, name));
  return group_from(tx, id, std::string(name));
}

Result<void> add_member(Transaction& tx, std::string_view group, std::string_view address) {
  CPM_TRY(id, id_of(tx, group));
  CPM_TRY(account, account_of(tx, address));
  tx.exec(kJoin, account.value, id);
  return {};
}

Result<void> remove_member(Transaction& tx, std::string_view group, std::string_view address) {
  CPM_TRY(id, id_of(tx, group));
  CPM_TRY(account, account_of(tx, address));
  if (tx.exec(kLeave, account.value, id).affected_rows() == 0) return fail(Failure::not_found, "not a member");
  return {};
}

Result<void> add_shared_name(Transaction& tx, std::string_view name, std::string_view address) {
  CPM_CHECK(check_name(name));
  CPM_TRY(account, account_of(tx, address));
  tx.exec(kShare, name, account.value);  // one that is taken: Failure::exists
  return {};
}

Result<void> remove_shared_name(Transaction& tx, std::string_view name) {
  if (tx.exec(kUnshare, name).affected_rows() == 0) return fail(Failure::not_found, "no such shared name");
  return {};
}

Result<std::vector<SharedName>> list_shared_names(Transaction& tx) {
  std::vector<SharedName> out;
  for (const auto& row : tx.exec(kSharedNames)) out.push_back({row[0].c_str(), row[1].c_str()});
  return out;
}

}  // namespace cpm::schema
