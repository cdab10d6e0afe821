// The record of changes: every change has its row, the chain shows tampering with any column, and where (issue 5;
// MSS-42, MSS-43).
#include "schema/audit.h"
#include "schema/metadata.h"
#include "schema/sweep.h"
#include "tests/schema/store_fixture.h"

#include <gtest/gtest.h>

namespace cpm::schema {
namespace {

using namespace std::chrono_literals;

class Audit : public Store {
 protected:
  Audit() {
    alice_.via = make_actor({"imap", "alice", alice_.address, "Phone/1", "192.0.2.1", "node:1", "s1"}, true, false);
  }
  std::string id() { return std::to_string(alice_.account.value); }
  std::vector<AuditRow> rows(AuditFilter filter = {}) {
    return test_.run([&](Transaction& tx) { return read_audit(tx, alice_.account, filter); });
  }
  std::string told(const AuditRow& row) {
    return std::string(audit_command_name(row.command)) + " " + row.path + " " + row.uids + " " +
           std::to_string(row.messages) + " " + std::to_string(row.octets);
  }
  std::vector<std::string> all() {
    std::vector<std::string> out;
    for (const AuditRow& row : rows()) out.push_back(told(row));
    return out;
  }
  // Until everything that was recorded is sealed.
  void seal() {
    for (int round = 0; round < 3; ++round) ASSERT_TRUE(seal_audit(test_.database(), [] { return false; }));
    ASSERT_EQ(verdict().unsealed, 0U);
  }
  AuditVerdict verdict(std::string_view noted = {}) {
    found_.clear();
    auto out = verify_audit(test_.database(), alice_.account, noted,
                            [&](const AuditFinding& one) { found_.push_back(one.what + ": " + one.where); });
    EXPECT_TRUE(out) << out.error().detail;
    return out ? *out : AuditVerdict{};
  }
  bool found(std::string_view what) {
    return std::any_of(found_.begin(), found_.end(), [&](const std::string& one) { return one.starts_with(what); });
  }
  // Tampers, looks, and puts things back.
  void tamper(const std::string& sql, std::string_view expected, const std::string& table = "audit") {
    test_.execute("drop table if exists kept; create table kept as select * from " + table +
                  " where account_id = " + id());
    test_.execute(sql);
    verdict();
    EXPECT_TRUE(found(expected)) << sql << " found: " << (found_.empty() ? "nothing" : found_.front());
    test_.execute("delete from " + table + " where account_id = " + id() + "; insert into " + table +
                  " select * from kept; drop table kept");
    verdict();
    EXPECT_TRUE(found_.empty()) << found_.front();
  }
  std::vector<std::string> found_;
};

TEST_F(Audit, EveryChangeHasItsRow) {
  append("INBOX", 3);
  store("INBOX", {{1, 2}}, FlagChange::add, {kDeleted, {}});
  store("INBOX", {{3, 3}}, FlagChange::add, {0, {"$Work"}});
  copy("INBOX", {{1, 3}}, "Default");
  expunge_in("INBOX");
  move("Default", {{1, 1}, {3, 3}}, "INBOX");
  ASSERT_TRUE(
      in_transaction([&](Transaction& tx) { return create_mailbox(tx, alice_, "a/b", SpecialUse::none, limits_); }));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) -> Result<std::vector<Renamed>> {
    CPM_TRY(grant, authorize(tx, alice_, "a", kDeleteMailbox));
    return rename_mailbox(tx, alice_, grant, "c", limits_);
  }));
  ASSERT_TRUE(with("c/b", [&](Transaction& tx, const Grant& grant) { return delete_mailbox(tx, grant); }));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return subscribe(tx, alice_, "c", limits_); }));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return subscribe(tx, alice_, "c", limits_); }));  // no change
  EXPECT_EQ(all(), (std::vector<std::string>{"append INBOX 1:3 3 30", "store INBOX 1:2 2 20", "store INBOX 3 1 10",
                                             "copy Default 1:3 3 30", "expunge INBOX 1:2 2 20", "move INBOX 4:5 2 20",
                                             "move-out Default 1,3 2 20", "create a  0 0", "create a/b  0 0",
                                             "rename c  0 0", "delete c/b  0 0", "subscribe c  0 0"}));
  const AuditRow first = rows().front();
  EXPECT_EQ(first.session.actor, "alice");
  EXPECT_EQ(first.session.acted_for, alice_.address);
  EXPECT_EQ(first.session.client, "Phone/1");
  EXPECT_EQ(first.session.peer, "192.0.2.1");
  EXPECT_EQ(first.session.node, "node:1");
  EXPECT_FALSE(first.refused);
}

TEST_F(Audit, WhatChangesNothingOrFailsHasNone) {
  append("INBOX", 1);
  const std::size_t before = rows().size();
  store("INBOX", {{1, 1}}, FlagChange::remove, {kSeen, {}});
  expunge_in("INBOX");
  copy("INBOX", {{7, 9}}, "Default");
  const auto failed = test_.database().run_blocking(1000ms, [&](Transaction& tx) -> Result<void> {
    CPM_TRY(grant, authorize(tx, alice_, "INBOX", kRead));
    CPM_CHECK(store_flags(tx, grant, {{{1, 1}}, FlagChange::add, {kSeen, {}}, {}}, limits_));
    return fail(Failure::denied, "rolled back");
  });
  EXPECT_FALSE(failed);
  EXPECT_EQ(rows().size(), before);
}

TEST_F(Audit, WithoutAnActorNothingIsRecorded) {
  alice_.via = make_actor({"imap", "alice", "", "", "", "", ""}, false, false);
  append("INBOX", 1);
  alice_.via = nullptr;
  append("INBOX", 1);
  EXPECT_TRUE(rows().empty());
}

TEST_F(Audit, FiltersAndPages) {
  append("INBOX", 5, {kDeleted, {}});
  append("Default", 2);
  expunge_in("INBOX", UidSet{{2, 3}});
  expunge_in("INBOX", UidSet{{5, 5}});
  AuditFilter filter;
  filter.commands = {AuditCommand::expunge};
  filter.mailbox = "INBOX";
  filter.uid = 3;
  ASSERT_EQ(rows(filter).size(), 1U);
  EXPECT_EQ(rows(filter)[0].uids, "2:3");
  filter.uid = 4;
  EXPECT_TRUE(rows(filter).empty());
  AuditFilter page;
  page.newest_first = true;
  page.limit = 1;
  std::vector<std::string> seen;
  for (;;) {
    const auto some = rows(page);
    if (some.empty()) break;
    seen.push_back(told(some[0]));
    page.after = some[0].at;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"expunge INBOX 5 1 10", "expunge INBOX 2:3 2 20", "append Default 1:2 2 20",
                                            "append INBOX 1:5 5 50"}));
  page = {};
  page.actor = "somebody else";
  EXPECT_TRUE(rows(page).empty());
}

TEST_F(Audit, RetentionIsRecordedAsSuch) {
  append("INBOX", 2);
  test_.execute("update message set save_date = save_date - interval '10 days' where account_id = " + id());
  with("INBOX", [&](Transaction& tx, const Grant& grant) {
    return sweep(tx, grant, {std::chrono::hours(24), {}, false}, {1, 2});
  }).value();
  EXPECT_EQ(all().back(), "retention INBOX 1:2 2 20");
}

TEST_F(Audit, TheChainHoldsAndShowsTampering) {
  append("INBOX", 4, {kDeleted, {}});
  expunge_in("INBOX", UidSet{{2, 2}});
  expunge_in("INBOX", UidSet{{3, 3}});
  seal();
  append("INBOX", 1);
  expunge_in("INBOX", UidSet{{4, 4}});
  seal();
  const AuditVerdict good = verdict();
  EXPECT_TRUE(found_.empty()) << found_.front();
  EXPECT_GE(good.seals, 2U);
  EXPECT_EQ(good.rows, 5U);

  // Each column of a row.
  const std::string second = " where account_id = " + id() + " and command = 15 and uids = '2'";
  for (const char* change : {"session_id = 1", "octets = octets + 1", "n = n + 1", "mailbox_id = 9", "modseq = 99",
                             "messages = 3", "command = 14", "result = 1", "mailbox = 'Other'", "uids = '3'",
                             "detail = '{\"a\": 1}'", "at = at + interval '1 microsecond'"}) {
    tamper("update audit set " + std::string(change) + second, "changed");
  }
  // Each column of a session.
  for (const char* change :
       {"begun_at = begun_at + interval '1 second'", "program = 'cpmctl'", "actor = 'mallory'", "acted_for = 'mallory'",
        "client = 'x'", "peer = '198.51.100.7'", "node = 'x'", "session = 'x'"}) {
    tamper("update audit_session set " + std::string(change) + " where account_id = " + id(), "changed",
           "audit_session");
  }
  tamper("delete from audit_session where account_id = " + id(), "changed", "audit_session");
  tamper("delete from audit" + second, "removed");
  tamper("delete from audit where account_id = " + id() + " and uids = '4'", "removed");  // the end
  tamper(
      "insert into audit select account_id, at + interval '1 microsecond', session_id, octets, n + 1, mailbox_id, "
      "modseq,"
      " messages, command, result, mailbox, '9', detail from audit" +
          second,
      "inserted");
  // Two rows change places.
  tamper("with t as (select max(at) as hi, min(at) as lo from audit where account_id = " + id() +
             " and command = 15 and uids in ('2', '3')) update audit a set at = t.hi - (a.at - t.lo) from t where "
             "account_id = " +
             id() + " and command = 15 and uids in ('2', '3')",
         "changed");
  // The seals themselves.
  tamper("update audit_seal set hash = sha256('x') where seal = 1 and account_id = " + id(), "seal changed",
         "audit_seal");
  tamper(
      "update audit_seal set digests = overlay(digests placing '\\x00' from 3) where seal = 1 and account_id = " + id(),
      "seal changed", "audit_seal");
  tamper("update audit_seal set from_at = from_at - interval '1 hour' where seal = 1 and account_id = " + id(),
         "seal changed", "audit_seal");
  tamper("delete from audit_seal where seal = 1 and account_id = " + id(), "seals removed", "audit_seal");
  tamper("delete from audit_seal where seal = (select max(seal) from audit_seal where account_id = " + id() +
             ") and account_id = " + id(),
         "end removed", "audit_seal");
  tamper("delete from audit_chain where account_id = " + id(), "chain removed", "audit_chain");
  tamper("update audit_chain set hash = sha256('x') where account_id = " + id(), "end removed", "audit_chain");
}

TEST_F(Audit, AnEndThatIsCutOffWithItsSealsIsMissedByWhoNotedTheHead) {
  append("INBOX", 1);
  seal();
  append("INBOX", 1);
  seal();
  const AuditVerdict before = verdict();
  // Whoever may write everything cuts the chain back so that it is sound in itself.
  test_.execute("delete from audit where account_id = " + id() +
                " and at >= (select from_at from audit_seal where seal = 2 and account_id = " + id() + ")");
  test_.execute("delete from audit_seal where seal >= 2 and account_id = " + id());
  test_.execute(
      "update audit_chain c set seal = 1, hash = s.hash, sealed_to = s.to_at from audit_seal s where s.account_id = "
      "c.account_id and s.seal = 1 and c.account_id = " +
      id());
  verdict();
  EXPECT_TRUE(found_.empty());
  verdict(before.head);
  EXPECT_TRUE(found("head unknown"));
}

TEST_F(Audit, ARecordThatIsGoneAltogetherIsMissedByWhoNotedTheHead) {
  append("INBOX", 1);
  seal();
  const AuditVerdict before = verdict();
  for (const char* table : {"audit", "audit_seal", "audit_chain"}) {
    test_.execute(std::string("delete from ") + table + " where account_id = " + id());
  }
  verdict(before.head);
  EXPECT_TRUE(found("head unknown"));
}

TEST_F(Audit, ABeginningThatIsCutOffWithoutItsMonthIsFound) {
  append("INBOX", 1);
  seal();
  append("INBOX", 1);
  seal();
  test_.execute(
      "update audit_chain c set anchor_seal = 1, anchor_hash = s.hash, anchor_to = s.to_at from audit_seal s where"
      " s.account_id = c.account_id and s.seal = 1 and c.account_id = " +
      id());
  test_.execute("delete from audit where account_id = " + id() +
                " and at < (select anchor_to from audit_chain where account_id = " + id() + ")");
  test_.execute("delete from audit_seal where seal = 1 and account_id = " + id());
  verdict();
  EXPECT_TRUE(found("beginning removed"));
}

TEST_F(Audit, ARowThatIsDatedBackIsFound) {
  append("INBOX", 1);
  seal();
  seal();
  test_.execute("insert into audit (account_id, at, session_id, n, command) values (" + id() +
                ", (select sealed_to from audit_chain where account_id = " + id() + "), 1, 1, 15)");
  verdict();
  EXPECT_TRUE(found("inserted")) << "rows behind the last seal and before the last round";
}

TEST_F(Audit, NothingIsSealedWhileATransactionMayStillWriteBefore) {
  append("INBOX", 1);
  schema::Database other({test_.url(), 1});
  const auto done = other.run_blocking(20s, [&](Transaction& tx) -> Result<void> {
    CPM_TRY(grant, authorize(tx, alice_, "INBOX", kRead));
    CPM_CHECK(store_flags(tx, grant, {{{1, 1}}, FlagChange::add, {kSeen, {}}, {}}, limits_));
    for (int round = 0; round < 3; ++round) CPM_CHECK(seal_audit(test_.database(), [] { return false; }));
    return {};
  });
  ASSERT_TRUE(done) << done.error().detail;
  seal();
  EXPECT_EQ(verdict().rows, 2U);
  EXPECT_TRUE(found_.empty()) << found_.front();
}

TEST_F(Audit, OldMonthsGoAndTheRestStaysSound) {
  append("INBOX", 2);
  seal();
  append("INBOX", 1);
  seal();
  // The first seal and its row become two years old: as if the chain had begun then.
  const std::string old = " - interval '26 months'";
  test_.execute("create table if not exists audit_2000_01 (like audit including defaults)");
  test_.execute("drop table audit_2000_01");
  const std::string month = test_.value("select to_char(now() - interval '26 months', 'YYYY_MM')");
  test_.execute("create table if not exists audit_" + month + " partition of audit for values from (" +
                "date_trunc('month', now() at time zone 'UTC' - interval '26 months') at time zone 'UTC') to ("
                "(date_trunc('month', now() at time zone 'UTC' - interval '26 months') + interval '1 month') at time "
                "zone 'UTC')");
  test_.execute("update audit set at = date_trunc('month', now() at time zone 'UTC'" + old +
                ") at time zone 'UTC' + interval '1 hour'"
                " where account_id = " +
                id() + " and uids = '1:2'");
  test_.execute("delete from audit_seal where account_id = " + id());
  test_.execute("delete from audit_chain where account_id = " + id());
  while (test_.value("select audit_seal_v1(" + id() + ", clock_timestamp())") != "0") {
  }
  verdict();
  ASSERT_TRUE(found_.empty()) << found_.front();
  ASSERT_EQ(verdict().seals, 2U);
  ASSERT_TRUE(keep_audit_months(test_.database(), std::chrono::hours(24 * 400)));
  EXPECT_EQ(test_.value("select to_regclass('audit_" + month + "')"), "");
  const AuditVerdict after = verdict();
  EXPECT_TRUE(found_.empty()) << found_.front();
  EXPECT_EQ(after.seals, 1U);
  EXPECT_EQ(after.rows, 1U);
  ASSERT_EQ(rows().size(), 1U);
  // What is left is still watched.
  test_.execute("update audit set octets = 5 where account_id = " + id());
  verdict();
  EXPECT_TRUE(found("changed"));
}

// What a killed node left half done.
TEST_F(Audit, DroppingAMonthThatBrokeOffIsFinished) {
  const auto make = [&](const std::string& month) {
    test_.execute("create table audit_" + month + " partition of audit for values from ('" + month.substr(0, 4) + "-" +
                  month.substr(5) + "-01Z') to ('" + month.substr(0, 4) + "-" + month.substr(5) + "-28Z')");
  };
  make("2001_01");
  test_.execute("alter table audit detach partition audit_2001_01");  // and not dropped
  make("2001_02");
  // As a statement leaves it that was ended while it waited for others.
  schema::Database other({test_.url(), 1});
  const auto waited_for = other.run_blocking(20s, [&](Transaction& tx) -> Result<void> {
    tx.exec_raw("select count(*) from audit");
    const auto broken_off = test_.database().run_blocking(
        500ms,
        [](Transaction& one) -> Result<void> {
          one.exec_raw("alter table audit detach partition audit_2001_02 concurrently");
          return {};
        },
        Mode::single);
    EXPECT_FALSE(broken_off);
    return {};
  });
  ASSERT_TRUE(waited_for);
  ASSERT_EQ(test_.value("select inhdetachpending from pg_inherits where inhrelid = 'audit_2001_02'::regclass"), "t");
  make("2001_03");
  ASSERT_TRUE(keep_audit_months(test_.database(), std::chrono::hours(24 * 400)));
  for (const char* month : {"2001_01", "2001_02", "2001_03"}) {
    EXPECT_EQ(test_.value(std::string("select to_regclass('audit_") + month + "')"), "") << month;
  }
  EXPECT_NE(test_.value("select to_regclass('audit_' || to_char(now() at time zone 'UTC', 'YYYY_MM'))"), "");
}

TEST_F(Audit, LogInsAndRefusals) {
  const ActorRef actor = alice_.via;
  test_.run([&](Transaction& tx) -> Result<bool> {
    record_login(tx, actor, alice_.account, AuditCommand::login, R"({"mechanism": "PLAIN"})");
    return true;
  });
  test_.run([&](Transaction& tx) -> Result<bool> {
    record_refused_login(tx, make_actor({"imap", alice_.address, "", "", "203.0.113.9", "", ""}, true, false),
                         alice_.address, R"({"why": "wrong"})");
    record_refused_login(tx, actor, "nobody-at-all@example.net", "{}");
    return true;
  });
  const auto both = rows();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].command, AuditCommand::login);
  EXPECT_TRUE(both[1].refused);
  EXPECT_EQ(both[1].session.peer, "203.0.113.9");
}

}  // namespace
}  // namespace cpm::schema
