// Pool: a named set of threads for work that blocks (database, files, password hashing). run()
// resumes the caller on the caller's own executor, never on a pool thread.
//   auto digest = co_await pool.run([&]{ return hash(password); });
// The queue is bounded: post() above it fails with Failure::unavailable ("busy").
// Runs on: run() any strand; the function on a pool thread.
#pragma once

#include "base/result.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace cpm {

class Pool {
 public:
  using Job = std::function<void(std::size_t worker)>;  // worker: 0 … threads-1

  Pool(std::string name, std::size_t threads, std::size_t queue_limit);
  ~Pool();  // finishes the queued jobs, then joins
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // False when the queue is full or the pool is stopping; the job is then not run.
  [[nodiscard]] bool post(Job job);
  void stop();  // no new jobs; queued ones still run; joins
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::size_t threads() const { return workers_.size(); }

  // Runs `function(worker)` on a pool thread; its Result comes back on the caller's executor.
  template <class Function, class R = std::invoke_result_t<Function, std::size_t>>
  boost::asio::awaitable<R> run(Function function);

 private:
  void work(std::size_t worker);

  const std::string name_;
  const std::size_t queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;  // protected by mutex_
  bool stopping_ = false;  // protected by mutex_
  std::vector<std::thread> workers_;
};

// R must be a Result<…>: a full queue is an answer, not an exception.
template <class Function, class R>
boost::asio::awaitable<R> Pool::run(Function function) {
  struct State {
    explicit State(Function f) : function(std::move(f)) {}
    Function function;
    std::optional<R> result;
    std::exception_ptr exception;
  };
  auto state = std::make_shared<State>(std::move(function));
  auto executor = co_await boost::asio::this_coro::executor;
  auto initiate = [this, state, executor](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto work = boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
    const bool queued = post([state, shared, work](std::size_t worker) {
      try {
        state->result.emplace(state->function(worker));
      } catch (...) {
        state->exception = std::current_exception();
      }
      boost::asio::post(work, [shared]() mutable { (*shared)(); });
    });
    if (!queued) {
      state->result.emplace(fail(Failure::unavailable, "server is busy", name_ + " queue is full"));
      boost::asio::post(executor, [shared]() mutable { (*shared)(); });
    }
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(initiate,
                                                                                     boost::asio::use_awaitable);
  if (state->exception) std::rethrow_exception(state->exception);
  co_return std::move(*state->result);
}

}  // namespace cpm
