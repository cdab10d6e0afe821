// Accounts, their addresses and credentials, and service identities: one directory of names that can log in.
// Design decision 16; MSS-1, MSS-67, MSS-78. Addresses are any non-empty UTF-8 text without control characters or
// blanks, compared after lower-casing ASCII of the host part of user@host and of the scheme.
// Runs on: db thread.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/query.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// SCRAM-SHA-256 keys (RFC 5802 3): stored instead of the password. PLAIN and LOGIN verify against them too.
struct ScramKeys {
  std::string salt;  // raw octets
  std::uint32_t iterations = 0;
  std::string stored_key;  // raw octets
  std::string server_key;
};

struct AccountRow {
  AccountId id;
  std::string address;               // the first one
  std::vector<std::string> aliases;  // the others
  bool disabled = false;
  std::uint64_t used_bytes = 0, used_messages = 0;
  std::optional<std::uint64_t> limit_bytes, limit_messages;
  std::chrono::sys_seconds created;
};

struct ServiceRow {
  std::string name;
  Role role = Role::deposit;
  std::vector<std::string> patterns;  // whom it may act for: `*` and `?` wildcards over addresses
  std::chrono::sys_seconds created;
};

// What login needs, by any address or service name; one statement.
struct LoginRecord {
  bool service = false;
  bool disabled = false;
  AccountId account;              // none for a service
  std::string name;               // canonical address or service name
  std::optional<ScramKeys> keys;  // none: cannot log in by password
  Role role = Role::owner;        // service
  std::vector<std::string> patterns;
};

struct NewAccount {
  std::string address;
  std::vector<std::string> aliases;
  std::optional<ScramKeys> keys;
  std::optional<std::uint64_t> limit_bytes, limit_messages;
  std::vector<std::string> mailboxes;  // provisioned, e.g. INBOX, Default
};

[[nodiscard]] Result<std::string> canonical_address(std::string_view text);  // Failure::invalid

[[nodiscard]] Result<AccountRow> add_account(Transaction& tx, const NewAccount& account, const Limits& limits);
[[nodiscard]] Result<AccountRow> find_account(Transaction& tx, std::string_view address);
[[nodiscard]] Result<std::vector<AccountRow>> list_accounts(Transaction& tx, std::string_view after,
                                                            std::size_t count);  // by address
[[nodiscard]] Result<void> set_password(Transaction& tx, std::string_view address_or_service, const ScramKeys& keys);
[[nodiscard]] Result<void> rename_account(Transaction& tx, std::string_view from,
                                          std::string_view to);  // first address
[[nodiscard]] Result<void> set_disabled(Transaction& tx, std::string_view address, bool disabled);
[[nodiscard]] Result<void> delete_account(Transaction& tx, std::string_view address);
[[nodiscard]] Result<void> add_alias(Transaction& tx, std::string_view address, std::string_view alias);
[[nodiscard]] Result<void> remove_alias(Transaction& tx, std::string_view address, std::string_view alias);

[[nodiscard]] Result<void> add_service(Transaction& tx, const ServiceRow& service,
                                       const std::optional<ScramKeys>& keys);
[[nodiscard]] Result<std::vector<ServiceRow>> list_services(Transaction& tx);
[[nodiscard]] Result<void> delete_service(Transaction& tx, std::string_view name);

// Failure::not_found when there is no such address or service. Never locks.
[[nodiscard]] Result<LoginRecord> login_record(Transaction& tx, std::string_view name);
// The account a service (or the user itself) acts for. Failure::authz_failed when no pattern matches or no such
// address.
[[nodiscard]] Result<Principal> principal_for(Transaction& tx, const LoginRecord& login, std::string_view authzid);

// The fixed, per-installation secret that makes fake salts for unknown users (constant-looking SCRAM answers).
[[nodiscard]] Result<std::string> installation_secret(Transaction& tx);

}  // namespace cpm::schema
