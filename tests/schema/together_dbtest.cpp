// Deposits that go together (schema/together.h): one commit for many, each with its own answer. MSS-38.
#include "schema/together.h"

#include "tests/schema/store_fixture.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <set>

namespace cpm::schema {
namespace {

struct Deposit final : Together::Work {
  explicit Deposit(std::function<Result<DepositedAt>(Transaction&)> f) : function(std::move(f)) {}
  bool run(Transaction& tx) override {
    result.reset();
    ++runs;
    result.emplace(function(tx));
    return result->has_value();
  }
  [[nodiscard]] bool refused() const override { return result && !result->has_value(); }
  void fail(const Error& error) override { result.emplace(error); }
  std::function<Result<DepositedAt>(Transaction&)> function;
  std::optional<Result<DepositedAt>> result;
  int runs = 0;
};

class DepositsTogether : public Store {
 protected:
  std::shared_ptr<Deposit> work(const std::string& path, std::size_t messages, std::size_t size = 10) {
    auto staged = std::make_shared<std::vector<StagedMessage>>();
    for (std::size_t i = 0; i < messages; ++i) staged->push_back(hold_inline(new_message(std::string(size, 'x'))));
    auto out = std::make_shared<Deposit>(
        [this, path, staged](Transaction& tx) { return deposit_at(tx, alice_, path, *staged, limits_); });
    out->path = path;
    return out;
  }
  // All at once, on one thread as the sessions of a node are on theirs.
  void run(const std::vector<std::shared_ptr<Deposit>>& works) {
    boost::asio::io_context io;
    std::size_t thrown = 0;
    for (const auto& one : works) {
      boost::asio::co_spawn(io, together_.run(alice_.account, std::chrono::seconds(30), one),
                            [&thrown](const std::exception_ptr& exception) { thrown += exception ? 1 : 0; });
    }
    io.run();
    thrown_ = thrown;
  }
  Together together_{test_.database(), 64};
  std::size_t thrown_ = 0;
};

TEST_F(DepositsTogether, ManyShareFewCommitsAndEachHasItsOwnUids) {
  std::vector<std::shared_ptr<Deposit>> works;
  for (int i = 0; i < 60; ++i) works.push_back(work(i % 3 == 0 ? "Default" : "INBOX", i % 5 == 0 ? 3 : 1));
  run(works);
  std::map<std::int32_t, std::set<std::uint32_t>> uids;
  std::size_t messages = 0;
  for (std::size_t i = 0; i < works.size(); ++i) {
    ASSERT_TRUE(works[i]->result && works[i]->result->has_value()) << works[i]->result->error().detail;
    const DepositedAt& done = **works[i]->result;
    EXPECT_EQ(done.result.uids.size(), i % 5 == 0 ? 3U : 1U);
    for (std::uint32_t uid = done.result.uids.min(); uid <= done.result.uids.max(); ++uid)
      EXPECT_TRUE(uids[done.mailbox.id.value].insert(uid).second);
    messages += done.result.uids.size();
  }
  EXPECT_EQ(account_value("used_messages"), std::to_string(messages));
  const auto counts = together_.counts();
  EXPECT_EQ(counts.deposits, 60U);
  EXPECT_LE(counts.transactions, 5U);
  expect_consistent();
}

TEST_F(DepositsTogether, OneThatFailsFailsAlone) {
  test_.execute("update account set limit_bytes = 1000 where account_id = " + std::to_string(alice_.account.value));
  std::vector<std::shared_ptr<Deposit>> works{work("INBOX", 1)};
  for (int i = 0; i < 4; ++i) works.push_back(work("INBOX", 2));
  works.push_back(work("INBOX", 3, 900));  // no room for all of them: none is stored
  works.push_back(work("nowhere", 1));
  for (int i = 0; i < 4; ++i) works.push_back(work("Default", 1));
  run(works);
  for (std::size_t i = 0; i < works.size(); ++i) {
    const auto& result = *works[i]->result;
    if (i == 5) {
      EXPECT_EQ(result.error().failure, Failure::over_quota);
    } else if (i == 6) {
      EXPECT_EQ(result.error().failure, Failure::not_found);
    } else {
      EXPECT_TRUE(result.has_value()) << i;
    }
  }
  EXPECT_EQ(account_value("used_messages"), "13");
  expect_consistent();
}

TEST_F(DepositsTogether, ABugIsThrownWhereItIs) {
  std::vector<std::shared_ptr<Deposit>> works{work("INBOX", 1), work("INBOX", 1)};
  works.push_back(
      std::make_shared<Deposit>([](Transaction&) -> Result<DepositedAt> { throw std::logic_error("bug"); }));
  works.push_back(work("INBOX", 1));
  run(works);
  EXPECT_EQ(thrown_, 1U);
  EXPECT_EQ(account_value("used_messages"), "3");
  expect_consistent();
}

TEST_F(DepositsTogether, StatementsThatFailAreAnswersOfTheirOwn) {
  std::vector<std::shared_ptr<Deposit>> works{work("INBOX", 1), work("INBOX", 1)};
  works.push_back(std::make_shared<Deposit>([](Transaction& tx) -> Result<DepositedAt> {
    tx.exec_raw("select 1 / 0");
    return DepositedAt{};
  }));
  works.push_back(work("INBOX", 1));
  run(works);
  EXPECT_EQ(works[2]->result->error().failure, Failure::internal);
  EXPECT_EQ(account_value("used_messages"), "3");
}

}  // namespace
}  // namespace cpm::schema
