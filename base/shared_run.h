// SharedRun: work that many want done at the same moment is done once for all of them. Who asks while it runs waits for
// the next run, which begins after all those who share it asked: the answer is never older than the question. One run
// for a key at a time.
// Runs on: any thread; answers come back on the caller's executor.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace cpm {

// R is copied to each who shares a run.
template <class Key, class R>
class SharedRun {
 public:
  // `work()` returns an awaitable<R>; of those who share a run one's work is done, in its own coroutine. What it throws
  // is thrown to all.
  template <class Work>
  boost::asio::awaitable<R> run(Key key, Work work) {
    bool leads = false;
    std::shared_ptr<Run> mine;
    std::shared_ptr<Run> before;  // to be waited for
    {
      const std::lock_guard lock(mutex_);
      Turns& turns = turns_[key];
      leads = !turns.running || !turns.next;
      if (!turns.running) {
        mine = turns.running = std::make_shared<Run>();
      } else {
        if (!turns.next) turns.next = std::make_shared<Run>();
        mine = turns.next;
        before = turns.running;
      }
    }
    if (!leads) {
      co_await end_of(mine);
      if (mine->broken) std::rethrow_exception(mine->broken);
      co_return *mine->answer;
    }
    if (before) co_await end_of(before);
    try {
      auto answer = co_await work();
      mine->answer.emplace(std::move(answer));
    } catch (...) {
      mine->broken = std::current_exception();
    }
    end(key, *mine);
    if (mine->broken) std::rethrow_exception(mine->broken);
    co_return *mine->answer;
  }

 private:
  struct Run {
    std::optional<R> answer;  // with `broken` written before `ended`, read after it
    std::exception_ptr broken;
    bool ended = false;                          // protected by mutex_
    std::vector<std::function<void()>> waiting;  // protected by mutex_
  };
  struct Turns {
    std::shared_ptr<Run> running, next;
  };

  boost::asio::awaitable<void> end_of(std::shared_ptr<Run> run) {
    auto executor = co_await boost::asio::this_coro::executor;
    auto initiate = [this, run, executor](auto handler) {
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      auto work = boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
      auto resume = [shared, work] { boost::asio::post(work, [shared]() mutable { (*shared)(); }); };
      {
        const std::lock_guard lock(mutex_);
        if (!run->ended) {
          run->waiting.push_back(std::move(resume));
          return;
        }
      }
      resume();
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(initiate,
                                                                                       boost::asio::use_awaitable);
  }

  void end(const Key& key, Run& run) {
    std::vector<std::function<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      run.ended = true;
      waiting = std::move(run.waiting);
      const auto turns = turns_.find(key);
      turns->second.running = std::move(turns->second.next);
      if (!turns->second.running) turns_.erase(turns);
    }
    for (const auto& resume : waiting) resume();
  }

  std::mutex mutex_;
  std::map<Key, Turns> turns_;  // protected by mutex_
};

}  // namespace cpm
