#include "schema/check.h"

#include "schema/audit.h"

#include "tests/support/messages.h"
#include "tests/support/test_database.h"

#include <gtest/gtest.h>

namespace cpm::schema {
namespace {

using support::TestDatabase;

// A database of its own: each test damages it.
class CheckTest : public ::testing::Test {
 protected:
  CheckTest() {
    support::add_messages(test.database(), who.account, MailboxId{1}, 3);
    support::add_message(test.database(), who.account, MailboxId{3}, std::string("octets\0", 7), 9);
    support::add_message(test.database(), who.account, MailboxId{3}, "", 0);
  }

  std::vector<std::string> findings(bool digests = false, const std::string& address = {}) {
    std::vector<std::string> out;
    const auto summary = check(test.database(), {address, digests}, [&out](const CheckFinding& finding) {
      out.push_back(finding.account + "|" + finding.mailbox + "|" + finding.what);
    });
    EXPECT_TRUE(summary) << summary.error().detail;
    EXPECT_EQ(summary->findings, out.size());
    return out;
  }
  void expect_found(const std::string& damage, const std::string& place, const std::string& words,
                    bool digests = false) {
    test.execute(damage);
    const auto out = findings(digests);
    const bool found = std::any_of(out.begin(), out.end(), [&](const std::string& line) {
      return line.find(place) == 0 && line.find(words) != std::string::npos;
    });
    EXPECT_TRUE(found) << damage << ": " << (out.empty() ? "nothing found" : out.front());
  }

  TestDatabase test{1};
  Principal who = support::make_account(test.database(), "alice@example.net", {"INBOX", "a/b"});
};

TEST_F(CheckTest, FindsNothingInAHealthyStore) {
  (void)support::make_account(test.database(), "bob@example.net");
  std::uint64_t messages = 0;
  const auto summary =
      check(test.database(), {{}, true}, [](const CheckFinding& f) { ADD_FAILURE() << f.mailbox << f.what; });
  ASSERT_TRUE(summary) << summary.error().detail;
  EXPECT_EQ(summary->accounts, 2U);
  EXPECT_EQ(summary->mailboxes, 5U);
  messages = summary->messages;
  EXPECT_EQ(messages, 5U);
  EXPECT_EQ(summary->findings, 0U);
}

TEST_F(CheckTest, OneAccountByAddress) {
  (void)support::make_account(test.database(), "bob@example.net");
  test.execute("update account set used_bytes = used_bytes + 1");
  EXPECT_EQ(findings(false, "bob@Example.NET").size(), 1U);
  EXPECT_EQ(check(test.database(), {"nobody@x", false}, [](const CheckFinding&) {}).error().failure,
            Failure::not_found);
}

TEST_F(CheckTest, FindsRightsOfTheOwnerThatTheListDoesNotGive) {
  const std::string words = "the access control list says";
  expect_found("update mailbox set owner_rights = 1025 where mailbox_id = 1", "alice@example.net|INBOX|", words);
  // Taken by a negative entry, and not noted in the row.
  expect_found(
      "update mailbox set owner_rights = null;"
      " insert into acl (account_id, grantee, mailbox_id, rights, kind, negative, grantor)"
      " select account_id, account_id, 3, 16, 1, true, 'x' from account",
      "alice@example.net|a/b|", "has the rights 8191; the access control list says 8175");
  test.execute("update mailbox set owner_rights = 8175 where mailbox_id = 3");
  EXPECT_TRUE(findings().empty());
}
TEST_F(CheckTest, FindsSharesThatNobodyIsShown) {
  expect_found(
      "insert into acl (account_id, grantee, mailbox_id, rights, kind, negative, grantor)"
      " select account_id, 0, 1, 3, 0, false, 'x' from account",
      "||", "shares with anyone");
}
TEST_F(CheckTest, LooksAtTheRecordOfChangesWithDigests) {
  const auto found = [] { return false; };
  const ActorRef actor = make_actor({"cpmctl", "root", "", "", "", "node", ""}, true, false);
  auto done = test.database().run_blocking(std::chrono::seconds(10), [&](Transaction& tx) -> Result<void> {
    AuditEntry entry;
    entry.command = AuditCommand::metadata;
    entry.account = who.account;
    record(tx, actor, entry);
    return {};
  });
  ASSERT_TRUE(done);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(seal_audit(test.database(), found));
  EXPECT_TRUE(findings(true).empty());
  test.execute("update audit set octets = 99");
  EXPECT_TRUE(findings().empty());
  const auto out = findings(true);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].find("alice@example.net||record of changes: changed: seal 1"), 0U) << out[0];
}

TEST_F(CheckTest, FindsWrongUsage) {
  expect_found("update account set used_messages = 9", "alice@example.net||", "usage is 9 messages");
}
TEST_F(CheckTest, FindsAnnotationsOfNothing) {
  expect_found(
      "insert into message_annotation (account_id, owner_id, mailbox_id, uid, modseq, entry, value)"
      " select account_id, 0, 1, 999, 1, '/comment', 'x' from account",
      "alice@example.net|INBOX|", "annotation /comment of UID 999: there is no such message");
}
TEST_F(CheckTest, FindsWrongOctetsOfAnnotations) {
  expect_found("update account set annotation_octets = 5", "alice@example.net||",
               "annotations of messages take 5 octets; counted 0");
}
// MSS-38
TEST_F(CheckTest, FindsWrongUsageOfRootsAndAnnotations) {
  const std::string account = std::to_string(who.account.value);
  expect_found("update account set used_annotations = 3", "alice@example.net||", "annotations of the account take 3");
  expect_found("update mailbox set annotation_bytes = 3 where mailbox_id = 1", "alice@example.net|INBOX|",
               "annotations take 3 octets");
  expect_found("select quota_root_add_v1(" + account + ", 'a'); update quota_root set used_messages = 7",
               "alice@example.net||", "root a counts");
  expect_found("update mailbox set quota_roots = '{1}' where mailbox_id = 1", "alice@example.net|INBOX|",
               "belongs to roots {1}");
  expect_found("update account set quota_roots = 4", "alice@example.net||", "4 roots; counted 1");
}
TEST_F(CheckTest, FindsWrongCounters) {
  expect_found("update mailbox set unseen = 0 where mailbox_id = 1", "alice@example.net|INBOX|", "counters");
}
TEST_F(CheckTest, FindsUidsAboveUidnext) {
  expect_found("update mailbox set uidnext = 3 where mailbox_id = 1", "alice@example.net|INBOX|", "UIDNEXT 3");
}
TEST_F(CheckTest, FindsUidsThatNobodyHas) {
  expect_found("update mailbox set uidnext = 9 where mailbox_id = 3", "alice@example.net|a/b|", "8 UIDs were given");
}
TEST_F(CheckTest, FindsModseqsAboveTheHighest) {
  expect_found("update message set modseq = 99 where mailbox_id = 1 and uid = 2", "alice@example.net|INBOX|",
               "MODSEQ 99");
}
TEST_F(CheckTest, FindsExpungedUidsThatLive) {
  expect_found("insert into expunged select account_id, 1, 2, 2, 2 from account", "alice@example.net|INBOX|",
               "UID 2 is expunged and lives");
}
TEST_F(CheckTest, FindsAnnotationsOfTheFuture) {
  expect_found(
      "insert into metadata (account_id, mailbox_id, owner_id, entry, spelling, changed)"
      " select account_id, 1, 0, '/shared/x', '/shared/x', 7 from account",
      "alice@example.net|INBOX|", "changed by number 7");
}
TEST_F(CheckTest, FindsMissingContent) {
  expect_found("delete from content where content_id = 2", "alice@example.net|INBOX|", "content 2 is missing");
}
TEST_F(CheckTest, FindsWrongReferences) {
  expect_found("update content set refs = 2 where content_id = 1", "alice@example.net||", "2 references");
}
TEST_F(CheckTest, FindsContentToPurgeThatIsInUse) {
  expect_found("update content set state = 2, refs = 0 where content_id = 1", "alice@example.net|INBOX|", "not live");
}
TEST_F(CheckTest, FindsMissingRows) {
  expect_found("delete from content_head where content_id = 4", "alice@example.net||", "head f");
  expect_found("delete from content_text where content_id = 3", "alice@example.net||", "text f");
}
TEST_F(CheckTest, FindsMissingAndWrongChunks) {
  expect_found("delete from content_chunk where content_id = 1", "alice@example.net||", "chunks hold 0");
  expect_found("update content_chunk set n = 1 where content_id = 2", "alice@example.net||", "chunks are missing");
}
TEST_F(CheckTest, FindsChangedOctetsOnlyWhenReadingThem) {
  test.execute("update content_chunk set data = overlay(data placing 'X' from 1) where content_id = 4");
  EXPECT_TRUE(findings(false).empty());
  const auto out = findings(true);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_NE(out.front().find("does not match its digest"), std::string::npos);
}
TEST_F(CheckTest, FindsUnknownKeywords) {
  expect_found("update message set keywords = '{5}' where mailbox_id = 1 and uid = 1", "alice@example.net|INBOX|",
               "keyword 5");
}
TEST_F(CheckTest, FindsDamagedTrees) {
  expect_found("update mailbox set parent_id = 77 where name = 'b'", "alice@example.net|#3|", "parents");
  expect_found("update mailbox set name = 'outbox' where mailbox_id = 1", "alice@example.net||", "no INBOX");
}
TEST_F(CheckTest, FindsUidvalidityGivenTwice) {
  expect_found("update mailbox set uidvalidity = (select uidvalidity from mailbox where mailbox_id = 1)",
               "alice@example.net|INBOX|", "stands for 3 mailboxes");
}
TEST_F(CheckTest, FindsCountersThatWouldGiveIdsAgain) {
  expect_found("update account set next_mailbox = 2", "alice@example.net|", "not below the counter");
}
TEST_F(CheckTest, FindsAddressesWithoutAccount) {
  expect_found("insert into address values ('ghost@example.net', 42, 0)", "||", "ghost@example.net has no account");
  expect_found("insert into address values ('service')", "||", "service has no service");
}
TEST_F(CheckTest, FindsAccountsWithoutAddress) { expect_found("delete from address", "account ", "0 first addresses"); }
TEST_F(CheckTest, FindsContentOfNobody) {
  expect_found("insert into content values (42, 1, 0, now(), 1, 1, '')", "||", "account 42");
}

}  // namespace
}  // namespace cpm::schema
