#include "schema/sweep.h"

#include "schema/packed.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr std::size_t kLookedAt = 2000;  // messages in one statement
constexpr int kMarks = 16;               // in the time of one grace

constexpr Query kRound{"sweep_round",
                       "select after_account, after_account > 0 or ended_at <= now() - make_interval(secs => $1)"
                       " from sweep_round where id = 1 for update skip locked"};
constexpr Query kEverybody{"sweep_everybody",
                           "select exists (select from site_policy where starts_with(key, 'retention.')"
                           " and value <> 'forever')"};
// Of accounts that are disabled everything is kept.
constexpr Query kAll{"sweep_accounts",
                     "select account_id from account where account_id > $1 and state = 0 order by 1 limit $2"};
constexpr Query kSome{"sweep_some_accounts",
                      "select account_id from (select account_id from account_policy where account_id > $1"
                      " and starts_with(key, 'retention.') union select account_id from metadata where account_id > $1"
                      " and mailbox_id = 0 and value is not null"
                      " and starts_with(entry, '/private/vendor/cpmstore/policy/retention.')) s"
                      " join account a using (account_id) where a.state = 0 order by 1 limit $2"};
constexpr Query kMove{"sweep_move", "update sweep_round set after_account = $1 where id = 1"};
constexpr Query kEnd{"sweep_end", "update sweep_round set after_account = 0, ended_at = now() where id = 1"};

// The moment is not before the one at which the row was read, so that everything up to its MODSEQ was committed then.
constexpr Query kMark{
    "sweep_mark",
    "insert into sweep_mark as s (account_id, mailbox_id, modseq, seen_at)"
    " select $1, m.mailbox_id, m.highestmodseq, clock_timestamp() from mailbox m"
    " where m.account_id = $1 and m.mailbox_id = any($2::int[]) and m.deleted > 0"
    " and not exists (select from sweep_mark t where t.account_id = $1 and t.mailbox_id = m.mailbox_id"
    " and (t.modseq >= m.highestmodseq or t.seen_at > now() - make_interval(secs => $3::float8)))"
    " on conflict do nothing"};
constexpr Query kForget{"sweep_forget",
                        "delete from sweep_mark s using mailbox m where s.account_id = $1 and m.account_id = $1"
                        " and m.mailbox_id = s.mailbox_id and (m.deleted = 0 or s.modseq < (select max(t.modseq)"
                        " from sweep_mark t where t.account_id = $1 and t.mailbox_id = s.mailbox_id"
                        " and t.seen_at < now() - make_interval(secs => $2::float8)))"};
constexpr Query kBound{"sweep_bound",
                       "select max(modseq) from sweep_mark where account_id = $1 and mailbox_id = $2"
                       " and seen_at < now() - make_interval(secs => $3::float8)"};

// The inner query is one walk along the primary key, however old or young the messages are.
constexpr Query kAged{"sweep_aged",
                      "select m.uid, m.flags, m.size, (m.save_date < now() - make_interval(secs => $5::float8))::int"
                      " from (select i.uid, i.flags, i.size, i.save_date from message i where i.account_id = $1"
                      " and i.mailbox_id = $2 and i.uid > $3 order by i.uid limit $4) m order by m.uid"};
constexpr Query kObjects{"sweep_session_objects",
                         "select m.uid from unnest($3::int[]) as u (uid) cross join lateral (select i.uid, i.content_id"
                         " from message i where i.account_id = $1 and i.mailbox_id = $2 and i.uid = u.uid offset 0) m"
                         " join cpm_object o on o.account_id = $1 and o.content_id = m.content_id and o.talk = 3"};
constexpr Query kWithDeleted{
    "sweep_deleted",
    "select uid, size from message where account_id = $1 and mailbox_id = $2 and flags & 8 <> 0"
    " and modseq <= $3 and uid > $4 order by uid limit $5"};
constexpr Query kSweep{"sweep",
                       "select highestmodseq, uids from recorded_sweep_v1($1, $2, $3,"
                       " now() - make_interval(secs => $4::float8), $5, $6, $7)"};

// Up to which MODSEQ messages with \Deleted have had it long enough.
std::optional<std::int32_t> deleted_bound(Transaction& tx, const Grant& grant, const SweepRule& rule) {
  if (!rule.grace || grant.mailbox().deleted == 0) return std::nullopt;
  const pqxx::result rows = tx.exec(kBound, grant.account().value, grant.mailbox().id.value, rule.grace->count());
  if (rows[0][0].is_null()) return std::nullopt;
  return rows[0][0].as<std::int32_t>();
}

std::optional<std::int64_t> seconds_of(const std::optional<std::chrono::seconds>& period) {
  if (!period) return std::nullopt;
  return period->count();
}

// Of those that have aged, the session info and group state objects.
void set_apart_session_objects(Transaction& tx, const Grant& grant, SweepLook& look) {
  std::vector<std::uint32_t> uids, objects;
  for (const OldMessage& one : look.aged) uids.push_back(one.uid);
  const pqxx::result rows =
      tx.exec(kObjects, grant.account().value, grant.mailbox().id.value, array(std::span<const std::uint32_t>(uids)));
  for (const auto& row : rows) objects.push_back(row[0].as<std::uint32_t>());
  std::sort(objects.begin(), objects.end());
  std::vector<OldMessage> others;
  for (const OldMessage& one : look.aged) {
    const bool object = std::binary_search(objects.begin(), objects.end(), one.uid);
    (object ? look.session_objects : others).push_back(one);
  }
  look.aged = std::move(others);
}

void look_at_ages(Transaction& tx, const Grant& grant, const SweepRule& rule, Uid after, std::size_t limit,
                  SweepLook& look) {
  const BinaryRows rows =
      tx.exec_binary(kAged, grant.account().value, grant.mailbox().id.value, after.value, kLookedAt, rule.age->count());
  look.more = rows.size() == kLookedAt;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool old = rows.number(i, 3) != 0;
    if (!old) {
      look.more = false;
      break;
    }
    look.end.aged = Uid{static_cast<std::uint32_t>(rows.number(i, 0))};
    if ((static_cast<std::uint32_t>(rows.number(i, 1)) & kFlagged) != 0) continue;
    look.aged.push_back({look.end.aged.value, static_cast<std::uint64_t>(rows.number(i, 2))});
    if (look.aged.size() < limit) continue;
    look.more = true;
    break;
  }
  if (rule.keeps_session_objects && !look.aged.empty()) set_apart_session_objects(tx, grant, look);
}

}  // namespace

Result<std::vector<AccountId>> take_accounts_to_sweep(Transaction& tx, std::chrono::seconds pause, std::size_t count) {
  std::vector<AccountId> accounts;
  const pqxx::result round = tx.exec(kRound, pause.count());
  if (round.empty() || !round[0][1].as<bool>()) return accounts;
  const auto after = round[0][0].as<std::int64_t>();
  const bool everybody = tx.exec(kEverybody)[0][0].as<bool>();
  for (const auto& row : tx.exec(everybody ? kAll : kSome, after, count)) {
    accounts.push_back(AccountId{row[0].as<std::int64_t>()});
  }
  if (accounts.size() < count) {
    tx.exec(kEnd);
  } else {
    tx.exec(kMove, accounts.back().value);
  }
  return accounts;
}

Result<void> mark_deleted(Transaction& tx, AccountId account, const std::vector<MailboxId>& mailboxes,
                          std::chrono::seconds grace) {
  std::vector<std::uint32_t> ids;
  for (const MailboxId id : mailboxes) ids.push_back(static_cast<std::uint32_t>(id.value));
  tx.exec(kForget, account.value, grace.count());
  if (ids.empty()) return {};
  tx.exec(kMark, account.value, array(std::span<const std::uint32_t>(ids)),
          std::to_string(grace.count() / double{kMarks}));
  return {};
}

Result<SweepLook> look_for_old(Transaction& tx, const Grant& grant, const SweepRule& rule, const SweepCursor& after,
                               std::size_t limit) {
  SweepLook look;
  look.end = after;
  if (rule.age) look_at_ages(tx, grant, rule, after.aged, limit, look);
  const auto bound = deleted_bound(tx, grant, rule);
  if (!bound) return look;
  const pqxx::result rows =
      tx.exec(kWithDeleted, grant.account().value, grant.mailbox().id.value, *bound, after.deleted.value, limit);
  for (const auto& row : rows) look.deleted.push_back({row[0].as<std::uint32_t>(), row[1].as<std::uint64_t>()});
  if (!look.deleted.empty()) look.end.deleted = Uid{look.deleted.back().uid};
  look.more = look.more || look.deleted.size() == limit;
  return look;
}

Result<ExpungeResult> sweep(Transaction& tx, const Grant& grant, const SweepRule& rule,
                            const std::vector<std::uint32_t>& uids) {
  if (!grant.holds(kExpunge)) return fail(Failure::denied, "no right to expunge this mailbox");
  if (uids.empty()) return ExpungeResult{{}, grant.mailbox().highestmodseq};
  const pqxx::result rows =
      tx.exec(kSweep, grant.account().value, grant.mailbox().id.value, array(std::span<const std::uint32_t>(uids)),
              seconds_of(rule.age), deleted_bound(tx, grant, rule), grant.mailbox().own_path(),
              by(grant.via(), grant.account()));
  return ExpungeResult{uids_from(numbers_from(rows[0][1])), ModSeq{rows[0][0].as<std::uint64_t>()}};
}

}  // namespace cpm::schema
