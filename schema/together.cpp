#include "schema/together.h"

#include "base/log.h"
#include "schema/append.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <set>

namespace cpm::schema {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMostOctets = 4U << 20;  // that they carry: others wait for the account meanwhile
// After several went together their sessions are about to send the next: waiting for them for a part of the time that
// the last transaction took lets all of them share the next one too.
constexpr int kLingerPart = 4;
constexpr std::chrono::milliseconds kLongestLinger{5};
// After one of several failed each goes by itself for a while: they are likely to fail again.
constexpr std::chrono::seconds kQuarrel{1};
constexpr std::size_t kIdleGroups = 256;  // beyond that those that are over are forgotten

// In the order in which all that works on several mailboxes locks them.
constexpr Query kLock{"deposit_group_lock", "select deposit_group_lock_v1($1, $2)"};

boost::asio::awaitable<void> sleep_on(boost::asio::steady_timer& timer, Clock::time_point until) {
  boost::system::error_code ignored;
  timer.expires_at(until);
  co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

}  // namespace

struct Together::Member {
  enum class State { waiting, leading, done };
  Member(boost::asio::any_io_executor executor, std::shared_ptr<Work> w, Clock::time_point until)
      : timer(executor), work(std::move(w)), expires(until) {}
  boost::asio::steady_timer timer;  // touched on its executor only
  const std::shared_ptr<Work> work;
  const Clock::time_point expires;
  State state = State::waiting;  // protected by mutex_

  // Makes the member look at its state, from any thread. The post keeps it alive.
  static void wake(const std::shared_ptr<Member>& member) {
    boost::asio::post(member->timer.get_executor(), [member] { member->timer.cancel(); });
  }
};

struct Together::Group {
  std::deque<std::shared_ptr<Member>> waiting;  // the leader is the first, until it takes them
  bool led = false;
  std::shared_ptr<Member> lingering;  // the leader, while it waits for others
  std::size_t expected = 0;           // so many are about to come, at most
  Clock::time_point linger_until{};
  Clock::time_point alone_until{};
};

Together::Together(Database& database, std::size_t most) : database_(database), most_(most) {}
Together::~Together() = default;

Together::Counts Together::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool Together::join(AccountId account, const std::shared_ptr<Member>& member) {
  const std::lock_guard lock(mutex_);
  Group& group = groups_[account];
  group.waiting.push_back(member);
  if (group.led) {
    if (group.lingering && group.waiting.size() >= group.expected) Member::wake(group.lingering);
    return false;
  }
  group.led = true;
  member->state = Member::State::leading;
  return true;
}

std::optional<Clock::time_point> Together::linger(AccountId account, const std::shared_ptr<Member>& leader) {
  const std::lock_guard lock(mutex_);
  Group& group = groups_[account];
  const auto now = Clock::now();
  if (most_ == 1 || group.waiting.size() >= group.expected || now >= group.linger_until || now < group.alone_until)
    return std::nullopt;
  group.lingering = leader;
  return group.linger_until;
}

Together::Members Together::take(AccountId account) {
  const std::lock_guard lock(mutex_);
  Group& group = groups_[account];
  group.lingering.reset();
  const std::size_t most = Clock::now() < group.alone_until ? 1 : most_;
  Members members;
  std::uint64_t octets = 0;
  while (!group.waiting.empty() && members.size() < most) {
    octets += group.waiting.front()->work->octets;
    if (!members.empty() && octets > kMostOctets) break;
    members.push_back(std::move(group.waiting.front()));
    group.waiting.pop_front();
  }
  return members;
}

void Together::finish(const std::shared_ptr<Member>& member) {
  const std::lock_guard lock(mutex_);
  member->state = Member::State::done;
  Member::wake(member);
}

void Together::leave(AccountId account, std::size_t served, std::size_t shared, Clock::duration took, bool quarrel) {
  const std::lock_guard lock(mutex_);
  ++counts_.transactions;
  counts_.deposits += served;
  counts_.shared += shared;
  Group& group = groups_[account];
  const auto now = Clock::now();
  if (quarrel) group.alone_until = now + kQuarrel;
  const bool several = served + group.waiting.size() > 1;
  group.expected = several ? std::min(served + group.waiting.size(), most_) : 0;
  group.linger_until = several ? now + std::min<Clock::duration>(took / kLingerPart, kLongestLinger) : now;
  if (!group.waiting.empty()) {
    group.waiting.front()->state = Member::State::leading;
    Member::wake(group.waiting.front());
    return;
  }
  group.led = false;
  if (!several && now >= group.alone_until) {
    groups_.erase(account);
  } else if (groups_.size() > kIdleGroups) {
    std::erase_if(groups_, [now](const auto& entry) {
      const Group& other = entry.second;
      return !other.led && other.linger_until < now && other.alone_until < now;
    });
  }
}

boost::asio::awaitable<void> Together::run(AccountId account, std::chrono::milliseconds deadline,
                                           std::shared_ptr<Work> work) {
  auto executor = co_await boost::asio::this_coro::executor;
  const auto me = std::make_shared<Member>(executor, work, Clock::now() + deadline);
  if (!join(account, me)) {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (me->state != Member::State::waiting) break;
      }
      co_await sleep_on(me->timer, Clock::time_point::max());
    }
  }
  if (me->state == Member::State::leading) {
    const auto until = linger(account, me);
    if (until) co_await sleep_on(me->timer, *until);
    Members members = take(account);
    co_await serve(account, std::move(members));
  }
  if (work->exception) std::rethrow_exception(work->exception);
}

boost::asio::awaitable<void> Together::serve_one(AccountId account, std::shared_ptr<Member> member) {
  const auto work = member->work;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(member->expires - Clock::now());
  auto job = [work](Transaction& tx) -> Result<bool> {
    if (!work->run(tx)) return cpm::fail(Failure::invalid, "refused");
    return true;
  };
  std::optional<Result<bool>> result;
  try {
    auto answer = co_await database_.run(Wall::of(account), left, std::move(job), work->alone);
    result.emplace(std::move(answer));
  } catch (...) {
    work->exception = std::current_exception();
  }
  if (result && !*result && !work->refused()) work->fail(result->error());
}

bool Together::Batch::run(Transaction& tx) const {
  if (members.size() == 1) return members.front()->work->run(tx);
  std::vector<const DepositPart*> parts;
  for (const auto& member : members) parts.push_back(member->work->part());
  tx.quota_news() = {};
  auto stored = deposit_parts(tx, parts);
  if (!stored) return false;
  const QuotaNews news = tx.quota_news();
  for (std::size_t i = 0; i < members.size(); ++i)
    members[i]->work->stored((*stored)[i], i + 1 == members.size() ? news : QuotaNews{});
  return true;
}

// Those that may share a statement, and each other one, in the order of the conversations that they lock.
std::vector<Together::Batch> Together::batches_of(Members& members) {
  std::stable_sort(members.begin(), members.end(),
                   [](const auto& a, const auto& b) { return a->work->order < b->work->order; });
  std::vector<Batch> batches;
  for (const auto& member : members) {
    const DepositPart* const part = member->work->part();
    const auto shares = [part](const Batch& batch) {
      const DepositPart* const first = batch.members.front()->work->part();
      return first != nullptr && may_share_statement(*first, *part);
    };
    const auto with = part ? std::find_if(batches.begin(), batches.end(), shares) : batches.end();
    if (with == batches.end()) {
      batches.push_back({{member}});
    } else {
      with->members.push_back(member);
    }
  }
  return batches;
}

boost::asio::awaitable<void> Together::serve(AccountId account, Members members) {
  const auto begin = Clock::now();
  bool each = members.size() == 1;
  bool quarrel = false;
  std::size_t shared = 0;
  if (!each) {
    const std::vector<Batch> batches = batches_of(members);
    for (const Batch& batch : batches) shared += batch.members.size() > 1 ? batch.members.size() : 0;
    std::set<std::string> targets;
    for (const auto& member : members) targets.insert(member->work->path);
    const std::vector<std::string> paths(targets.begin(), targets.end());
    const auto all_ran = std::make_shared<bool>(false);
    auto job = [account, batches, paths, all_ran](Transaction& tx) -> Result<bool> {
      *all_ran = false;
      if (paths.size() > 1 && batches.size() > 1) tx.exec(kLock, account.value, array(std::span(paths)));
      for (const Batch& batch : batches) {
        if (!batch.run(tx)) return cpm::fail(Failure::invalid, "refused");
      }
      *all_ran = true;
      return true;
    };
    const auto until = std::max_element(members.begin(), members.end(),
                                        [](const auto& a, const auto& b) { return a->expires < b->expires; })
                           ->get()
                           ->expires;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    std::optional<Result<bool>> result;
    try {
      const Mode mode = batches.size() == 1 ? Mode::single : Mode::transaction;
      auto answer = co_await database_.run(Wall::of(account), left, std::move(job), mode);
      result.emplace(std::move(answer));
    } catch (...) {  // one of them has a bug: by itself it will show whose it is
      each = true;
    }
    if (result && !*result) {
      // A commit that failed, or whose outcome is not known, is the answer for all of them; so is a database that is
      // away.
      const Failure failure = result->error().failure;
      each = !*all_ran && failure != Failure::unavailable && failure != Failure::in_doubt;
      if (each && failure == Failure::internal)
        log::warn("db", "deposits that went together failed", {{"why", result->error().detail}});
      if (!each) {
        for (const auto& member : members) member->work->fail(result->error());
      }
    }
    quarrel = each;
  }
  const auto last = members.back();
  for (const auto& member : members) {
    if (each) co_await serve_one(account, member);
    if (each && member != last) finish(member);
  }
  // First, so that who has its answer finds in the counts that it shared a statement.
  leave(account, members.size(), quarrel ? 0 : shared, Clock::now() - begin, quarrel);
  for (const auto& member : members) {
    if (!each || member == last) finish(member);
  }
}

}  // namespace cpm::schema
