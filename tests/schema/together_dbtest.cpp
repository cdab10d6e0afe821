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
  [[nodiscard]] const DepositPart* part() const override { return shares ? &*shares : nullptr; }
  void stored(const DepositedAt& done, const QuotaNews&) override { result.emplace(done); }
  std::optional<DepositPart> shares;
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
  // The same as a session gives it: it may share a statement.
  std::shared_ptr<Deposit> sharing(const std::string& path, std::vector<std::string> octets) {
    auto staged = std::make_shared<std::vector<StagedMessage>>();
    for (std::string& one : octets) staged->push_back(hold_inline(new_message(std::move(one))));
    auto out = std::make_shared<Deposit>(
        [this, path, staged](Transaction& tx) { return deposit_at(tx, alice_, path, *staged, limits_); });
    out->path = path;
    out->shares = DepositPart{alice_, path, staged, &limits_};
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

TEST_F(DepositsTogether, OfOneMailboxShareAStatementAndKeepTheirOwnMessages) {
  std::vector<std::shared_ptr<Deposit>> works;
  std::map<std::string, std::size_t> owner;  // octets → work
  for (std::size_t i = 0; i < 40; ++i) {
    std::vector<std::string> octets;
    for (std::size_t n = 0; n < (i % 4 == 0 ? 3 : 1); ++n) {
      octets.push_back("work " + std::to_string(i) + " message " + std::to_string(n) + std::string(i, '.'));
      owner[octets.back()] = i;
    }
    works.push_back(sharing(i % 2 == 0 ? "INBOX" : "Default", std::move(octets)));
  }
  run(works);
  const auto counts = together_.counts();
  EXPECT_EQ(counts.deposits, 40U);
  EXPECT_GE(counts.shared, 30U);
  std::size_t seen = 0;
  for (std::size_t i = 0; i < works.size(); ++i) {
    ASSERT_TRUE(works[i]->result && works[i]->result->has_value()) << i;
    const DepositedAt& done = **works[i]->result;
    EXPECT_EQ(done.result.uids.size(), i % 4 == 0 ? 3U : 1U);
    EXPECT_EQ(done.mailbox.id, works[i % 2]->result->value().mailbox.id);
    std::size_t n = 0;
    for (std::uint32_t uid = done.result.uids.min(); uid <= done.result.uids.max(); ++uid, ++n, ++seen) {
      const std::string expected = "work " + std::to_string(i) + " message " + std::to_string(n) + std::string(i, '.');
      EXPECT_EQ(
          test_.value(
              "select convert_from(c.data, 'UTF8') from message m join content_chunk c using (account_id, content_id)"
              " where m.account_id = " +
              std::to_string(alice_.account.value) + " and m.mailbox_id = " + std::to_string(done.mailbox.id.value) +
              " and m.uid = " + std::to_string(uid)),
          expected);
      EXPECT_EQ(owner.at(expected), i);
    }
  }
  EXPECT_EQ(seen, owner.size());
  EXPECT_EQ(account_value("used_messages"), std::to_string(owner.size()));
  expect_consistent();
}

// All of one statement, or each by itself: what does not fit fails alone.
TEST_F(DepositsTogether, OneOfAStatementThatFailsFailsAlone) {
  test_.execute("update account set limit_bytes = 1000 where account_id = " + std::to_string(alice_.account.value));
  std::vector<std::shared_ptr<Deposit>> works;
  for (int i = 0; i < 8; ++i) works.push_back(sharing("INBOX", {std::string(i == 5 ? 2000 : 20, 'x')}));
  for (int i = 0; i < 3; ++i) works.push_back(sharing("nowhere", {"x"}));
  run(works);
  for (std::size_t i = 0; i < works.size(); ++i) {
    const auto& result = *works[i]->result;
    if (i == 5) {
      EXPECT_EQ(result.error().failure, Failure::over_quota);
    } else if (i > 7) {
      EXPECT_EQ(result.error().failure, Failure::not_found);
    } else {
      EXPECT_TRUE(result.has_value()) << i;
    }
  }
  EXPECT_EQ(account_value("used_messages"), "7");
  expect_consistent();
}

TEST_F(DepositsTogether, EachOfAStatementIsRecordedAndToldByItself) {
  const std::string account = std::to_string(alice_.account.value);
  test_.execute(
      "insert into push_subscription (subscription_id, account_id, device, sink, events, url, origin) values (1, " +
      account + ", 'd', 1, 2, 'http://127.0.0.1/', 'http://127.0.0.1:80')");
  std::vector<std::shared_ptr<Deposit>> works;
  std::vector<ActorRef> actors;
  for (int i = 0; i < 9; ++i) {
    works.push_back(sharing("INBOX", {"a", "b"}));
    ActorFacts facts;
    facts.program = "imap";
    facts.actor = "depositor " + std::to_string(i) + " \\\"{}";
    works.back()->shares->who.via = make_actor(facts, true, false);
  }
  run(works);
  EXPECT_GE(together_.counts().shared, 8U);
  for (std::size_t i = 1; i < works.size(); ++i) {
    ASSERT_TRUE(works[i]->result->has_value());
    const AppendResult& done = works[i]->result->value().result;
    EXPECT_EQ(test_.value("select a.uids || ' ' || a.messages || ' ' || a.octets || ' ' || a.mailbox from audit a join "
                          "audit_session s"
                          " using (account_id, session_id) where s.actor like 'depositor " +
                          std::to_string(i) + " %'"),
              std::to_string(done.uids.min()) + ':' + std::to_string(done.uids.max()) + " 2 2 INBOX");
    EXPECT_EQ(test_.value("select count(*) from outbox where account_id = " + account + " and detail ->> 'uids' = '" +
                          std::to_string(done.uids.min()) + ':' + std::to_string(done.uids.max()) + "'"),
              "1");
  }
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
