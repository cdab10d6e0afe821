// Database: connections, database threads and run(), the only door to SQL.
//   auto row = co_await db.run(Wall::of(account), deadline, [=](Transaction& tx) -> Result<Row> { … });
// Its statements see rows of the accounts that the wall names and no others (wall.h).
// The function runs on a database thread inside one READ COMMITTED transaction that commits when it
// returns a value and rolls back when it returns an Error. run() alone retries serialization failures
// and deadlocks, so the function has no side effects. pqxx exceptions become Error here, by SQLSTATE.
// A lost connection is Failure::unavailable, and nothing was done; lost while a change was being committed it is
// Failure::in_doubt. The next run() connects again (with back-off).
// Runs on: run() any strand; the function on a db thread, where nothing of a session may be touched.
#pragma once

#include "base/pool.h"
#include "base/result.h"
#include "schema/query.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cpm::schema {

class Lanes;
class Together;
class Watchdog;

struct DatabaseSettings {
  std::string url;              // libpq connection string or URI
  std::size_t connections = 8;  // a quarter of them are lanes (lanes.h), each other one has a thread
  bool prepare = true;          // off behind a transaction pooler
  std::size_t queue = 10000;    // jobs waiting at most
  std::size_t together = 64;    // deposits of one account in a transaction (together.h)
};

enum class Mode {
  transaction,  // BEGIN … COMMIT around the function
  single,       // autocommit: reads, then at most one statement that writes (a `select function(…)`), as the last
  reads,        // no transaction around statements that only read: each sees what is committed, as in READ COMMITTED
};

class Database {
 public:
  explicit Database(DatabaseSettings settings);
  ~Database();

  // `deadline` bounds waiting in the queue and, through statement_timeout, each statement. A database that does not
  // answer at all costs the connection some seconds after the deadline: Failure::unavailable.
  template <class Function, class R = std::invoke_result_t<Function, Transaction&>>
  boost::asio::awaitable<R> run(Wall wall, std::chrono::milliseconds deadline, Function function,
                                Mode mode = Mode::transaction) {
    auto expires = std::chrono::steady_clock::now() + deadline;
    auto job = [this, wall = std::move(wall), expires, mode,
                function = std::move(function)](std::size_t worker) mutable -> R {
      std::optional<R> result;
      Error failed;
      const bool ok = attempt(worker, wall, expires, mode, failed, [&](Transaction& tx) {
        result.emplace(function(tx));
        return result->has_value();
      });
      if (!ok && (!result || result->has_value())) return failed;
      return std::move(*result);
    };
    auto answer = co_await pool_.run(std::move(job));
    co_return answer;
  }

  // The same on the calling thread, for the store's own work: start-up, upkeep, cpmctl. REQUIRES: not on a strand.
  template <class Function, class R = std::invoke_result_t<Function, Transaction&>>
  R run_blocking(std::chrono::milliseconds deadline, Function function, Mode mode = Mode::transaction) {
    return run_blocking(Wall::open(), deadline, std::move(function), mode);
  }
  template <class Function, class R = std::invoke_result_t<Function, Transaction&>>
  R run_blocking(const Wall& wall, std::chrono::milliseconds deadline, Function function,
                 Mode mode = Mode::transaction) {
    auto expires = std::chrono::steady_clock::now() + deadline;
    std::optional<R> result;
    Error failed;
    const bool ok = attempt(kOwnConnection, wall, expires, mode, failed, [&](Transaction& tx) {
      result.emplace(function(tx));
      return result->has_value();
    });
    if (!ok && (!result || result->has_value())) return failed;
    return std::move(*result);
  }

  // One statement that reads a few rows by their key, sent and awaited by the caller itself: faster than run(), which
  // is to be taken when there is no answer, whatever the reason (lanes.h).
  template <class... Args>
  boost::asio::awaitable<std::optional<BinaryRows>> ask(Wall wall, const Query& query, const Args&... args) {
    return ask_with(std::move(wall), query, detail::parameters_of(args...));
  }

  // Deposits of one account in one transaction (together.h).
  [[nodiscard]] Together& together() const { return *together_; }

  // True when the last attempt to reach the database worked; any thread.
  [[nodiscard]] bool reachable() const noexcept;
  [[nodiscard]] std::size_t queued() const { return pool_.queued(); }  // jobs waiting for a connection
  [[nodiscard]] const DatabaseSettings& settings() const noexcept { return settings_; }
  void stop();  // waits for running jobs some seconds, closes the connections

 private:
  struct Slot;
  class Reach;
  static constexpr std::size_t kOwnConnection = static_cast<std::size_t>(-1);
  // Runs `body` in a transaction on the worker's connection; `body` returns whether to commit. False with
  // `failed` set when the database failed; false with `failed` untouched when body returned false.
  bool attempt(std::size_t worker, const Wall& wall, std::chrono::steady_clock::time_point expires, Mode mode,
               Error& failed, const std::function<bool(Transaction&)>& body);

  boost::asio::awaitable<std::optional<BinaryRows>> ask_with(Wall wall, const Query& query,
                                                             pqxx::internal::params parameters);

  // One transaction, or one statement. Throws; `committing` is set as soon as the outcome may be unknown.
  bool execute(Connection& connection, const Wall& wall, std::chrono::milliseconds remaining, Mode mode,
               bool& committing, const std::function<bool(Transaction&)>& body) const;
  // Makes sure that the slot holds a connection that looks alive.
  bool connect(Slot& slot, std::chrono::steady_clock::time_point expires, Error& failed);

  const DatabaseSettings settings_;
  std::unique_ptr<Reach> reach_;              // shared by the slots: is the server there, who tries next
  std::vector<std::unique_ptr<Slot>> slots_;  // one per worker, used by it alone; the last one by run_blocking
  Pool pool_;
  std::unique_ptr<Watchdog> watchdog_;  // own thread
  std::unique_ptr<Lanes> lanes_;
  std::unique_ptr<Together> together_;
};

}  // namespace cpm::schema
