#include "schema/accounts.h"

#include "schema/acl.h"
#include "schema/directory.h"
#include "schema/mailbox_rows.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

namespace cpm::schema {

namespace {

constexpr Query kInsertAccount{"account_insert",
                               "insert into account (account_id, limit_bytes, limit_messages, next_uidvalidity)"
                               " values ($1, $2, $3, $4) on conflict do nothing"};
constexpr Query kFloor{"installation_floor", "select uidvalidity_floor from installation where id = 1"};
constexpr Query kPutCredential{
    "credential_put",
    "insert into credential (account_id, salt, iterations, stored_key, server_key)"
    " values ($1, $2, $3, $4, $5) on conflict (account_id) do update set salt = excluded.salt,"
    " iterations = excluded.iterations, stored_key = excluded.stored_key,"
    " server_key = excluded.server_key, changed_at = now()"};
constexpr Query kPutServiceKeys{
    "service_keys_put",
    "update service set salt = $2, iterations = $3, stored_key = $4, server_key = $5 where name = $1"};

constexpr Query kPage{"account_page",
                      "select account_id from address where account_id is not null and position = 0 and address > $1"
                      " order by address limit $2"};
constexpr Query kAddresses{"account_addresses",
                           "select account_id, address from address where account_id = any($1::bigint[])"
                           " order by account_id, position"};
constexpr Query kAccounts{"account_rows",
                          "select account_id, state, used_bytes, used_messages, limit_bytes, limit_messages,"
                          " extract(epoch from created_at)::bigint from account where account_id = any($1::bigint[])"};

constexpr Query kSetState{"account_state", "update account set state = $2 where account_id = $1"};
constexpr Query kNewLevel{"account_level_new", "select account_level_v1($1, false)"};

constexpr Query kFirstAddress{"address_is_first",
                              "select position from address where account_id = $1 and address = $2"};
constexpr Query kNextPosition{"address_next_position",
                              "select coalesce(max(position), 0) + 1 from address where account_id = $1"};
constexpr Query kFreeAddress{"address_free", "delete from address where account_id = $1 and address = $2"};
constexpr Query kFreeAddresses{"address_free_all", "delete from address where account_id = $1"};

constexpr Query kLockForDelete{"account_lock_delete",
                               "select next_uidvalidity from account where account_id = $1 for update"};
constexpr Query kRaiseFloor{"installation_uidvalidity_floor",
                            "update installation set uidvalidity_floor = greatest(uidvalidity_floor, $1) where id = 1"};
constexpr Query kDeleteChunks{"account_delete_chunks", "delete from content_chunk where account_id = $1"};
constexpr Query kDeleteTexts{"account_delete_texts", "delete from content_text where account_id = $1"};
constexpr Query kDeleteHeads{"account_delete_heads", "delete from content_head where account_id = $1"};
constexpr Query kDeleteObjects{"account_delete_objects", "delete from cpm_object where account_id = $1"};
constexpr Query kDeleteContent{"account_delete_content", "delete from content where account_id = $1"};
// Mailboxes with their keywords, conversations, annotations, subscriptions and the credential go with it, by foreign
// keys.
constexpr Query kDeleteAccount{"account_delete", "delete from account where account_id = $1"};
constexpr Query kDeleteMessages{"account_delete_messages", "delete from message where account_id = $1"};
constexpr Query kDeleteRemoved{"account_delete_removed", "delete from removed_message where account_id = $1"};
constexpr Query kDeleteExpunged{"account_delete_expunged", "delete from expunged where account_id = $1"};

AccountId random_account() {
  std::uint64_t value = 0;
  do {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value) != 1)
      throw std::runtime_error("no random numbers");
    value &= 0x7fffffffffffffffULL;
  } while (value == 0);
  return AccountId{static_cast<std::int64_t>(value)};
}

std::optional<std::uint64_t> optional_number(const pqxx::field& field) {
  return field.is_null() ? std::nullopt : std::optional(field.as<std::uint64_t>());
}

// In the order of `ids`.
std::vector<AccountRow> read_accounts(Transaction& tx, const std::vector<std::int64_t>& ids) {
  std::vector<AccountRow> out(ids.size());
  std::unordered_map<std::int64_t, AccountRow*> by_id;
  for (std::size_t i = 0; i < ids.size(); ++i) by_id[ids[i]] = &out[i];
  const std::string wanted = array(std::span<const std::int64_t>(ids));
  for (const auto& row : tx.exec(kAccounts, wanted)) {
    AccountRow& account = *by_id.at(row[0].as<std::int64_t>());
    account.id = AccountId{row[0].as<std::int64_t>()};
    account.disabled = row[1].as<int>() != 0;
    account.used_bytes = row[2].as<std::uint64_t>();
    account.used_messages = row[3].as<std::uint64_t>();
    account.limit_bytes = optional_number(row[4]);
    account.limit_messages = optional_number(row[5]);
    account.created = std::chrono::sys_seconds(std::chrono::seconds(row[6].as<std::int64_t>()));
  }
  for (const auto& row : tx.exec(kAddresses, wanted)) {
    AccountRow& account = *by_id.at(row[0].as<std::int64_t>());
    if (account.address.empty()) {
      account.address = row[1].c_str();
    } else {
      account.aliases.emplace_back(row[1].c_str());
    }
  }
  std::erase_if(out, [](const AccountRow& account) { return !account.id; });  // deleted meanwhile
  return out;
}

Result<void> provision(Transaction& tx, AccountId account, const std::vector<std::string>& mailboxes,
                       const Limits& limits) {
  CPM_TRY(lock, lock_account(tx, account));
  std::vector<std::string> wanted{"INBOX"};  // always the first: its id is fixed
  for (const std::string& path : mailboxes) {
    if (std::find(wanted.begin(), wanted.end(), path) == wanted.end()) wanted.push_back(path);
  }
  for (const std::string& path : wanted) {
    CPM_CHECK(check_new_path(path, limits));
    const auto components = split_path(path);
    const auto existing = existing_beginning(tx, account, components);
    if (existing.size() == components.size()) continue;
    const MailboxId parent = existing.empty() ? MailboxId{} : existing.back();
    CPM_CHECK(make_mailboxes(tx, lock, components, existing.size(), parent, SpecialUse::none, limits));
  }
  return {};
}

}  // namespace

Result<AccountRow> add_account(Transaction& tx, const NewAccount& account, const Limits& limits) {
  std::vector<std::string> names;
  CPM_TRY(first, canonical_address(account.address));
  names.push_back(first);
  for (const std::string& alias : account.aliases) {
    CPM_TRY(name, canonical_address(alias));
    names.push_back(name);
  }
  const auto floor = tx.exec(kFloor)[0][0].as<std::int32_t>();
  AccountId id;
  do {
    id = random_account();
  } while (tx.exec(kInsertAccount, id.value, account.limit_bytes, account.limit_messages, floor).affected_rows() == 0);
  for (std::size_t i = 0; i < names.size(); ++i) CPM_CHECK(take_name(tx, names[i], id, static_cast<int>(i)));
  if (account.keys) {
    tx.exec(kPutCredential, id.value, bytes(account.keys->salt), account.keys->iterations,
            bytes(account.keys->stored_key), bytes(account.keys->server_key));
  }
  CPM_CHECK(provision(tx, id, account.mailboxes, limits));
  if (account.limit_bytes || account.limit_messages) tx.exec(kNewLevel, id.value);  // a limit of 0 is reached at once
  return read_accounts(tx, {id.value}).at(0);
}

Result<AccountRow> find_account(Transaction& tx, std::string_view address) {
  CPM_TRY(id, account_of(tx, address));
  auto rows = read_accounts(tx, {id.value});
  if (rows.empty()) return fail(Failure::not_found, "no such account");
  return std::move(rows.front());
}

Result<std::vector<AccountRow>> list_accounts(Transaction& tx, std::string_view after, std::size_t count) {
  std::vector<std::int64_t> ids;
  for (const auto& row : tx.exec(kPage, after, count)) ids.push_back(row[0].as<std::int64_t>());
  return read_accounts(tx, ids);
}

Result<void> set_password(Transaction& tx, std::string_view address_or_service, const ScramKeys& keys) {
  if (const auto id = account_of(tx, address_or_service)) {
    tx.exec(kPutCredential, id->value, bytes(keys.salt), keys.iterations, bytes(keys.stored_key),
            bytes(keys.server_key));
    return {};
  }
  const auto name = canonical_address(address_or_service);
  if (name &&
      tx.exec(kPutServiceKeys, *name, bytes(keys.salt), keys.iterations, bytes(keys.stored_key), bytes(keys.server_key))
              .affected_rows() == 1) {
    return {};
  }
  return fail(Failure::not_found, "no such account or service");
}

Result<void> rename_account(Transaction& tx, std::string_view from, std::string_view to) {
  CPM_TRY(id, account_of(tx, from));
  CPM_TRY(old_name, canonical_address(from));
  CPM_TRY(new_name, canonical_address(to));
  const pqxx::result rows = tx.exec(kFirstAddress, id.value, old_name);
  if (rows.empty()) return fail(Failure::not_found, "no such account");
  if (rows[0][0].as<int>() != 0) return fail(Failure::invalid, old_name + " is an alias: rename by the first address");
  if (new_name == old_name) return {};
  CPM_CHECK(lock_account(tx, id));  // against its deletion
  tx.exec(kFreeAddress, id.value, old_name);
  return take_name(tx, new_name, id, 0);
}

Result<void> set_disabled(Transaction& tx, std::string_view address, bool disabled) {
  CPM_TRY(id, account_of(tx, address));
  tx.exec(kSetState, id.value, disabled ? 1 : 0);
  return {};
}

Result<void> delete_account(Transaction& tx, std::string_view address) {
  CPM_TRY(id, account_of(tx, address));
  const pqxx::result rows = tx.exec(kLockForDelete, id.value);
  if (rows.empty()) return fail(Failure::not_found, "no such account");
  forget_shares(tx, id);
  tx.exec(kFreeAddresses, id.value);
  tx.exec(kRaiseFloor, rows[0][0].as<std::int32_t>());
  // Messages after their mailboxes: who changes flags holds the mailbox and waits for messages.
  for (const Query* query : {&kDeleteChunks, &kDeleteTexts, &kDeleteHeads, &kDeleteObjects, &kDeleteContent,
                             &kDeleteAccount, &kDeleteMessages, &kDeleteExpunged, &kDeleteRemoved}) {
    tx.exec(*query, id.value);
  }
  return {};
}

Result<void> add_alias(Transaction& tx, std::string_view address, std::string_view alias) {
  CPM_TRY(id, account_of(tx, address));
  CPM_TRY(name, canonical_address(alias));
  CPM_CHECK(lock_account(tx, id));  // against its deletion
  return take_name(tx, name, id, tx.exec(kNextPosition, id.value)[0][0].as<int>());
}

Result<void> remove_alias(Transaction& tx, std::string_view address, std::string_view alias) {
  CPM_TRY(id, account_of(tx, address));
  CPM_TRY(name, canonical_address(alias));
  const pqxx::result rows = tx.exec(kFirstAddress, id.value, name);
  if (rows.empty()) return fail(Failure::not_found, "no such alias");
  if (rows[0][0].as<int>() == 0)
    return fail(Failure::invalid, name + " is the first address: rename the account instead");
  tx.exec(kFreeAddress, id.value, name);
  return {};
}

}  // namespace cpm::schema
