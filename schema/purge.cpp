#include "schema/append.h"
#include "schema/packed.h"

#include <map>

namespace cpm::schema {

namespace {

// The only statement over all accounts: which contents are due. The removal looks again, account by account.
constexpr Query kDue{"purge_accounts",
                     "select account_id, content_id from content"
                     " where state <> 1 and changed_at < $4::timestamptz"
                     " and (state = 2 and changed_at < $1::timestamptz or state = 0 and changed_at < $2::timestamptz)"
                     " order by changed_at limit $3"};

constexpr Query kPurge{"content_purge", "select purge_v1($1, $2, $3, $4)"};

constexpr Query kMoments{"content_purge_moments",
                         "select now() - make_interval(secs => $1), now() - make_interval(secs => $2),"
                         " now() - make_interval(secs => least($1::float8, $2::float8))"};

}  // namespace

Result<std::size_t> purge(Transaction& tx, std::chrono::seconds grace, std::chrono::seconds staged_age,
                          std::size_t batch) {
  const pqxx::result moments = tx.exec(kMoments, grace.count(), staged_age.count());
  const std::string dead = moments[0][0].c_str();
  const std::string staged = moments[0][1].c_str();
  const pqxx::result due = tx.exec(kDue, dead, staged, batch, moments[0][2].c_str());
  std::map<std::int64_t, std::vector<std::int64_t>> by_account;  // rising ids: the order of locks
  for (const auto& row : due) by_account[row[0].as<std::int64_t>()].push_back(row[1].as<std::int64_t>());
  std::size_t removed = 0;
  for (const auto& [account, contents] : by_account) {
    removed +=
        tx.exec(kPurge, account, array(std::span<const std::int64_t>(contents)), dead, staged)[0][0].as<std::size_t>();
  }
  return removed;
}

}  // namespace cpm::schema
