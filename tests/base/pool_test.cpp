#include "base/pool.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <stdexcept>

namespace cpm {
namespace {

using boost::asio::awaitable;

template <class T>
T run(boost::asio::io_context& context, awaitable<T> what) {
  auto future = boost::asio::co_spawn(context, std::move(what), boost::asio::use_future);
  context.restart();
  context.run();
  return future.get();
}

awaitable<Result<int>> compute(Pool& pool, std::thread::id& there, std::thread::id& back) {
  auto job = [&there](std::size_t) -> Result<int> {
    there = std::this_thread::get_id();
    return 42;
  };
  auto answer = co_await pool.run(job);
  back = std::this_thread::get_id();
  co_return answer;
}

TEST(Pool, RunsElsewhereAndComesBack) {
  boost::asio::io_context context;
  Pool pool("test", 2, 10);
  std::thread::id there;
  std::thread::id back;
  const auto answer = run(context, compute(pool, there, back));
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, 42);
  EXPECT_NE(there, std::this_thread::get_id());
  EXPECT_EQ(back, std::this_thread::get_id());
}

awaitable<Result<int>> broken(Pool& pool) {
  auto job = [](std::size_t) -> Result<int> { throw std::runtime_error("bug"); };
  auto answer = co_await pool.run(job);
  co_return answer;
}

TEST(Pool, CarriesExceptionsToTheCaller) {
  boost::asio::io_context context;
  Pool pool("test", 1, 10);
  EXPECT_THROW(static_cast<void>(run(context, broken(pool))), std::runtime_error);
}

awaitable<Result<int>> one(Pool& pool) {
  auto job = [](std::size_t) -> Result<int> { return 1; };
  auto answer = co_await pool.run(job);
  co_return answer;
}

TEST(Pool, RefusesWhenItsQueueIsFull) {
  boost::asio::io_context context;
  std::promise<void> started;
  std::promise<void> release;
  Pool pool("test", 1, 1);
  ASSERT_TRUE(pool.post([&](std::size_t) {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();
  ASSERT_TRUE(pool.post([](std::size_t) {}));
  EXPECT_EQ(pool.queued(), 1U);
  const auto refused = run(context, one(pool));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::unavailable);
  release.set_value();
}

TEST(Pool, FinishesQueuedJobsWhenStopped) {
  std::atomic<int> done{0};
  Pool pool("test", 2, 1000);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.post([&](std::size_t) { ++done; }));
  pool.stop();
  EXPECT_EQ(done, 100);
  EXPECT_FALSE(pool.post([](std::size_t) {}));
}

}  // namespace
}  // namespace cpm
