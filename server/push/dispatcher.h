// Dispatcher: tells what stands in the outbox. It is woken after a commit, by this node's changes and by those the
// change feed brings, takes queues that are due by a lease in the database, and makes their requests; what fails comes
// again later. Nodes share the work; what a killed one had taken is another's when the lease ends. It holds some events
// at a time in memory, never a backlog, and has database connections of its own: a receiver that hangs takes nothing
// from sessions.
// Runs on: its own thread; changed() from any.
#pragma once

#include "base/config.h"
#include "base/pool.h"
#include "schema/database.h"
#include "schema/outbox.h"
#include "server/push/breaker.h"
#include "server/push/http_post.h"
#include "server/push/pap.h"
#include "server/push/payload.h"
#include "server/push/stats.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_set>

namespace cpm::server::push {

class Dispatcher {
 public:
  // What it needs of the configuration; the Error says which key is wrong.
  struct Parts {
    NetworkGuard guard;
    boost::asio::ssl::context tls;
    PapTemplate content;
  };
  [[nodiscard]] static Result<Parts> prepare(const Config& config);

  Dispatcher(const Config& config, Parts parts, const std::string& database_url, Stats& stats);
  ~Dispatcher() { stop(); }
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  void start();
  void stop();  // requests on the way may end, for a short time; the others are made again
  // Something of the account was committed; also a wake-up for what is of nobody in particular (account 0).
  void changed(AccountId account, MailboxId mailbox);
  void all_changed();

  // Connections to the database.
  static constexpr std::size_t kConnections = 2;

 private:
  using Clock = std::chrono::steady_clock;
  // What became of a request.
  struct Outcome {
    bool asked = true;  // a request was made
    bool taken = false;
    bool never = false;    // not to be tried again
    bool at_fault = true;  // counts for the breaker
    std::string reason;
  };

  boost::asio::awaitable<void> loop();
  boost::asio::awaitable<void> tend();
  boost::asio::awaitable<void> refresh();
  boost::asio::awaitable<bool> claim();  // whether there may be more to claim now
  boost::asio::awaitable<void> serve(schema::PushClaim claim);
  boost::asio::awaitable<Outcome> tell(HttpPost& post, const schema::PushWork& work,
                                       const std::vector<const schema::OutboxEvent*>& events, int attempts);
  [[nodiscard]] std::optional<PostRequest> webhook_request(const schema::PushWork& work,
                                                           const std::vector<const schema::OutboxEvent*>& events,
                                                           int attempts) const;
  [[nodiscard]] std::optional<PostRequest> pap_request(const schema::PushWork& work,
                                                       const std::vector<const schema::OutboxEvent*>& events) const;
  [[nodiscard]] std::chrono::milliseconds back_off(int attempts);
  [[nodiscard]] std::chrono::milliseconds lease() const;
  void wake();

  const Config::Push config_;
  const bool alone_;  // the database is this process's
  const Names names_;
  Stats& stats_;
  boost::asio::io_context io_{1};
  NetworkGuard guard_;
  boost::asio::ssl::context tls_;
  const PapTemplate content_;
  schema::Database db_;
  Pool dns_;
  const PostSettings post_;
  Breaker breaker_;
  std::mt19937_64 random_{std::random_device{}()};
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer tend_timer_;
  std::map<std::string, std::size_t> running_;  // requests by origin
  std::size_t total_ = 0;                       // queues in work
  bool more_ = false;                           // there was more than could be taken
  std::atomic<bool> stopping_{false};
  std::atomic<bool> woken_{true};
  std::atomic<bool> stale_{true};      // who is watched must be read again
  std::atomic<bool> everybody_{true};  // watched
  std::mutex mutex_;
  std::unordered_set<std::int64_t> watched_;  // protected by mutex_
  std::atomic<bool> anybody_{true};
  Clock::time_point refreshed_;
  std::thread thread_;
};

}  // namespace cpm::server::push
