#include "schema/directory.h"

namespace cpm::schema {

namespace {

constexpr Query kLogin{"login_record",
                       "select account_id, state, salt, iterations, stored_key, server_key, role, service_salt,"
                       " service_iterations, service_stored_key, service_server_key, patterns from login_v1($1)"};
constexpr Query kActedFor{"login_acted_for", "select account_id, state from login_acted_for_v1($1)"};

constexpr Query kSecret{"installation_secret", "select secret from installation where id = 1"};

// Patterns hold no control characters, so a line end can stand between them.
std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

bool may_act_for(const LoginRecord& login, const std::string& address) {
  for (const std::string& pattern : login.patterns) {
    if (matches_pattern(pattern, address)) return true;
  }
  return false;
}

}  // namespace

Result<LoginRecord> login_record(Transaction& tx, std::string_view name) {
  const auto canonical = canonical_address(name);
  if (!canonical) return fail(Failure::not_found, "no such address");
  const pqxx::result rows = tx.exec(kLogin, *canonical);
  if (rows.empty()) return fail(Failure::not_found, "no such address");
  const pqxx::row row = rows[0];
  LoginRecord out;
  out.name = *canonical;
  out.service = row[0].is_null();
  if (out.service) {
    if (row[6].is_null()) return fail(Failure::not_found, "no such address");
    out.role = static_cast<Role>(row[6].as<int>());
    out.keys = keys_from(row, 7);
    out.patterns = lines(row[11].is_null() ? "" : row[11].c_str());
  } else {
    out.account = AccountId{row[0].as<std::int64_t>()};
    out.disabled = row[1].as<int>() != 0;
    out.keys = keys_from(row, 2);
  }
  return out;
}

Result<Principal> principal_for(Transaction& tx, const LoginRecord& login, std::string_view authzid) {
  const Error refused = fail(Failure::authz_failed, "may not act as the requested identity");
  if (login.disabled) return refused;
  if (!login.service && authzid.empty()) return Principal{login.account, login.name, login.name, Role::owner};
  const auto address = canonical_address(authzid);
  if (!address) return refused;
  // One answer for an address that may not be acted for and one that is not there.
  const pqxx::result rows = tx.exec(kActedFor, *address);
  if (rows.empty() || rows[0][1].as<int>() != 0) return refused;
  const AccountId account{rows[0][0].as<std::int64_t>()};
  if (!login.service) {
    if (account != login.account) return refused;
    return Principal{account, *address, login.name, Role::owner};
  }
  if (!may_act_for(login, *address)) return refused;
  return Principal{account, *address, login.name, login.role};
}

Result<std::string> installation_secret(Transaction& tx) {
  const pqxx::result rows = tx.exec(kSecret);
  if (rows.empty()) return fail(Failure::corrupt, "the database has no installation row");
  return from_bytea(rows[0][0]);
}

}  // namespace cpm::schema
