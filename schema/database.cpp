#include "schema/database.h"

#include "schema/connection.h"
#include "schema/lanes.h"
#include "schema/reach.h"
#include "schema/sql_error.h"
#include "schema/together.h"
#include "schema/watchdog.h"

#include <algorithm>
#include <mutex>
#include <thread>

namespace cpm::schema {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kRetries = 5;  // of serialization failures and deadlocks
constexpr const char* kInDoubt = "not known whether it was done: look before trying again";
constexpr const char* kAway = "the database is not available, try again later";

// Of so many connections some are lanes.
std::size_t lanes_of(std::size_t connections) { return connections < 4 ? 0 : connections / 4; }

// As pqxx::work, begun by a command of ours: what is declared for the transaction travels with BEGIN.
class Work final : public pqxx::internal::basic_transaction {
 public:
  Work(pqxx::connection_base& connection, std::string begin)
      : namedclass("transaction"),
        basic_transaction(connection, pqxx::isolation_traits<pqxx::read_committed>::name(), pqxx::read_write),
        begin_(std::move(begin)) {
    Begin();
  }
  ~Work() noexcept override { End(); }

 private:
  void do_begin() override { direct_exec(begin_.c_str()); }

  const std::string begin_;
};

}  // namespace

struct Database::Slot {
  std::mutex own;  // taken by run_blocking only; a worker's slot has one user
  std::unique_ptr<Connection> connection;
  const std::shared_ptr<Watched> watched = std::make_shared<Watched>();
};

Database::Database(DatabaseSettings settings)
    : settings_(std::move(settings)),
      reach_(std::make_unique<Reach>()),
      slots_(settings_.connections - lanes_of(settings_.connections) + 1),
      pool_("db", slots_.size() - 1, settings_.queue),
      together_(std::make_unique<Together>(*this, settings_.together)) {
  std::vector<std::shared_ptr<Watched>> of_lanes(lanes_of(settings_.connections));
  for (auto& watched : of_lanes) watched = std::make_shared<Watched>();
  std::vector<std::shared_ptr<Watched>> all = of_lanes;
  for (auto& slot : slots_) {
    slot = std::make_unique<Slot>();
    all.push_back(slot->watched);
  }
  watchdog_ = std::make_unique<Watchdog>(std::move(all));
  auto open_on = [this](std::function<void()> job) {
    return reachable() && pool_.post([job = std::move(job)](std::size_t) { job(); });
  };
  lanes_ = std::make_unique<Lanes>(settings_, std::move(of_lanes), std::move(open_on));
}

Database::~Database() { stop(); }

void Database::stop() {
  constexpr milliseconds kPatience{3000};
  watchdog_->hurry(kPatience);
  lanes_->stop();
  pool_.stop();
  for (const auto& slot : slots_) {
    const std::lock_guard lock(slot->own);
    slot->connection.reset();
  }
}

boost::asio::awaitable<std::optional<BinaryRows>> Database::ask_with(Wall wall, const Query& query,
                                                                     pqxx::internal::params parameters) {
  return lanes_->ask(std::move(wall), query, std::move(parameters));
}

bool Database::reachable() const noexcept { return reach_->reachable(); }

bool Database::connect(Slot& slot, Clock::time_point expires, Error& failed) {
  if (slot.connection && slot.connection->stale()) {
    slot.connection.reset();
    reach_->lost("closed by the server");
  }
  if (slot.connection) return true;
  auto parameters = connection_string(settings_.url);
  if (!parameters) {
    failed = parameters.error();
    return false;
  }
  if (!reach_->may_connect(expires)) {
    failed = fail(Failure::unavailable, kAway, "not reachable, waiting to try again");
    return false;
  }
  try {
    std::optional<Waiting> waiting;  // a pooler may let us in and keep the first statement waiting
    const auto opened = [&](int socket) { waiting.emplace(*slot.watched, socket, expires); };
    slot.connection = std::make_unique<Connection>(*parameters, settings_.prepare, opened);
  } catch (const std::exception& e) {
    const auto failure = sql_failure(std::current_exception());
    failed = fail(Failure::unavailable, kAway, failure ? failure->error.detail : e.what());
    reach_->failed(failed.detail);
    return false;
  }
  reach_->connected();
  return true;
}

bool Database::attempt(std::size_t worker, const Wall& wall, Clock::time_point expires, Mode mode, Error& failed,
                       const std::function<bool(Transaction&)>& body) {
  Slot& slot = worker == kOwnConnection ? *slots_.back() : *slots_[worker];
  std::unique_lock<std::mutex> own(slot.own, std::defer_lock);
  if (worker == kOwnConnection) own.lock();

  bool reconnected = false;
  for (int tries = 0;; ++tries) {
    const auto remaining = std::chrono::ceil<milliseconds>(expires - Clock::now());
    if (remaining.count() <= 0) {
      failed = fail(Failure::timeout, "the database took too long", "deadline passed before the statement");
      return false;
    }
    if (!connect(slot, expires, failed)) return false;

    bool committing = false;  // from here on a lost connection leaves the outcome open
    std::optional<SqlFailure> failure;
    try {
      const Waiting waiting(*slot.watched, slot.connection->get().sock(), expires);
      slot.connection->bound_statements(remaining);
      const bool ok = execute(*slot.connection, wall, remaining, mode, committing, body);
      reach_->worked();
      return ok;
    } catch (...) {
      failure = sql_failure(std::current_exception());
      if (!failure) throw;
    }

    if (failure->broken || !slot.connection->get().is_open()) {
      slot.connection.reset();
      reach_->lost(failure->error.detail);
      // Nothing was committed, so the function may run again on a new connection, once.
      if (!committing && !std::exchange(reconnected, true)) continue;
      failed = committing ? fail(Failure::in_doubt, kInDoubt, failure->error.detail)
                          : fail(Failure::unavailable, kAway, failure->error.detail);
      return false;
    }
    reach_->worked();  // an answer is an answer
    if (!failure->retry || tries >= kRetries) {
      failed = std::move(failure->error);
      return false;
    }
    std::this_thread::sleep_for(
        std::min(Reach::jitter(milliseconds(4 << tries)), milliseconds(1 + remaining.count() / 4)));
  }
}

bool Database::execute(Connection& connection, const Wall& wall, milliseconds remaining, Mode mode, bool& committing,
                       const std::function<bool(Transaction&)>& body) const {
  if (mode != Mode::transaction) {
    pqxx::nontransaction work(connection.get());
    Transaction tx(connection, work, settings_.prepare, wall, Transaction::Declared::with_each);
    committing = mode == Mode::single;
    return body(tx);
  }
  std::string begin = "begin";
  if (!settings_.prepare) {  // no session settings there
    begin += "; set local statement_timeout = " + std::to_string(statement_timeout_for(remaining).count());
  }
  if (!settings_.prepare || wall.declared() != connection.wall())
    begin += "; set local cpmstore.wall = '" + wall.declared() + "'";
  Work work(connection.get(), std::move(begin));
  Transaction tx(connection, work, settings_.prepare, wall, Transaction::Declared::with_begin);
  const bool ok = body(tx);
  committing = ok;
  if (ok) {
    work.commit();
  } else {
    work.abort();
  }
  return ok;
}

}  // namespace cpm::schema
