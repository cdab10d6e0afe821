#include "schema/database.h"

#include "tests/support/test_database.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

namespace cpm::schema {
namespace {

using namespace std::chrono_literals;
using support::TestDatabase;

constexpr Query kEcho{"test_echo",
                      "select $1::text, $2::bigint, $3::bytea, $4::boolean, $5::text, $6::int, $7::bytea, $8::text[]"};
constexpr Query kSleep{"test_sleep", "select pg_sleep($1::float8 / 1000)"};
constexpr Query kKillMe{"test_kill", "select pg_terminate_backend(pg_backend_pid())"};
constexpr Query kOne{"test_one", "select 1"};

Result<int> one(Transaction& tx) { return tx.exec(kOne)[0][0].as<int>(); }

class DatabaseTest : public ::testing::Test {
 protected:
  Database& database() { return TestDatabase::shared().database(); }
  template <class Function>
  auto run(Function function, std::chrono::milliseconds deadline = 10s, Mode mode = Mode::transaction) {
    return database().run_blocking(deadline, std::move(function), mode);
  }
};

TEST_F(DatabaseTest, CarriesEveryKindOfParameter) {
  const std::string octets = std::string("\0\x01\xff'\\", 5);
  const std::vector<std::string> texts{"a,b", "c\"d"};
  for (const bool prepare : {true, false}) {
    Database other({TestDatabase::shared().url(), 1, prepare, 10});
    const auto row = other.run_blocking(10s, [&](Transaction& tx) -> Result<std::vector<std::string>> {
      std::vector<std::string> out;
      for (int i = 0; i < 2; ++i) {  // the second time it is prepared already
        const auto r = tx.exec(kEcho, std::string_view("te'xt"), std::int64_t{-5}, bytes(octets), true,
                               std::optional<std::string>(), std::optional<int>(7), std::optional(bytes("")),
                               array(std::span(texts)))[0];
        out = {r[0].c_str(),
               r[1].c_str(),
               from_bytea(r[2]),
               r[3].c_str(),
               r[4].is_null() ? "null" : "",
               r[5].c_str(),
               r[6].is_null() ? "null" : from_bytea(r[6]),
               r[7].c_str()};
      }
      const auto empty = tx.exec(kEcho, nullptr, nullptr, std::optional<pqxx::binarystring>(), nullptr, nullptr,
                                 nullptr, bytes(""), nullptr)[0];
      for (int i = 0; i < 6; ++i) EXPECT_TRUE(empty[i].is_null()) << i;
      EXPECT_FALSE(empty[6].is_null());
      return out;
    });
    ASSERT_TRUE(row) << row.error().detail;
    EXPECT_EQ(*row, (std::vector<std::string>{"te'xt", "-5", octets, "t", "null", "7", "", "{\"a,b\",\"c\\\"d\"}"}));
  }
}

TEST_F(DatabaseTest, CommitsValuesAndRollsBackErrors) {
  auto& test = TestDatabase::shared();
  test.execute("create table if not exists rolled (n int)");
  const auto bad = run([](Transaction& tx) -> Result<void> {
    tx.exec_raw("insert into rolled values (1)");
    return fail(Failure::denied, "no");
  });
  EXPECT_EQ(bad.error().failure, Failure::denied);
  EXPECT_EQ(test.value("select count(*) from rolled"), "0");
  EXPECT_TRUE(run([](Transaction& tx) -> Result<void> {
    tx.exec_raw("insert into rolled values (1)");
    return {};
  }));
  EXPECT_EQ(test.value("select count(*) from rolled"), "1");
}

TEST_F(DatabaseTest, MapsFailuresByState) {
  const auto syntax = run([](Transaction& tx) -> Result<void> {
    tx.exec_raw("selekt 1");
    return {};
  });
  EXPECT_EQ(syntax.error().failure, Failure::internal);
  EXPECT_EQ(syntax.error().text.find("selekt"), std::string::npos);
  const auto twice = run([](Transaction& tx) -> Result<void> {
    tx.exec_raw("insert into schema_version values (1, 1)");
    return {};
  });
  EXPECT_EQ(twice.error().failure, Failure::exists);
  EXPECT_TRUE(run(one)) << "the connection is of use after a failure";
}

TEST_F(DatabaseTest, StopsStatementsAtTheDeadline) {
  const auto slow = run(
      [](Transaction& tx) -> Result<void> {
        tx.exec(kSleep, 20000);
        return {};
      },
      100ms);
  EXPECT_EQ(slow.error().failure, Failure::timeout);
  EXPECT_EQ(run(one, 0ms).error().failure, Failure::timeout);
  EXPECT_TRUE(run(one));
  // Behind a transaction pooler the bound is set inside the transaction.
  Database pooled({TestDatabase::shared().url(), 1, false, 10});
  const auto also = pooled.run_blocking(100ms, [](Transaction& tx) -> Result<void> {
    tx.exec(kSleep, 20000);
    return {};
  });
  EXPECT_EQ(also.error().failure, Failure::timeout);
}

TEST_F(DatabaseTest, PassesOtherExceptionsOn) {
  EXPECT_THROW((void)run([](Transaction&) -> Result<void> { throw std::logic_error("bug"); }), std::logic_error);
  EXPECT_TRUE(run(one));
}

TEST_F(DatabaseTest, RetriesDeadlocks) {
  auto& test = TestDatabase::shared();
  test.execute(
      "drop table if exists pair; create table pair (id int primary key, n int); insert into pair values (1, 0), (2, "
      "0)");
  Database other({test.url(), 1, true, 10});
  std::atomic<int> calls = 0;
  const auto both = [&calls](int first, int second) {
    return [&calls, first, second](Transaction& tx) -> Result<void> {
      const bool early = ++calls <= 2;
      tx.exec_raw("update pair set n = n + 1 where id = " + std::to_string(first));
      if (early) {
        while (calls < 2) std::this_thread::sleep_for(1ms);
        std::this_thread::sleep_for(20ms);
      }
      tx.exec_raw("update pair set n = n + 1 where id = " + std::to_string(second));
      return {};
    };
  };
  bool other_worked = false;
  std::thread thread([&] { other_worked = other.run_blocking(30s, both(2, 1)).has_value(); });
  EXPECT_TRUE(run(both(1, 2), 30s));
  thread.join();
  EXPECT_TRUE(other_worked);
  EXPECT_EQ(test.value("select min(n) || ',' || max(n) from pair"), "2,2");
  EXPECT_EQ(calls, 3) << "one of them ran twice";
}

TEST_F(DatabaseTest, RunsAgainOnALostConnection) {
  Database own({TestDatabase::shared().url(), 1, true, 10});
  int calls = 0;
  const auto answer = own.run_blocking(10s, [&calls](Transaction& tx) -> Result<int> {
    if (++calls == 1) tx.exec(kKillMe);
    return one(tx);
  });
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(own.reachable());
}

TEST_F(DatabaseTest, DoesNotRepeatASingleStatement) {
  Database own({TestDatabase::shared().url(), 1, true, 10});
  int calls = 0;
  const auto answer = own.run_blocking(
      10s,
      [&calls](Transaction& tx) -> Result<int> {
        ++calls;
        tx.exec(kKillMe);
        return 1;
      },
      Mode::single);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::in_doubt) << "it may have been done";
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(own.run_blocking(10s, one, Mode::single));
}

TEST_F(DatabaseTest, NoticesAConnectionClosedWhileIdle) {
  auto& test = TestDatabase::shared();
  Database own({test.url() + " application_name=idle_victim", 1, true, 10});
  ASSERT_TRUE(own.run_blocking(10s, one));
  EXPECT_EQ(test.value(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'idle_victim'"),
            "1");
  while (test.value("select count(*) from pg_stat_activity where application_name = 'idle_victim'") != "0")
    std::this_thread::sleep_for(1ms);
  int calls = 0;
  EXPECT_TRUE(own.run_blocking(
      10s,
      [&calls](Transaction& tx) {
        ++calls;
        return one(tx);
      },
      Mode::single));
  EXPECT_EQ(calls, 1);
}

TEST_F(DatabaseTest, AnswersOnTheCallersExecutor) {
  boost::asio::io_context io;
  std::thread::id ran, resumed;
  int value = 0;
  boost::asio::co_spawn(
      io,
      [&]() -> boost::asio::awaitable<void> {
        auto answer = co_await database().run(Wall::open(), 10s, [&ran](Transaction& tx) -> Result<int> {
          ran = std::this_thread::get_id();
          return one(tx);
        });
        resumed = std::this_thread::get_id();
        value = answer.value();
      },
      [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
      });
  io.run();
  EXPECT_EQ(value, 1);
  EXPECT_EQ(resumed, std::this_thread::get_id());
  EXPECT_NE(ran, resumed);
}

TEST(DatabaseAway, FailsAtOnceAndSaysSo) {
  Database nowhere({"host=/nonexistent dbname=x", 2, true, 10});
  EXPECT_FALSE(nowhere.reachable());
  for (int i = 0; i < 20; ++i) {
    const auto answer = nowhere.run_blocking(10s, one);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().failure, Failure::unavailable);
  }
  Database wrong({"host=x nonsense=1", 1, true, 10});
  EXPECT_EQ(wrong.run_blocking(10s, one).error().failure, Failure::invalid);
}

TEST(DatabaseRestart, SessionsLiveOnWhenTheServerComesBack) {
  support::TestCluster cluster(true);
  Database database({cluster.url("postgres"), 4, true, 100});
  ASSERT_TRUE(database.run_blocking(10s, [](Transaction& tx) -> Result<void> {
    tx.exec_raw("create table kept (n int primary key)");
    return {};
  }));
  constexpr Query kInsert{"test_insert", "insert into kept values ($1)"};
  std::atomic<bool> stop = false;
  std::atomic<int> next = 0;
  std::atomic<int> failures = 0;
  std::mutex mutex;
  std::vector<int> acknowledged;
  boost::asio::io_context io;
  for (int worker = 0; worker < 4; ++worker) {
    boost::asio::co_spawn(
        io,
        [&]() -> boost::asio::awaitable<void> {
          while (!stop) {
            const int n = ++next;
            auto done = co_await database.run(Wall::open(), 5s, [n, kInsert](Transaction& tx) -> Result<void> {
              tx.exec(kInsert, n);
              return {};
            });
            if (done) {
              const std::lock_guard lock(mutex);
              acknowledged.push_back(n);
            } else {
              ++failures;
              const Failure why = done.error().failure;
              EXPECT_TRUE(why == Failure::unavailable || why == Failure::in_doubt) << done.error().detail;
            }
          }
        },
        [](std::exception_ptr e) {
          if (e) std::rethrow_exception(e);
        });
  }
  std::thread clients([&io] { io.run(); });
  const auto written = [&] {
    const std::lock_guard lock(mutex);
    return acknowledged.size();
  };
  for (const int signal : {SIGKILL, SIGINT}) {
    const std::size_t before = written();
    while (written() < before + 20) std::this_thread::sleep_for(1ms);
    cluster.stop(signal);
    const int failed = failures;
    while (failures < failed + 4 || database.reachable()) std::this_thread::sleep_for(1ms);
    cluster.start();
  }
  const std::size_t before = written();
  while (written() < before + 20) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(database.reachable());
  stop = true;
  clients.join();
  const auto rows = database.run_blocking(10s, [](Transaction& tx) -> Result<std::set<int>> {
    std::set<int> out;
    for (const auto& row : tx.exec_raw("select n from kept")) out.insert(row[0].as<int>());
    return out;
  });
  ASSERT_TRUE(rows);
  for (const int n : acknowledged) EXPECT_TRUE(rows->contains(n)) << n << " was acknowledged and is lost";
}

}  // namespace
}  // namespace cpm::schema
