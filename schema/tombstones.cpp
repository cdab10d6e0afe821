#include "schema/tombstones.h"

namespace cpm::schema {

namespace {

constexpr Query kDue{"expunged_due", "select account_id, mailbox_id from expunged_due limit 1"};
constexpr Query kFold{"expunged_fold", "select expunged_compact_v1($1, $2)"};
// After the fold, which locks the mailbox: the order in which DELETE takes them too.
constexpr Query kDone{"expunged_done", "delete from expunged_due where account_id = $1 and mailbox_id = $2"};

}  // namespace

Result<bool> fold_expunged(Transaction& tx) {
  const pqxx::result due = tx.exec(kDue);
  if (due.empty()) return false;
  const auto account = due[0][0].as<std::int64_t>();
  const auto mailbox = due[0][1].as<std::int32_t>();
  tx.exec(kFold, account, mailbox);
  tx.exec(kDone, account, mailbox);
  return true;
}

}  // namespace cpm::schema
