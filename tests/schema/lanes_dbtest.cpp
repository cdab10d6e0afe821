#include "schema/access.h"
#include "tests/schema/store_fixture.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

namespace cpm::schema {
namespace {

using boost::asio::awaitable;

constexpr Query kPid{"test_lane_pid", "select pg_backend_pid()"};
constexpr Query kSlow{"test_lane_slow", "select pg_sleep(0.3)::text"};
constexpr Query kBroken{"test_lane_broken", "select 1 / (pg_backend_pid() - pg_backend_pid())"};

class LanesTest : public Store {
 protected:
  void SetUp() override {
    Store::SetUp();
    // The pool has reached the database, so that lanes are opened at all.
    ASSERT_TRUE(run(database_.run(
        Wall::closed(), std::chrono::milliseconds(10000), [](Transaction&) -> Result<int> { return 1; }, Mode::reads)));
  }
  template <class T>
  T run(awaitable<T> what) {
    auto future = boost::asio::co_spawn(context_, std::move(what), boost::asio::use_future);
    context_.restart();
    context_.run();
    return future.get();
  }
  // The answer once a lane is open.
  std::optional<BinaryRows> ask(const Query& query) {
    for (int tries = 0; tries < 300; ++tries) {
      auto rows = run(database_.ask(Wall::closed(), query));
      if (rows) return rows;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return std::nullopt;
  }

  boost::asio::io_context context_;
  Database database_{{test_.url(), 4, true, 100}};
};

TEST_F(LanesTest, AnswersAsAuthorizeDoes) {
  ASSERT_TRUE(ask(kPid));
  append("INBOX", 3);
  const auto at_once = run(authorize_at_once(database_, alice_, std::string("INBOX"), kRead));
  ASSERT_TRUE(at_once && *at_once);
  const MailboxRow& row = (*at_once)->mailbox();
  const MailboxRow expected =
      in_transaction([&](Transaction& tx) { return authorize(tx, alice_, "INBOX", kRead); })->mailbox();
  EXPECT_EQ(row.id, expected.id);
  EXPECT_EQ(row.path, "INBOX");
  EXPECT_EQ(row.uidnext, Uid{4});
  EXPECT_EQ(row.messages, 3U);
  EXPECT_EQ(row.highestmodseq, expected.highestmodseq);
  EXPECT_EQ(row.uidvalidity, expected.uidvalidity);
  EXPECT_EQ(row.bytes, expected.bytes);
  const auto by_id = run(authorize_at_once(database_, alice_, expected.ref(), kRead));
  ASSERT_TRUE(by_id && *by_id);
  EXPECT_EQ((*by_id)->mailbox().path, "INBOX");
  const auto missing = run(authorize_at_once(database_, alice_, std::string("No/such"), kRead));
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->error().failure, Failure::not_found);
}

TEST_F(LanesTest, ABusyLaneIsNotWaitedFor) {
  ASSERT_TRUE(ask(kPid));
  std::optional<bool> first, second;
  auto one = [&](const Query& query, std::optional<bool>& answered) -> awaitable<void> {
    auto rows = co_await database_.ask(Wall::closed(), query);
    answered = rows.has_value();
  };
  boost::asio::co_spawn(context_, one(kSlow, first), boost::asio::detached);
  boost::asio::co_spawn(context_, one(kPid, second), boost::asio::detached);
  context_.restart();
  context_.run();
  EXPECT_EQ(first, true);
  EXPECT_EQ(second, false) << "four connections have one lane";
}

TEST_F(LanesTest, ALostConnectionIsReplaced) {
  const auto pid = ask(kPid);
  ASSERT_TRUE(pid);
  test_.execute("select pg_terminate_backend(" + std::to_string(pid->number(0, 0)) + ")");
  const auto next = ask(kPid);
  ASSERT_TRUE(next);
  EXPECT_NE(next->number(0, 0), pid->number(0, 0));
}

TEST_F(LanesTest, AFailingStatementIsNoAnswer) {
  ASSERT_TRUE(ask(kPid));
  EXPECT_FALSE(run(database_.ask(Wall::closed(), kBroken)));
  EXPECT_TRUE(ask(kPid));
}

TEST_F(LanesTest, MayBeLeftInTheMiddle) {
  ASSERT_TRUE(ask(kPid));
  {
    boost::asio::io_context context;
    auto one = [&]() -> awaitable<void> {
      auto rows = co_await database_.ask(Wall::closed(), kSlow);
      static_cast<void>(rows);
    };
    boost::asio::co_spawn(context, one(), boost::asio::detached);
    context.poll();
  }
  EXPECT_TRUE(ask(kPid)) << "another lane took its place";
}

}  // namespace
}  // namespace cpm::schema
