#include "schema/mailboxes.h"

#include "schema/access.h"
#include "schema/check.h"
#include "schema/message_flags.h"
#include "tests/support/messages.h"
#include "tests/support/test_database.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace cpm::schema {
namespace {

using support::TestDatabase;

class MailboxesTest : public ::testing::Test {
 protected:
  ~MailboxesTest() override {
    const auto summary = check(database(), {who.address, true}, [](const CheckFinding& finding) {
      ADD_FAILURE() << finding.account << " " << finding.mailbox << ": " << finding.what;
    });
    EXPECT_TRUE(summary) << summary.error().detail;
  }

  static Database& database() { return TestDatabase::shared().database(); }
  template <class Function>
  static auto run(Function function) {
    return database().run_blocking(TestDatabase::kPatience, std::move(function));
  }

  Result<MailboxRow> create(std::string_view path, SpecialUse use = SpecialUse::none) {
    return run([&](Transaction& tx) { return create_mailbox(tx, who, path, use, limits); });
  }
  Result<Grant> grant(std::string_view path) {
    return run([&](Transaction& tx) { return authorize(tx, who, path, kLookup); });
  }
  Result<void> remove(std::string_view path) {
    return run([&](Transaction& tx) -> Result<void> {
      CPM_TRY(found, authorize(tx, who, path, kDeleteMailbox));
      return delete_mailbox(tx, found);
    });
  }
  Result<std::vector<Renamed>> rename(std::string_view from, std::string_view to) {
    return run([&](Transaction& tx) -> Result<std::vector<Renamed>> {
      CPM_TRY(found, authorize(tx, who, from, kDeleteMailbox));
      return rename_mailbox(tx, who, found, to, limits);
    });
  }
  std::vector<std::string> paths() {
    std::vector<std::string> out;
    const auto rows = run([&](Transaction& tx) { return list_mailboxes(tx, who); });
    for (const MailboxRow& row : rows.value()) out.push_back(row.path);
    return out;
  }
  std::string usage() {
    return TestDatabase::shared().value("select used_messages || '/' || used_bytes from account where account_id = " +
                                        std::to_string(who.account.value));
  }

  Limits limits;
  Principal who = support::make_account(database());
};

using Paths = std::vector<std::string>;

TEST_F(MailboxesTest, EveryAccountStartsWithInboxOfIdOne) {
  EXPECT_EQ(paths(), (Paths{"INBOX", "Default"}));
  const auto inbox = grant("INBOX").value();
  EXPECT_EQ(inbox.mailbox().id, MailboxId{1});
  EXPECT_EQ(inbox.mailbox().uidnext, Uid{1});
  EXPECT_EQ(inbox.mailbox().highestmodseq, ModSeq{1});
  EXPECT_EQ(inbox.mailbox().path, "INBOX");
}

TEST_F(MailboxesTest, CreateMakesMissingParents) {
  const auto made = create("a/b/c");
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->path, "a/b/c");
  EXPECT_EQ(paths(), (Paths{"INBOX", "Default", "a", "a/b", "a/b/c"}));
  EXPECT_EQ(grant("a/b/c")->mailbox().id, made->id);
  EXPECT_EQ(grant("a/b/c")->mailbox().uidvalidity, made->uidvalidity);
  ASSERT_TRUE(create("a/b/d"));
  EXPECT_EQ(paths().size(), 6U);
  const auto by_id = run([&](Transaction& tx) { return authorize(tx, who, made->ref(), kLookup); });
  EXPECT_EQ(by_id->mailbox().path, "a/b/c");
}

TEST_F(MailboxesTest, CreateRefuses) {
  EXPECT_EQ(create("INBOX").error().failure, Failure::invalid);
  EXPECT_EQ(create("inbox/x").error().failure, Failure::invalid);
  EXPECT_EQ(create("a//b").error().failure, Failure::invalid);
  EXPECT_EQ(create("Default").error().failure, Failure::exists);
  limits.mailboxes = 4;
  EXPECT_EQ(create("a/b/c").error().failure, Failure::limit);
  EXPECT_TRUE(create("a/b"));
  EXPECT_EQ(create("c").error().failure, Failure::limit);
  EXPECT_EQ(paths().size(), 4U);
}

TEST_F(MailboxesTest, ListsInboxFirstThenByLevel) {
  for (const char* path : {"b", "a!", "a/x", "INBOX/sub", "\xc3\xa4", "A", "a/x/y", "a-"})
    ASSERT_TRUE(create(path)) << path;
  EXPECT_EQ(paths(), (Paths{"INBOX", "INBOX/sub", "A", "Default", "a", "a/x", "a/x/y", "a!", "a-", "b", "\xc3\xa4"}));
}

TEST_F(MailboxesTest, NamesAreTakenAsTheyAre) {
  for (const char* path : {"x%y", "x_y", "quote'\"\\", "{a,b}", "NULL", "tel:+1555/NULL"}) {
    ASSERT_TRUE(create(path)) << path;
    EXPECT_EQ(grant(path)->mailbox().path, path);
  }
  EXPECT_EQ(grant("x1y").error().failure, Failure::not_found);
  EXPECT_EQ(grant(std::string_view("De\0fault", 8)).error().failure, Failure::not_found);
  EXPECT_EQ(grant("Default/").error().failure, Failure::not_found);
  EXPECT_EQ(grant("").error().failure, Failure::not_found);
}

TEST_F(MailboxesTest, SpecialUseIsGivenOnce) {
  const auto sent = create("Sent", SpecialUse::sent);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->use, SpecialUse::sent);
  EXPECT_EQ(grant("Sent")->mailbox().use, SpecialUse::sent);
  EXPECT_EQ(create("Other", SpecialUse::sent).error().failure, Failure::use_attr);
  ASSERT_TRUE(create("p/Trash", SpecialUse::trash));
  EXPECT_EQ(grant("p")->mailbox().use, SpecialUse::none);
  ASSERT_TRUE(remove("Sent"));
  EXPECT_TRUE(create("Other", SpecialUse::sent));
}

// MSS-89
TEST_F(MailboxesTest, UidvalidityIsNeverUsedAgain) {
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 5; ++i) {
    const auto made = create("again");
    EXPECT_TRUE(seen.insert(made->uidvalidity.value).second);
    EXPECT_LE(made->uidvalidity.value, kMaxWireNumber);
    ASSERT_TRUE(remove("again"));
  }
  // An address that comes back starts above everything that its old store gave.
  for (int i = 0; i < 50; ++i) seen.insert(create("m" + std::to_string(i))->uidvalidity.value);
  ASSERT_TRUE(run([&](Transaction& tx) { return delete_account(tx, who.address); }));
  who = support::make_account(database(), who.address);
  EXPECT_GT(grant("INBOX")->mailbox().uidvalidity.value, *seen.rbegin());
}

TEST_F(MailboxesTest, DeleteGivesBackMessagesAndUsage) {
  const auto box = create("box").value();
  support::add_messages(database(), who.account, box.id, 30);
  support::add_message(database(), who.account, MailboxId{1}, "kept", kDeleted);
  const std::string account = std::to_string(who.account.value);
  // One content that a message elsewhere shares.
  TestDatabase::shared().execute(
      "update content set refs = 2 where account_id = " + account +
      " and content_id = 1;"
      "insert into message select account_id, content_id, now(), now(), 1, 2, modseq, size, 1 from message where "
      "account_id = " +
      account +
      " and content_id = 1;"
      "update mailbox set uidnext = 3, messages = 2, bytes = bytes + 21 where account_id = " +
      account +
      " and mailbox_id = 1;"
      "update account set used_messages = used_messages + 1, used_bytes = used_bytes + 21 where account_id = " +
      account);
  EXPECT_EQ(usage(), "32/655");
  const auto removed = remove("box");
  ASSERT_TRUE(removed) << removed.error().detail;
  EXPECT_EQ(usage(), "2/25");
  EXPECT_EQ(grant("box").error().failure, Failure::not_found);
  EXPECT_EQ(TestDatabase::shared().value(
                "select string_agg(state || ':' || n, ' ' order by state) from (select state, count(*) as n from"
                " content where account_id = " +
                account + " group by state) s"),
            "1:2 2:29");
}

TEST_F(MailboxesTest, DeleteRefuses) {
  ASSERT_TRUE(create("p/q"));
  EXPECT_EQ(remove("p").error().failure, Failure::has_children);
  EXPECT_EQ(remove("INBOX").error().failure, Failure::invalid);
  EXPECT_EQ(remove("none").error().failure, Failure::not_found);
  const auto twice = grant("p/q").value();
  ASSERT_TRUE(remove("p/q"));
  EXPECT_EQ(run([&](Transaction& tx) { return delete_mailbox(tx, twice); }).error().failure, Failure::not_found);
  EXPECT_TRUE(remove("p"));
}

TEST_F(MailboxesTest, RenameCarriesTheSubtree) {
  const auto deep = create("a/b/c").value();
  ASSERT_TRUE(create("ab"));
  const auto renamed = rename("a", "x/y");
  ASSERT_TRUE(renamed) << renamed.error().text;
  ASSERT_EQ(renamed->size(), 3U);
  EXPECT_EQ((*renamed)[0].from + ">" + (*renamed)[0].to, "a>x/y");
  EXPECT_EQ((*renamed)[2].from + ">" + (*renamed)[2].to, "a/b/c>x/y/b/c");
  EXPECT_EQ(paths(), (Paths{"INBOX", "Default", "ab", "x", "x/y", "x/y/b", "x/y/b/c"}));
  EXPECT_EQ(grant("x/y/b/c")->mailbox().id, deep.id);
  EXPECT_EQ(grant("x/y/b/c")->mailbox().uidvalidity, deep.uidvalidity);
  // A name that was left gets another UIDVALIDITY when it is made again.
  EXPECT_NE(create("a/b/c")->uidvalidity, deep.uidvalidity);
}

TEST_F(MailboxesTest, RenameWithinItsParent) {
  ASSERT_TRUE(create("p/one"));
  ASSERT_TRUE(rename("p/one", "p/two"));
  ASSERT_TRUE(rename("p/two", "top"));
  ASSERT_TRUE(rename("top", "p/one"));
  EXPECT_EQ(paths(), (Paths{"INBOX", "Default", "p", "p/one"}));
}

TEST_F(MailboxesTest, RenameRefuses) {
  ASSERT_TRUE(create("a/b"));
  EXPECT_EQ(rename("a", "a/b/c").error().failure, Failure::invalid);
  EXPECT_EQ(rename("a", "a/new").error().failure, Failure::invalid);
  EXPECT_EQ(rename("a", "a").error().failure, Failure::exists);
  EXPECT_EQ(rename("a", "Default").error().failure, Failure::exists);
  EXPECT_EQ(rename("a", "INBOX").error().failure, Failure::exists);
  EXPECT_EQ(rename("a", "x//y").error().failure, Failure::invalid);
  EXPECT_EQ(rename("none", "x").error().failure, Failure::not_found);
  limits.mailbox_depth = 2;
  EXPECT_EQ(rename("a", "q/r").error().failure, Failure::limit) << "a/b would have three levels";
  limits.mailbox_depth = 32;
  limits.mailbox_name_octets = 9;
  EXPECT_EQ(rename("a", "123456789").error().failure, Failure::limit);
  limits.mailbox_name_octets = 1024;
  limits.mailboxes = 4;
  EXPECT_EQ(rename("a", "n/m/a").error().failure, Failure::limit);
  EXPECT_EQ(paths(), (Paths{"INBOX", "Default", "a", "a/b"}));
  const auto stale = grant("a/b").value();
  ASSERT_TRUE(rename("a", "z"));
  EXPECT_EQ(run([&](Transaction& tx) { return rename_mailbox(tx, who, stale, "new", limits); }).error().failure,
            Failure::not_found);
}

TEST_F(MailboxesTest, RenamingInboxMovesItsMessages) {
  ASSERT_TRUE(create("INBOX/sub"));
  support::add_messages(database(), who.account, MailboxId{1}, 5);
  const auto before = grant("INBOX")->mailbox();
  const auto renamed = rename("INBOX", "old/mail");
  ASSERT_TRUE(renamed) << renamed.error().text << renamed.error().detail;
  ASSERT_EQ(renamed->size(), 1U);
  EXPECT_EQ(renamed->front().to, "old/mail");
  EXPECT_EQ(paths(), (Paths{"INBOX", "INBOX/sub", "Default", "old", "old/mail"}));
  const auto inbox = grant("INBOX")->mailbox();
  EXPECT_EQ(inbox.messages, 0U);
  EXPECT_EQ(inbox.uidnext, before.uidnext);
  EXPECT_EQ(inbox.uidvalidity, before.uidvalidity);
  EXPECT_GT(inbox.highestmodseq, before.highestmodseq);
  EXPECT_EQ(grant("old/mail")->mailbox().messages, 5U);
  EXPECT_EQ(usage(), "5/105");
  EXPECT_TRUE(rename("INBOX", "empty")) << "an empty INBOX makes an empty mailbox";
  EXPECT_EQ(rename("INBOX", "empty").error().failure, Failure::exists);
}

TEST_F(MailboxesTest, SubscriptionsOutliveMailboxes) {
  const auto change = [&](auto function, std::string_view path) {
    return run([&](Transaction& tx) { return function(tx, path); });
  };
  const auto add = [&](Transaction& tx, std::string_view path) { return subscribe(tx, who, path, limits); };
  const auto drop = [&](Transaction& tx, std::string_view path) { return unsubscribe(tx, who, path); };
  const auto names = [&] { return run([&](Transaction& tx) { return subscriptions(tx, who); }).value(); };
  limits.subscriptions = 2;
  ASSERT_TRUE(create("s"));
  EXPECT_TRUE(change(add, "s"));
  EXPECT_TRUE(change(add, "nowhere"));
  EXPECT_TRUE(change(add, "s"));
  EXPECT_EQ(change(add, "third").error().failure, Failure::limit);
  EXPECT_EQ(change(add, "").error().failure, Failure::invalid);
  ASSERT_TRUE(remove("s"));
  EXPECT_EQ(names(), (Paths{"nowhere", "s"}));
  EXPECT_TRUE(change(drop, "s"));
  EXPECT_TRUE(change(drop, "s"));
  EXPECT_EQ(names(), (Paths{"nowhere"}));
}

TEST_F(MailboxesTest, RecentIsClaimedByOneSession) {
  support::add_messages(database(), who.account, MailboxId{1}, 3);
  const auto claim = [&](const Grant& by) {
    return run([&](Transaction& tx) { return claim_recent(tx, by, by.mailbox().uidnext); }).value();
  };
  const auto first = grant("INBOX").value();
  const auto second = grant("INBOX").value();
  EXPECT_EQ(claim(first), Uid{1});
  EXPECT_EQ(claim(second), Uid{4}) << "claimed meanwhile: nothing is recent";
  support::add_message(database(), who.account, MailboxId{1}, "x");
  EXPECT_EQ(claim(grant("INBOX").value()), Uid{4});
  EXPECT_EQ(claim(grant("INBOX").value()), Uid{5});
}

TEST_F(MailboxesTest, ADepositServiceNeitherDeletesNorRenames) {
  ASSERT_TRUE(create("box"));
  who.role = Role::deposit;
  who.actor = "pf";
  EXPECT_TRUE(create("made/by/service"));
  EXPECT_TRUE(
      run([&](Transaction& tx) { return authorize(tx, who, "box", kRead | kInsert | kWrite | kKeepSeen | kPost); }));
  for (const Right right : {kDeleteMailbox, kDeleteMessage, kExpunge, kAdminister}) {
    EXPECT_EQ(run([&](Transaction& tx) { return authorize(tx, who, "box", right); }).error().failure, Failure::denied);
  }
  const auto box = grant("box").value();
  EXPECT_FALSE(box.holds(kDeleteMailbox));
  EXPECT_EQ(run([&](Transaction& tx) { return delete_mailbox(tx, box); }).error().failure, Failure::denied);
  EXPECT_EQ(run([&](Transaction& tx) { return rename_mailbox(tx, who, box, "b", limits); }).error().failure,
            Failure::denied);
}

TEST_F(MailboxesTest, AnotherAccountSeesNothing) {
  const auto mine = create("mine").value();
  const Principal other = support::make_account(database());
  EXPECT_EQ(run([&](Transaction& tx) { return authorize(tx, other, "mine", kLookup); }).error().failure,
            Failure::not_found);
  EXPECT_EQ(run([&](Transaction& tx) {
              return authorize(tx, other, MailboxRef{other.account, MailboxId{mine.id.value + 100}}, kLookup);
            })
                .error()
                .failure,
            Failure::not_found);
  EXPECT_EQ(run([&](Transaction& tx) { return list_mailboxes(tx, other); })->size(), 2U);
}

// Every thread with a connection of its own.
template <class Function>
void together(int threads, Function function) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      Database own({TestDatabase::shared().url(), 1, true, 10});
      function(i, own);
    });
  }
  for (auto& thread : running) thread.join();
}

TEST_F(MailboxesTest, OneOfManyCreatesThePath) {
  std::atomic<int> made = 0, exists = 0;
  together(4, [&](int, Database& own) {
    for (int n = 0; n < 10; ++n) {
      const auto result = own.run_blocking(TestDatabase::kPatience, [&](Transaction& tx) {
        return create_mailbox(tx, who, "shared/parent/" + std::to_string(n), SpecialUse::none, limits);
      });
      if (result) ++made;
      if (!result && result.error().failure == Failure::exists) ++exists;
    }
  });
  EXPECT_EQ(made, 10);
  EXPECT_EQ(exists, 30);
  EXPECT_EQ(paths().size(), 14U);
}

TEST_F(MailboxesTest, ConcurrentRenamesCreatesAndDeletesKeepTheTreeWhole) {
  for (const char* path : {"a/1", "b/2", "c/3"}) ASSERT_TRUE(create(path));
  const Paths names{"a", "b", "c"};
  together(4, [&](int thread, Database& own) {
    for (int n = 0; n < 30; ++n) {
      const std::string& from = names[static_cast<std::size_t>(n + thread) % 3];
      const std::string& to = names[static_cast<std::size_t>(n + thread + 1) % 3];
      const auto result = own.run_blocking(TestDatabase::kPatience, [&](Transaction& tx) -> Result<void> {
        if (n % 5 == 4) {
          CPM_CHECK(create_mailbox(tx, who, from + "/new", SpecialUse::none, limits));
          return {};
        }
        CPM_TRY(source, authorize(tx, who, from, kDeleteMailbox));
        if (n % 7 == 6) return delete_mailbox(tx, source);
        CPM_CHECK(rename_mailbox(tx, who, source, to + "/in", limits));
        return {};
      });
      if (!result) {
        const Failure failure = result.error().failure;
        EXPECT_TRUE(failure == Failure::exists || failure == Failure::not_found || failure == Failure::has_children ||
                    failure == Failure::limit || failure == Failure::invalid)
            << failure_name(failure) << " " << result.error().detail;
      }
    }
  });
  EXPECT_FALSE(paths().empty()) << "no ring, no lost parent";
}

}  // namespace
}  // namespace cpm::schema
