#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

using namespace std::chrono_literals;

// purge() works on all accounts: what other tests left over goes first.
class Purge : public Store {
 protected:
  Purge() { test_.execute("delete from content where state <> 1"); }
  std::size_t purge_now(std::chrono::seconds grace = 0s, std::chrono::seconds staged_age = 24h,
                        std::size_t batch = 1000) {
    return in_transaction([&](Transaction& tx) { return purge(tx, grace, staged_age, batch); }).value();
  }
  std::string rows(const std::string& table) {
    return test_.value("select count(*) from " + table + " where account_id = " + std::to_string(alice_.account.value));
  }
  void remove_all() {
    store("INBOX", {{1, kMaxWireNumber}}, FlagChange::add, {kDeleted, {}});
    expunge_in("INBOX");
  }
};

TEST_F(Purge, RemovesAllRowsOfUnusedContent) {
  append("INBOX", 3, {}, 300'000);
  copy("INBOX", {{3, 3}}, "Default");
  remove_all();
  EXPECT_EQ(purge_now(), 2U);
  for (const char* table : {"content", "content_head", "content_text"}) EXPECT_EQ(rows(table), "1") << table;
  EXPECT_EQ(rows("content_chunk"), "2");
  EXPECT_EQ(purge_now(), 0U);
  expect_consistent();
}

TEST_F(Purge, WaitsForTheGrace) {
  append("INBOX", 1);
  remove_all();
  EXPECT_EQ(purge_now(1h), 0U);
  test_.execute("update content set changed_at = changed_at - interval '2 hours' where account_id = " +
                std::to_string(alice_.account.value));
  EXPECT_EQ(purge_now(1h), 1U);
}

TEST_F(Purge, StagedLeftoversHaveTheirOwnAge) {
  ASSERT_TRUE(in_transaction([&](Transaction& tx) {
                return stage(tx, alice_.account, new_message(std::string(300'000, 'x')), limits_);
              }).has_value());
  EXPECT_EQ(purge_now(0s, 1h), 0U);
  EXPECT_EQ(purge_now(1h, 0s), 1U);
  EXPECT_EQ(rows("content_chunk"), "0");
}

TEST_F(Purge, AtMostABatch) {
  append("INBOX", 5);
  remove_all();
  EXPECT_EQ(purge_now(0s, 24h, 3), 3U);
  EXPECT_EQ(purge_now(0s, 24h, 3), 2U);
}

TEST_F(Purge, ABusyAccountIsLeftForTheNextTime) {
  append("INBOX", 1);
  remove_all();
  pqxx::connection other(test_.url());
  {
    pqxx::work work(other);
    work.exec("set local cpmstore.wall = 'open'");
    work.exec("select from account where account_id = " + std::to_string(alice_.account.value) + " for update");
    EXPECT_EQ(purge_now(), 0U);
  }
  EXPECT_EQ(purge_now(), 1U);
}

TEST_F(Purge, ContentOfAnAccountThatIsGone) {
  const std::string id = std::to_string(alice_.account.value);
  append("INBOX", 2);
  remove_all();
  test_.execute("delete from address where account_id = " + id + "; delete from account where account_id = " + id);
  EXPECT_EQ(purge_now(), 2U);
  EXPECT_EQ(rows("content"), "0");
}

}  // namespace
}  // namespace cpm::schema
