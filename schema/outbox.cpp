#include "schema/outbox.h"

#include "schema/credentials.h"

#include <cstring>

namespace cpm::schema {

namespace {

constexpr int kPage = 2000;  // rows that one transaction of upkeep moves or removes

// Told events are removed without waiting for the disk: what a crash brings back is told again.
constexpr Query kHurry{"push_hurry", "set local synchronous_commit = off"};

// A window cannot be locked, so candidates are looked for first; what changed meanwhile is looked at again.
constexpr Query kClaim{
    "push_claim",
    "with due as (select q.account_id, q.subscription_id, q.queue, q.origin, q.due_at from push_queue q"
    "  where q.due_at <= clock_timestamp() and q.origin <> all ($1::text[]) order by q.due_at limit 1000),"
    " numbered as (select d.*, row_number() over (partition by d.origin order by d.due_at) as n from due d),"
    " picked as (select p.account_id, p.subscription_id, p.queue from numbered p where p.n <= $3 order by p.due_at "
    "limit $2),"
    " held as (select q.account_id, q.subscription_id, q.queue from picked p join push_queue q"
    "  using (account_id, subscription_id, queue) where q.due_at <= clock_timestamp() for update of q skip locked)"
    " update push_queue q set lease = $4, due_at = clock_timestamp() + $5 * interval '1 millisecond' from held h"
    " where q.account_id = h.account_id and q.subscription_id = h.subscription_id and q.queue = h.queue"
    " returning q.account_id, q.subscription_id, q.queue, q.lease, q.attempts, q.origin"};

constexpr Query kFree{"push_free", "update push_queue set lease = 0, due_at = clock_timestamp() where lease <> 0"};

constexpr Query kSubscription{
    "push_subscription_of",
    "select s.account_id, coalesce(s.service, ''), s.device, s.sink, s.events, s.digest, s.url, s.secret, s.target,"
    " array_to_string(s.kinds, ','), (select a.address from address a where a.account_id = $1 and a.position = 0)"
    " from push_subscription s where s.subscription_id = $2"};
constexpr Query kReadEvents{
    "push_read",
    "select event_id, mailbox_id, modseq, (extract(epoch from created_at) * 1000)::bigint, event, detail::text"
    " from outbox where account_id = $1 and subscription_id = $2 and queue = $3"
    " order by mailbox_id, modseq, created_at, event_id limit $4"};
constexpr Query kDropEvents{"push_drop_events", "delete from outbox where account_id = $1 and subscription_id = $2"};
constexpr Query kDropQueues{"push_drop_queues",
                            "delete from push_queue where account_id = $1 and subscription_id = $2"};

constexpr Query kTold{
    "push_told", "delete from outbox where account_id = $1 and subscription_id = $2 and event_id = any ($3::bigint[])"};
constexpr Query kRenew{
    "push_renew",
    "update push_queue set attempts = 0, last_error = null, lease = case when $5::boolean then $4 else 0 end,"
    " due_at = clock_timestamp() + $6 * interval '1 millisecond'"
    " where account_id = $1 and subscription_id = $2 and queue = $3 and lease = $4"};
// In a statement of its own, when the row is locked: it then sees what was added before.
constexpr Query kEnd{"push_end",
                     "delete from push_queue where account_id = $1 and subscription_id = $2 and queue = $3"
                     " and not exists (select from outbox o where o.account_id = $1 and o.subscription_id = $2"
                     " and o.queue = $3)"};

constexpr Query kFailed{
    "push_failed",
    "update push_queue set attempts = case when $5::boolean then 0 else attempts + 1 end, lease = 0, last_error = $6,"
    " due_at = clock_timestamp() + $7 * interval '1 millisecond'"
    " where account_id = $1 and subscription_id = $2 and queue = $3 and lease = $4"};
constexpr Query kBury{
    "push_bury",
    "insert into push_dead (account_id, subscription_id, event_id, created_at, queue, mailbox_id, "
    "modseq, attempts, event,"
    " reason, detail) select $1, subscription_id, event_id, created_at, queue, mailbox_id, modseq, "
    "$6::int, event, $7, detail"
    " from outbox where account_id = $1 and subscription_id = $2 and queue = $3"
    " and (event_id = any ($4::bigint[]) or created_at < clock_timestamp() - $5 * interval '1 second')"
    " on conflict do nothing"};
constexpr Query kBuried{
    "push_buried",
    "delete from outbox where account_id = $1 and subscription_id = $2 and queue = $3"
    " and (event_id = any ($4::bigint[]) or created_at < clock_timestamp() - $5 * interval '1 second')"};
constexpr Query kRelease{"push_release",
                         "update push_queue set lease = 0, due_at = clock_timestamp() + $5 * interval '1 millisecond'"
                         " where account_id = $1 and subscription_id = $2 and queue = $3 and lease = $4"};

#define CPM_PUSH_DEAD                                                                        \
  " from push_dead d left join push_subscription s on s.subscription_id = d.subscription_id" \
  " where ($1::bigint = 0 or d.account_id = $1) and ($2::text = '' or s.service = $2)"       \
  " and ($3::text = '' or s.device = $3)"
constexpr Query kDead{
    "push_dead_list",
    "select d.event_id, d.account_id, d.mailbox_id, d.modseq, (extract(epoch from d.created_at) * 1000)::bigint, "
    "d.event,"
    " d.detail::text, d.subscription_id,"
    " coalesce((select a.address from address a where a.account_id = d.account_id and a.position = 0), ''),"
    " coalesce(s.service, ''), coalesce(s.device, ''), extract(epoch from d.died_at)::bigint, d.attempts, "
    "d.reason" CPM_PUSH_DEAD " order by d.died_at desc, d.event_id limit $4"};
constexpr Query kDeadKeys{"push_dead_keys",
                          "select d.account_id, d.subscription_id, d.event_id" CPM_PUSH_DEAD
                          " and s.subscription_id is not null order by d.died_at, d.event_id limit $4"};
constexpr Query kRevive{
    "push_revive",
    "insert into outbox (account_id, subscription_id, event_id, created_at, queue, mailbox_id, modseq, event, detail)"
    " select $1, subscription_id, event_id, clock_timestamp(), queue, mailbox_id, modseq, event, detail from push_dead"
    " where account_id = $1 and subscription_id = $2 and event_id = $3 on conflict do nothing"};
constexpr Query kRouse{
    "push_rouse",
    "insert into push_queue as q (account_id, subscription_id, queue, origin, due_at)"
    " select $1, d.subscription_id, d.queue, s.origin, clock_timestamp() from push_dead d"
    " join push_subscription s on s.subscription_id = d.subscription_id"
    " where d.account_id = $1 and d.subscription_id = $2 and d.event_id = $3"
    " on conflict (account_id, subscription_id, queue) do update set due_at = excluded.due_at, attempts = 0"
    " where q.lease = 0"};
constexpr Query kUnbury{"push_unbury",
                        "delete from push_dead where account_id = $1 and subscription_id = $2 and event_id = $3"};
constexpr Query kForget{"push_forget",
                        "delete from push_dead where (account_id, subscription_id, event_id) in"
                        " (select d.account_id, d.subscription_id, d.event_id from push_dead d"
                        " where d.died_at < clock_timestamp() - $1 * interval '1 second' order by d.died_at limit $2)"};

constexpr Query kTest{
    "push_test",
    "insert into outbox (account_id, subscription_id, event_id, created_at, queue, mailbox_id, modseq, event, detail)"
    " values ($1, $2, $3, clock_timestamp(), 0, 0, 0, 0, '{}')"};
constexpr Query kTestQueue{
    "push_test_queue",
    "insert into push_queue as q (account_id, subscription_id, queue, origin, due_at)"
    " select $1, s.subscription_id, 0, s.origin, clock_timestamp() from push_subscription s where s.subscription_id = "
    "$2"
    " on conflict (account_id, subscription_id, queue) do update set due_at = excluded.due_at where q.lease = 0"};
constexpr Query kState{
    "push_state",
    "select exists (select from outbox o where o.account_id = $1 and o.subscription_id = $2 and o.event_id = $3),"
    " coalesce((select q.last_error from push_queue q where q.account_id = $1 and q.subscription_id = $2 and q.queue = "
    "0),"
    " (select d.reason from push_dead d where d.account_id = $1 and d.subscription_id = $2 and d.event_id = $3), '')"};

constexpr Query kBacklog{
    "push_backlog",
    "select s.sink, count(*), count(*) filter (where q.attempts > 0),"
    " coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0)::bigint"
    " from (select * from push_queue limit 5000) q join push_subscription s on s.subscription_id = q.subscription_id"
    " cross join lateral (select i.created_at from outbox i where i.account_id = q.account_id"
    "  and i.subscription_id = q.subscription_id and i.queue = q.queue"
    "  order by i.mailbox_id, i.modseq, i.created_at, i.event_id limit 1) o"
    " where s.digest = 0 or q.attempts > 0 or q.due_at < clock_timestamp() group by s.sink"};
constexpr Query kQueues{
    "push_queues",
    "select coalesce((select a.address from address a where a.account_id = q.account_id and a.position = 0), ''),"
    " coalesce(s.service, ''), coalesce(s.device, ''), coalesce(mailbox_path_v1(q.account_id, q.queue), ''),"
    " (select count(*) from outbox o where o.account_id = q.account_id and o.subscription_id = q.subscription_id"
    "  and o.queue = q.queue), q.attempts, q.lease <> 0,"
    " (extract(epoch from q.due_at - clock_timestamp()) * 1000)::bigint, coalesce(q.last_error, '')"
    " from push_queue q left join push_subscription s on s.subscription_id = q.subscription_id"
    " order by q.attempts desc, q.due_at limit $1"};
constexpr Query kWatched{"push_watched",
                         "select distinct account_id from push_subscription order by account_id limit $1"};

std::int64_t random_number() {
  std::int64_t value = 0;
  const std::string octets = random_octets(sizeof value);
  std::memcpy(&value, octets.data(), sizeof value);
  value &= 0x7fffffffffffffffLL;
  return value == 0 ? 1 : value;
}

template <class... Args>
pqxx::result on_queue(Transaction& tx, const Query& query, const PushClaim& claim, const Args&... args) {
  return tx.exec(query, claim.account.value, claim.subscription, claim.queue, args...);
}

std::chrono::sys_time<std::chrono::milliseconds> moment(const pqxx::field& field) {
  return std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(field.as<std::int64_t>()));
}

}  // namespace

Result<std::vector<PushClaim>> claim_push(Transaction& tx, const ClaimRequest& request) {
  tx.exec(kHurry);
  std::vector<PushClaim> out;
  for (const auto& row : tx.exec(kClaim, array(std::span(request.busy)), request.count, request.per_origin,
                                 random_number(), request.lease.count())) {
    out.push_back({AccountId{row[0].as<std::int64_t>()}, row[1].as<std::int64_t>(), row[2].as<std::int32_t>(),
                   row[3].as<std::int64_t>(), row[4].as<int>(), row[5].c_str()});
  }
  return out;
}

Result<bool> free_push(Transaction& tx) { return tx.exec(kFree).affected_rows() > 0; }

Result<PushWork> read_push(Transaction& tx, const PushClaim& claim, std::size_t count, std::size_t digest_count) {
  const pqxx::result found = tx.exec(kSubscription, claim.account.value, claim.subscription);
  if (found.empty()) {
    tx.exec(kDropQueues, claim.account.value, claim.subscription);
    tx.exec(kDropEvents, claim.account.value, claim.subscription);
    return PushWork{};
  }
  PushWork work;
  const auto& row = found[0];
  PushSubscription& subscription = work.subscription;
  subscription.id = claim.subscription;
  subscription.account = AccountId{row[0].as<std::int64_t>()};
  subscription.service = row[1].c_str();
  subscription.device = row[2].c_str();
  subscription.sink = static_cast<PushSink>(row[3].as<int>());
  subscription.events = row[4].as<std::uint32_t>();
  subscription.digest = std::chrono::seconds(row[5].as<int>());
  subscription.url = row[6].c_str();
  if (!row[7].is_null()) subscription.secret = row[7].c_str();
  if (!row[8].is_null()) subscription.target = row[8].c_str();
  subscription.kinds = kinds_from_numbers(row[9].c_str());
  work.address = row[10].is_null() ? "" : row[10].c_str();
  for (const auto& one : on_queue(tx, kReadEvents, claim, subscription.digest.count() > 0 ? digest_count : count)) {
    work.events.push_back({one[0].as<std::int64_t>(), claim.account, MailboxId{one[1].as<std::int32_t>()},
                           one[2].as<std::uint64_t>(), moment(one[3]), static_cast<PushEvent>(one[4].as<int>()),
                           one[5].c_str()});
  }
  return work;
}

Result<bool> told_push(Transaction& tx, const PushClaim& claim, const std::vector<std::int64_t>& events, AfterTold then,
                       std::chrono::milliseconds lease) {
  tx.exec(kHurry);
  tx.exec(kTold, claim.account.value, claim.subscription, array(std::span<const std::int64_t>(events)));
  const bool keep = then == AfterTold::keep;
  const auto held = on_queue(tx, kRenew, claim, claim.lease, keep, keep ? lease.count() : 0);
  if (held.affected_rows() == 0) return false;
  return on_queue(tx, kEnd, claim).affected_rows() == 0 && keep;
}

Result<std::uint64_t> failed_push(Transaction& tx, const PushClaim& claim, const PushFailure& failure) {
  // Whoever has the lease now decides what becomes of the events.
  const auto held =
      on_queue(tx, kFailed, claim, claim.lease, failure.dead, failure.reason, failure.dead ? 0 : failure.delay.count());
  if (held.affected_rows() == 0) return std::uint64_t{0};
  const std::vector<std::int64_t> none;
  const std::string gone = array(std::span<const std::int64_t>(failure.dead ? failure.events : none));
  on_queue(tx, kBury, claim, gone, failure.most_age.count(), claim.attempts + 1, failure.reason);
  const auto buried = on_queue(tx, kBuried, claim, gone, failure.most_age.count()).affected_rows();
  if (buried > 0) on_queue(tx, kEnd, claim);
  return static_cast<std::uint64_t>(buried);
}

Result<bool> release_push(Transaction& tx, const PushClaim& claim, std::chrono::milliseconds delay) {
  return on_queue(tx, kRelease, claim, claim.lease, delay.count()).affected_rows() > 0;
}

Result<std::int64_t> add_test_event(Transaction& tx, const PushSubscription& subscription, AccountId account) {
  const std::int64_t id = random_number();
  tx.exec(kTest, account.value, subscription.id, id);
  tx.exec(kTestQueue, account.value, subscription.id);
  return id;
}

Result<PushState> push_state(Transaction& tx, AccountId account, std::int64_t subscription, std::int64_t event) {
  const pqxx::result rows = tx.exec(kState, account.value, subscription, event);
  return PushState{rows[0][0].as<bool>(), rows[0][1].c_str()};
}

Result<std::vector<DeadEvent>> list_dead(Transaction& tx, const DeadFilter& filter, std::size_t count) {
  std::vector<DeadEvent> out;
  for (const auto& row : tx.exec(kDead, filter.account.value, filter.service, filter.device, count)) {
    DeadEvent one;
    one.event = {row[0].as<std::int64_t>(),
                 AccountId{row[1].as<std::int64_t>()},
                 MailboxId{row[2].as<std::int32_t>()},
                 row[3].as<std::uint64_t>(),
                 moment(row[4]),
                 static_cast<PushEvent>(row[5].as<int>()),
                 row[6].c_str()};
    one.subscription = row[7].as<std::int64_t>();
    one.address = row[8].c_str();
    one.service = row[9].c_str();
    one.device = row[10].c_str();
    one.died = std::chrono::sys_seconds(std::chrono::seconds(row[11].as<std::int64_t>()));
    one.attempts = row[12].as<int>();
    one.reason = row[13].c_str();
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::uint64_t> replay_dead(Transaction& tx, const DeadFilter& filter, std::size_t count) {
  std::uint64_t told = 0;
  const auto most = std::min<std::size_t>(count, kPage);
  for (const auto& row : tx.exec(kDeadKeys, filter.account.value, filter.service, filter.device, most)) {
    const auto account = row[0].as<std::int64_t>();
    const auto subscription = row[1].as<std::int64_t>();
    const auto event = row[2].as<std::int64_t>();
    for (const Query* query : {&kRevive, &kRouse, &kUnbury}) tx.exec(*query, account, subscription, event);
    ++told;
  }
  return told;
}

Result<std::uint64_t> forget_dead(Transaction& tx, std::chrono::seconds age) {
  return static_cast<std::uint64_t>(tx.exec(kForget, age.count(), kPage).affected_rows());
}

Result<std::vector<PushBacklog>> push_backlog(Transaction& tx) {
  std::vector<PushBacklog> out;
  for (const auto& row : tx.exec(kBacklog)) {
    out.push_back({static_cast<PushSink>(row[0].as<int>()), row[1].as<std::uint64_t>(), row[2].as<std::uint64_t>(),
                   std::chrono::seconds(std::max<std::int64_t>(0, row[3].as<std::int64_t>()))});
  }
  return out;
}

Result<std::vector<PushQueueRow>> list_push_queues(Transaction& tx, std::size_t count) {
  std::vector<PushQueueRow> out;
  for (const auto& row : tx.exec(kQueues, count)) {
    out.push_back({row[0].c_str(), row[1].c_str(), row[2].c_str(), row[3].c_str(), row[4].as<std::uint64_t>(),
                   row[5].as<int>(), row[6].as<bool>(), std::chrono::milliseconds(row[7].as<std::int64_t>()),
                   row[8].c_str()});
  }
  return out;
}

Result<PushWatched> push_watched(Transaction& tx, std::size_t most) {
  PushWatched out;
  for (const auto& row : tx.exec(kWatched, most + 1)) {
    const auto account = row[0].as<std::int64_t>();
    if (account == 0 || out.accounts.size() == most) {
      out.everybody = true;
    } else {
      out.accounts.push_back(AccountId{account});
    }
  }
  return out;
}

}  // namespace cpm::schema
