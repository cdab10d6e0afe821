#include "base/shared_run.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace cpm {
namespace {

using boost::asio::awaitable;
using Shared = SharedRun<int, int>;

awaitable<void> pause(std::chrono::microseconds time) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

awaitable<void> ask(Shared& shared, int key, int& runs, std::vector<int>& answers) {
  auto work = [&runs]() -> awaitable<int> {
    const int number = ++runs;
    co_await pause(std::chrono::milliseconds(5));
    co_return number;
  };
  auto answer = co_await shared.run(key, work);
  answers.push_back(answer);
}

TEST(SharedRun, WhoAsksDuringARunSharesTheNext) {
  boost::asio::io_context context;
  Shared shared;
  int runs = 0;
  std::vector<int> answers;
  for (int i = 0; i < 10; ++i) {
    boost::asio::co_spawn(context, ask(shared, 1, runs, answers), boost::asio::detached);
  }
  context.run();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(answers.size(), 10U);
  EXPECT_EQ(std::count(answers.begin(), answers.end(), 1), 1);
  EXPECT_EQ(std::count(answers.begin(), answers.end(), 2), 9);
}

TEST(SharedRun, KeysDoNotWaitForEachOther) {
  boost::asio::io_context context;
  Shared shared;
  int runs = 0;
  std::vector<int> answers;
  for (int i = 0; i < 10; ++i) {
    boost::asio::co_spawn(context, ask(shared, i, runs, answers), boost::asio::detached);
  }
  context.run();
  EXPECT_EQ(runs, 10);
}

awaitable<void> fail_or_not(Shared& shared, bool& fails, int& thrown) {
  auto work = [&fails]() -> awaitable<int> {
    co_await pause(std::chrono::milliseconds(2));
    if (fails) throw std::runtime_error("broken");
    co_return 1;
  };
  try {
    auto answer = co_await shared.run(1, work);
    static_cast<void>(answer);
  } catch (const std::runtime_error&) {
    ++thrown;
  }
}

TEST(SharedRun, AnExceptionReachesAllAndTheNextRunIsFresh) {
  boost::asio::io_context context;
  Shared shared;
  bool fails = true;
  int thrown = 0;
  for (int i = 0; i < 5; ++i) {
    boost::asio::co_spawn(context, fail_or_not(shared, fails, thrown), boost::asio::detached);
  }
  context.run();
  EXPECT_EQ(thrown, 5);
  fails = false;
  boost::asio::co_spawn(context, fail_or_not(shared, fails, thrown), boost::asio::detached);
  context.restart();
  context.run();
  EXPECT_EQ(thrown, 5);
}

// What is counted up before asking must be seen by the answer: the promise that makes sharing safe.
awaitable<void> count(Shared& shared, std::atomic<int>& counter, std::atomic<int>& runs, std::atomic<int>& stale) {
  for (int i = 0; i < 200; ++i) {
    const int mine = ++counter;
    auto work = [&counter, &runs]() -> awaitable<int> {
      ++runs;
      const int now = counter;
      co_await pause(std::chrono::microseconds(50));
      co_return now;
    };
    auto answer = co_await shared.run(1, work);
    if (answer < mine) ++stale;
  }
}

TEST(SharedRun, AnswersAreNeverOlderThanTheQuestion) {
  boost::asio::thread_pool threads(4);
  Shared shared;
  std::atomic<int> counter = 0;
  std::atomic<int> runs = 0;
  std::atomic<int> stale = 0;
  for (int i = 0; i < 16; ++i) {
    boost::asio::co_spawn(boost::asio::make_strand(threads), count(shared, counter, runs, stale),
                          boost::asio::detached);
  }
  threads.join();
  EXPECT_EQ(counter, 16 * 200);
  EXPECT_EQ(stale, 0);
  EXPECT_LT(runs, 16 * 200);
}

}  // namespace
}  // namespace cpm
