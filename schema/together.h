// Together: deposits of one account that wait for each other anyway, because the account's row is locked until the
// commit (storage-design 4.1), go into one transaction: while one is on its way the others of this node gather, and
// then share one commit. Each keeps its own answer: when one fails, all are undone and each is run by itself, so that
// only those fail that would have failed alone (docs/decisions/0045-group-deposit.md). Runs on: run() any
// single-threaded executor; Work::run on a db thread.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "schema/database.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cpm::schema {

class Together {
 public:
  // One deposit. `run` may be called several times; the last call counts.
  struct Work {
    std::string path;           // the mailbox, canonical, of the account itself
    std::int64_t order = 0;     // the conversation that is locked: those of a transaction are run in this order
    std::uint64_t octets = 0;   // that its statements carry
    Mode alone = Mode::single;  // how it is run by itself

    Work() = default;
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    virtual ~Work() = default;
    virtual bool run(Transaction& tx) = 0;           // false: refused, nothing may be kept
    [[nodiscard]] virtual bool refused() const = 0;  // the last run gave an Error
    virtual void fail(const Error& error) = 0;       // the transaction failed: this is the answer
    std::exception_ptr exception;                    // a bug, thrown by run
  };

  Together(Database& database, std::size_t most);
  ~Together();
  Together(const Together&) = delete;
  Together& operator=(const Together&) = delete;

  // Returns when the work has its answer.
  boost::asio::awaitable<void> run(AccountId account, std::chrono::milliseconds deadline, std::shared_ptr<Work> work);

  // How many transactions there were, and how many deposits went in them.
  struct Counts {
    std::uint64_t transactions = 0, deposits = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Member;
  struct Group;
  using Members = std::vector<std::shared_ptr<Member>>;

  bool join(AccountId account, const std::shared_ptr<Member>& member);
  // How long the leader waits for others that are about to come; none: not at all.
  std::optional<std::chrono::steady_clock::time_point> linger(AccountId account, const std::shared_ptr<Member>& leader);
  Members take(AccountId account);
  boost::asio::awaitable<void> serve(AccountId account, Members members);
  boost::asio::awaitable<void> serve_one(AccountId account, std::shared_ptr<Member> member);
  void leave(AccountId account, std::size_t served, std::chrono::steady_clock::duration took, bool quarrel);
  void finish(const std::shared_ptr<Member>& member);

  Database& database_;
  const std::size_t most_;  // of one transaction
  mutable std::mutex mutex_;
  std::unordered_map<AccountId, Group> groups_;  // accounts with something on its way, and some that had it just now
  Counts counts_;
};

}  // namespace cpm::schema
