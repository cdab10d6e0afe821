#include "schema/owners.h"

#include "schema/directory.h"

#include <algorithm>

namespace cpm::schema {

namespace {

#define CPM_OWNER_NAMES                                                                     \
  "(select a.address from address a where a.account_id = d.account_id and a.position = 0)," \
  " (select n.name from shared_name n where n.account_id = d.account_id)"

constexpr Query kByAddress{"owner_by_address", "select d.account_id, " CPM_OWNER_NAMES
                                               " from address d where d.address = $1 and d.account_id is not null"};
constexpr Query kByName{"owner_by_name",
                        "select d.account_id, " CPM_OWNER_NAMES " from shared_name d where d.name = $1"};
constexpr Query kById{"owner_by_id",
                      "select d.account_id, " CPM_OWNER_NAMES " from (select $1::bigint as account_id) d"};

#undef CPM_OWNER_NAMES

bool begins(std::string_view path, std::string_view space) {
  return path.starts_with(space) && (path.size() == space.size() || path[space.size()] == '/');
}

std::string encoded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '%') {
      out += "%25";
    } else if (c == '/') {
      out += "%2F";
    } else {
      out += c;
    }
  }
  return out;
}

// Only what encoded() writes is undone; any other `%` stands for itself.
std::string decoded(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::string_view code = name.substr(i, 3);
    if (code == "%25" || code == "%2F" || code == "%2f") {
      out += code == "%25" ? '%' : '/';
      i += 2;
    } else {
      out += name[i];
    }
  }
  return out;
}

std::optional<std::string> prefix_from(const pqxx::row& row) {
  if (!row[2].is_null()) return std::string(kShared) + '/' + encoded(row[2].c_str()) + '/';
  if (!row[1].is_null()) return std::string(kOtherUsers) + '/' + encoded(row[1].c_str()) + '/';
  return std::nullopt;
}

// INBOX is spelled so, wherever it is.
std::string canonical(std::string_view path) {
  std::string out(path);
  const std::size_t end = std::min(path.find('/'), path.size());
  if (end != 5) return out;
  static constexpr std::string_view kInbox = "inbox";
  for (std::size_t i = 0; i < end; ++i) {
    if ((path[i] | 0x20) != kInbox[i]) return out;
  }
  return out.replace(0, end, "INBOX");
}

}  // namespace

bool leads_elsewhere(std::string_view path) noexcept { return begins(path, kOtherUsers) || begins(path, kShared); }

std::string_view own_part(std::string_view path) noexcept {
  if (!leads_elsewhere(path)) return path;
  const std::size_t owner = path.find('/');
  const std::size_t end = owner == std::string_view::npos ? owner : path.find('/', owner + 1);
  return end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
}

std::optional<OwnedPath> owner_of(Transaction& tx, const Principal& who, std::string_view path) {
  if (!leads_elsewhere(path)) return OwnedPath{who.account, std::string(path), {}};
  const bool other = begins(path, kOtherUsers);
  const std::size_t begin = (other ? kOtherUsers : kShared).size() + 1;
  if (path.size() <= begin || path.find('\0') != std::string_view::npos) return std::nullopt;
  const std::size_t end = path.find('/', begin);
  const std::string name = decoded(path.substr(begin, end == std::string_view::npos ? end : end - begin));
  pqxx::result rows;
  if (other) {
    const auto address = canonical_address(name);
    if (!address) return std::nullopt;
    rows = tx.exec(kByAddress, *address);
  } else {
    rows = tx.exec(kByName, name);
  }
  if (rows.empty()) return std::nullopt;
  const AccountId account{rows[0][0].as<std::int64_t>()};
  auto prefix = prefix_from(rows[0]);
  if (account == who.account || !prefix) return std::nullopt;
  return OwnedPath{account, canonical(own_part(path)), std::move(*prefix)};
}

std::optional<std::string> prefix_of(Transaction& tx, AccountId owner, std::string* address) {
  const pqxx::result rows = tx.exec(kById, owner.value);
  if (rows.empty()) return std::nullopt;
  if (address != nullptr && !rows[0][1].is_null()) *address = rows[0][1].c_str();
  return prefix_from(rows[0]);
}

}  // namespace cpm::schema
