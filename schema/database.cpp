#include "schema/database.h"

#include "schema/connection.h"
#include "schema/reach.h"
#include "schema/sql_error.h"

#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace cpm::schema {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kRetries = 5;  // of serialization failures and deadlocks
constexpr const char* kInDoubt = "not known whether it was done: look before trying again";
constexpr const char* kAway = "the database is not available, try again later";

}  // namespace

struct Database::Slot {
  std::mutex own;  // taken by run_blocking only; a worker's slot has one user
  std::unique_ptr<Connection> connection;

  // For the watchdog: what the user of the slot waits on, and until when it should have an answer.
  std::mutex guard;
  int socket = -1;                 // protected by guard; -1 while nothing is executed
  Clock::time_point answer_until;  // protected by guard
};

// Ends waits that libpq would never end by itself: a database that is frozen, a pooler that holds the query. The
// connection is shut down below libpq, which then reports it as lost.
class Database::Watchdog {
 public:
  explicit Watchdog(const std::vector<std::unique_ptr<Slot>>& slots) : slots_(slots), thread_([this] { run(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  // From now on nothing is waited for longer than `patience`.
  void hurry(milliseconds patience) {
    const std::lock_guard lock(mutex_);
    latest_ = Clock::now() + patience;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kLook, [this] { return ending_; })) {
      const Clock::time_point now = Clock::now();
      for (const auto& slot : slots_) {
        const std::lock_guard guard(slot->guard);
        if (slot->socket >= 0 && now > std::min(slot->answer_until + kGrace, latest_))
          ::shutdown(slot->socket, SHUT_RDWR);
      }
    }
  }

  static constexpr milliseconds kLook{250};
  static constexpr milliseconds kGrace{2000};  // statement_timeout should have ended it before
  const std::vector<std::unique_ptr<Slot>>& slots_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;                                  // protected by mutex_
  Clock::time_point latest_ = Clock::time_point::max();  // protected by mutex_
  std::thread thread_;
};

namespace {

// Registers what a slot waits on for as long as it lives.
template <class Slot>
class Waiting {
 public:
  Waiting(Slot& slot, int socket, Clock::time_point until) : slot_(slot) {
    const std::lock_guard guard(slot_.guard);
    slot_.socket = socket;
    slot_.answer_until = until;
  }
  ~Waiting() {
    const std::lock_guard guard(slot_.guard);
    slot_.socket = -1;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Slot& slot_;
};

}  // namespace

Database::Database(DatabaseSettings settings)
    : settings_(std::move(settings)),
      reach_(std::make_unique<Reach>()),
      slots_(settings_.connections + 1),
      pool_("db", settings_.connections, settings_.queue) {
  for (auto& slot : slots_) slot = std::make_unique<Slot>();
  watchdog_ = std::make_unique<Watchdog>(slots_);
}

Database::~Database() { stop(); }

void Database::stop() {
  constexpr milliseconds kPatience{3000};
  watchdog_->hurry(kPatience);
  pool_.stop();
  for (const auto& slot : slots_) {
    const std::lock_guard lock(slot->own);
    slot->connection.reset();
  }
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
    std::optional<Waiting<Slot>> waiting;  // a pooler may let us in and keep the first statement waiting
    const auto opened = [&](int socket) { waiting.emplace(slot, socket, expires); };
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

bool Database::attempt(std::size_t worker, Clock::time_point expires, Mode mode, Error& failed,
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
      const Waiting<Slot> waiting(slot, slot.connection->get().sock(), expires);
      slot.connection->bound_statements(remaining);
      const bool ok = execute(*slot.connection, remaining, mode, committing, body);
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

bool Database::execute(Connection& connection, milliseconds remaining, Mode mode, bool& committing,
                       const std::function<bool(Transaction&)>& body) const {
  if (mode != Mode::transaction) {
    pqxx::nontransaction work(connection.get());
    Transaction tx(connection, work, settings_.prepare);
    committing = mode == Mode::single;
    return body(tx);
  }
  pqxx::work work(connection.get());
  Transaction tx(connection, work, settings_.prepare);
  if (!settings_.prepare) {  // no session settings there
    tx.exec_raw("set local statement_timeout = " + std::to_string(statement_timeout_for(remaining).count()));
  }
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
