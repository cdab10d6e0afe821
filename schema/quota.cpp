#include "schema/quota.h"

#include "schema/mailbox_rows.h"
#include "schema/packed.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr Query kRoots{
    "quota_roots",
    "select '' as path, used_bytes, used_messages, mailboxes, used_annotations, limit_bytes, limit_messages,"
    " limit_mailboxes, limit_annotations, quota_level from account where account_id = $1"
    " union all select path, used_bytes, used_messages, used_mailboxes, used_annotations, limit_bytes, limit_messages,"
    " limit_mailboxes, limit_annotations, quota_level from quota_root where account_id = $1 order by path"};
constexpr Query kLock{"quota_lock", "select from account where account_id = $1 for no key update"};
constexpr Query kSetAccount{"quota_set_account",
                            "update account set limit_bytes = $2, limit_messages = $3, limit_mailboxes = $4,"
                            " limit_annotations = $5 where account_id = $1"};
constexpr Query kSetRoot{"quota_set_root",
                         "update quota_root set limit_bytes = $3, limit_messages = $4, limit_mailboxes = $5,"
                         " limit_annotations = $6 where account_id = $1 and path = $2 returning root_id"};
constexpr Query kAccountLevel{"quota_account_level", "select account_level_v1($1, false)"};
constexpr Query kRootLevel{"quota_root_level", "select root_level_v1($1, $2, false)"};
constexpr Query kAllLevels{
    "quota_all_levels",
    "select root_level_v1(account_id, root_id, false) from quota_root where account_id = $1 order by root_id"};
constexpr Query kAdd{"quota_root_add", "select quota_root_add_v1($1, $2)"};
constexpr Query kFind{"quota_root_find", "select root_id from quota_root where account_id = $1 and path = $2"};
constexpr Query kRemove{"quota_root_remove", "select quota_root_remove_v1($1, $2)"};
constexpr Query kWarnings{"quota_warnings",
                          "select coalesce(a.quota_warn, i.quota_warn)::int[], a.quota_warn is not null"
                          " from account a, installation i where a.account_id = $1"};
constexpr Query kDefaultWarnings{"quota_warnings_default", "select quota_warn::int[] from installation"};
constexpr Query kSetWarnings{"quota_warnings_set", "update account set quota_warn = $2 where account_id = $1"};
constexpr Query kSetDefaultWarnings{"quota_warnings_set_default", "update installation set quota_warn = $1"};
// In the order of their ids: whoever locks several accounts does.
constexpr Query kLimitedAccounts{
    "quota_limited_accounts",
    "select a.account_id from account a where a.quota_warn is null and (a.quota_roots > 0"
    " or coalesce(a.limit_bytes, a.limit_messages, a.limit_mailboxes, a.limit_annotations) is not null)"
    " and a.account_id > $1 order by a.account_id limit 100"};
constexpr Query kHold{"quota_hold", "select quota_hold_v1()"};
constexpr Query kSettle{"quota_settle", "select quota_settle_v1($1, $2)"};
constexpr Query kRefused{"quota_refused", "select quota_refused_v1($1, $2)"};

constexpr std::size_t kMostWarnings = 8;

QuotaRoot root_from(const pqxx::row& row) {
  QuotaRoot root;
  root.path = row[0].c_str();
  for (pqxx::row::size_type i = 0; i < 4; ++i) {
    root.used[i] = row[1 + i].as<std::uint64_t>();
    if (!row[5 + i].is_null()) root.limits[i] = row[5 + i].as<std::uint64_t>();
  }
  root.level = row[9].as<int>();
  return root;
}

// "{80,95}"
QuotaWarnings warnings_from(const pqxx::field& field) {
  QuotaWarnings out;
  for (const std::uint32_t level : numbers_from(field)) out.push_back(static_cast<int>(level));
  return out;
}

Result<std::string> warnings_array(const QuotaWarnings& levels) {
  const bool rising = std::adjacent_find(levels.begin(), levels.end(), std::greater_equal<>()) == levels.end();
  const bool possible = std::all_of(levels.begin(), levels.end(), [](int level) { return level >= 1 && level <= 99; });
  if (!rising || !possible || levels.size() > kMostWarnings)
    return fail(Failure::invalid, "levels of warning are up to eight rising percents from 1 to 99");
  std::vector<std::int64_t> numbers(levels.begin(), levels.end());
  return array(std::span<const std::int64_t>(numbers));
}

Result<void> lock(Transaction& tx, AccountId account) {
  if (tx.exec(kLock, account.value).empty()) return fail(Failure::not_found, "no such account");
  return {};
}

void bring_levels_up_to_date(Transaction& tx, AccountId account) {
  tx.exec(kAccountLevel, account.value);
  tx.exec(kAllLevels, account.value);
}

}  // namespace

bool governs(const QuotaRoot& root, std::string_view path) {
  if (root.path.empty() || path == root.path) return true;
  return path.size() > root.path.size() && path.starts_with(root.path) && path[root.path.size()] == '/';
}

Result<std::vector<QuotaRoot>> quota_roots(Transaction& tx, AccountId account) {
  std::vector<QuotaRoot> roots;
  for (const auto& row : tx.exec(kRoots, account.value)) roots.push_back(root_from(row));
  if (roots.empty()) return fail(Failure::not_found, "no such account");
  return roots;
}

Result<QuotaRoot> quota_root(Transaction& tx, AccountId account, std::string_view path) {
  CPM_TRY(roots, quota_roots(tx, account));
  for (QuotaRoot& root : roots) {
    if (root.path == path) return std::move(root);
  }
  return fail(Failure::not_found, "no such quota root");
}

Result<QuotaRoot> set_quota(Transaction& tx, AccountId account, std::string_view path, const QuotaLimits& limits) {
  CPM_CHECK(lock(tx, account));
  if (path.empty()) {
    tx.exec(kSetAccount, account.value, limits[0], limits[1], limits[2], limits[3]);
    tx.exec(kAccountLevel, account.value);
  } else {
    const auto rows = tx.exec(kSetRoot, account.value, path, limits[0], limits[1], limits[2], limits[3]);
    if (rows.empty()) return fail(Failure::not_found, "no such quota root");
    tx.exec(kRootLevel, account.value, rows[0][0].as<std::int32_t>());
  }
  return quota_root(tx, account, path);
}

Result<QuotaRoot> add_quota_root(Transaction& tx, AccountId account, std::string_view path, const QuotaLimits& limits,
                                 const Limits& bounds) {
  CPM_CHECK(check_new_path(path, bounds));
  CPM_CHECK(lock(tx, account));
  CPM_TRY(roots, quota_roots(tx, account));
  if (roots.size() > bounds.quota_roots) return fail(Failure::limit, "too many quota roots");
  if (tx.exec(kAdd, account.value, path)[0][0].is_null()) return fail(Failure::exists, "there is such a quota root");
  return set_quota(tx, account, path, limits);
}

Result<void> remove_quota_root(Transaction& tx, AccountId account, std::string_view path) {
  CPM_CHECK(lock(tx, account));
  const auto rows = tx.exec(kFind, account.value, path);
  if (rows.empty()) return fail(Failure::not_found, "no such quota root");
  tx.exec(kRemove, account.value, rows[0][0].as<std::int32_t>());
  return {};
}

Result<QuotaWarningsInForce> quota_warnings(Transaction& tx, AccountId account) {
  const auto rows = tx.exec(kWarnings, account.value);
  if (rows.empty()) return fail(Failure::not_found, "no such account");
  return QuotaWarningsInForce{warnings_from(rows[0][0]), rows[0][1].as<bool>()};
}

Result<QuotaWarnings> default_quota_warnings(Transaction& tx) { return warnings_from(tx.exec(kDefaultWarnings)[0][0]); }

Result<void> set_quota_warnings(Transaction& tx, AccountId account, const std::optional<QuotaWarnings>& levels) {
  std::optional<std::string> text;
  if (levels) {
    CPM_TRY(valid, warnings_array(*levels));
    text = valid;
  }
  CPM_CHECK(lock(tx, account));
  tx.exec(kSetWarnings, account.value, text);
  bring_levels_up_to_date(tx, account);
  return {};
}

Result<void> set_default_quota_warnings(Transaction& tx, const QuotaWarnings& levels) {
  CPM_TRY(valid, warnings_array(levels));
  tx.exec(kSetDefaultWarnings, valid);
  return {};
}

Result<AccountId> renew_quota_levels(Transaction& tx, AccountId after) {
  AccountId last;
  for (const auto& row : tx.exec(kLimitedAccounts, after.value)) {
    last = AccountId{row[0].as<std::int64_t>()};
    if (lock(tx, last)) bring_levels_up_to_date(tx, last);
  }
  return last;
}

void hold_quota_levels(Transaction& tx) { tx.exec(kHold); }

void settle_quota_levels(Transaction& tx, MailboxRef mailbox) {
  tx.exec(kSettle, mailbox.account.value, mailbox.id.value);
}

Result<void> note_quota_refused(Transaction& tx, const QuotaPlace& place) {
  tx.exec(kRefused, place.account.value, place.root);
  return {};
}

}  // namespace cpm::schema
