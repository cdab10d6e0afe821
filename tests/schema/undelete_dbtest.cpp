// What was expunged or deleted with its mailbox can be restored, with flags, keywords, dates and annotations, within
// the limits, all or none; content is kept as long and no longer (issue 5).
#include "schema/undelete.h"

#include "schema/acl.h"
#include "schema/metadata.h"
#include "schema/sweep.h"
#include "tests/schema/store_fixture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <random>

namespace cpm::schema {
namespace {

class Undelete : public Store {
 protected:
  Undelete() { alice_.via = make_actor({"imap", "alice", alice_.address, "", "", "", ""}, true, true); }
  std::vector<RemovedMessage> removed(RemovedFilter filter = {}) {
    return test_.run([&](Transaction& tx) { return list_removed(tx, alice_, filter); });
  }
  Result<Restored> restore(std::vector<RemovedId> ids, std::string_view to) {
    return in_transaction([&](Transaction& tx) -> Result<Restored> {
      CPM_TRY(grant, authorize(tx, alice_, to, kInsert));
      return restore_messages(tx, alice_, grant, ids, limits_);
    });
  }
  Result<Restored> restore_path(std::string_view path) {
    return in_transaction([&](Transaction& tx) { return restore_mailbox(tx, alice_, path, limits_); });
  }
  std::vector<RemovedId> ids() {
    std::vector<RemovedId> out;
    for (const RemovedMessage& one : removed()) out.push_back(one.id);
    return out;
  }
  void remove_path(std::string_view path) {
    ASSERT_TRUE(with(path, [&](Transaction& tx, const Grant& grant) { return delete_mailbox(tx, grant); }));
  }
  void create(std::string_view path) {
    ASSERT_TRUE(
        in_transaction([&](Transaction& tx) { return create_mailbox(tx, alice_, path, SpecialUse::none, limits_); }));
  }
  std::size_t expire() {
    return test_.run([&](Transaction& tx) { return expire_removed(tx, std::chrono::seconds(0), 1000); });
  }
};

TEST_F(Undelete, WithFlagsKeywordsAndDates) {
  append("INBOX", 3, {kSeen | kFlagged, {"$Work", "Home"}});
  store("INBOX", {{2, 2}}, FlagChange::remove, {kSeen, {"Home"}});
  store("INBOX", {{1, 2}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  expect_consistent();
  ASSERT_EQ(removed().size(), 2U);
  EXPECT_EQ(removed()[0].removed_by, "alice");
  EXPECT_EQ(removed()[0].path, "INBOX");
  EXPECT_EQ(account_value("used_messages || ' ' || used_bytes"), "1 10");
  const Restored done = restore(ids(), "Default").value();
  EXPECT_EQ(done.uids, (UidSet{{1, 2}}));
  const ChangeSet now = changes("Default");
  ASSERT_EQ(now.changed.size(), 2U);
  EXPECT_EQ(now.changed[0].bits, kSeen | kFlagged);
  EXPECT_EQ(now.changed[0].keywords.size(), 2U);
  EXPECT_EQ(now.changed[1].bits, std::uint32_t{kFlagged});
  EXPECT_EQ(now.changed[1].keywords.size(), 1U);
  EXPECT_EQ(now.mailbox.unseen, 1U);
  EXPECT_EQ(
      test_.value("select count(distinct internal_date) || ' ' || extract(epoch from min(internal_date))::bigint from "
                  "message where account_id = " +
                  std::to_string(alice_.account.value)),
      "1 1700000000");
  EXPECT_TRUE(removed().empty());
  expect_consistent();
}

TEST_F(Undelete, NothingIsKeptWhenItIsOff) {
  alice_.via = make_actor({"imap", "alice", alice_.address, "", "", "", ""}, true, false);
  append("INBOX", 2, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_TRUE(removed().empty());
  expect_consistent();
}

TEST_F(Undelete, ADeletedMailboxComesBackWithWhatItHad) {
  create("Work/Old");
  append("Work/Old", 3, {kSeen, {"$Mine"}});
  append("Work/Old", 1, {kDeleted, {"Other"}});
  expunge_in("Work/Old");
  remove_path("Work/Old");
  expect_consistent();
  ASSERT_EQ(removed().size(), 4U);
  const Restored done = restore_path("Work/Old").value();
  EXPECT_EQ(done.messages, 3U);
  EXPECT_EQ(changes("Work/Old").changed.size(), 3U);
  EXPECT_EQ(changes("Work/Old").changed[0].keywords.size(), 1U);
  // What was expunged before it was deleted is still there by itself, with its keyword.
  ASSERT_EQ(removed().size(), 1U);
  EXPECT_EQ(restore(ids(), "INBOX").value().messages, 1U);
  EXPECT_EQ(changes("INBOX").changed[0].keywords.size(), 1U);
  EXPECT_EQ(
      test_.value("select count(*) from removed_keyword where account_id = " + std::to_string(alice_.account.value)),
      "0");
  EXPECT_EQ(restore_path("Work/Old").error().failure, Failure::not_found);
  expect_consistent();
}

TEST_F(Undelete, WhatWasRemovedBetweenTwoMoments) {
  append("INBOX", 2, {kDeleted, {}});
  expunge_in("INBOX", UidSet{{1, 1}});
  expunge_in("INBOX");
  ASSERT_EQ(removed().size(), 2U);
  RemovedFilter filter;
  filter.since = removed()[0].removed_at;
  ASSERT_EQ(removed(filter).size(), 1U);
  EXPECT_EQ(removed(filter)[0].id.uid, 2U);
  filter.until = filter.since;
  filter.since.reset();
  ASSERT_EQ(removed(filter).size(), 1U);
  EXPECT_EQ(removed(filter)[0].id.uid, 1U);
}

// Rights and annotations come back with a mailbox that is made again, not into one that has its name meanwhile.
TEST_F(Undelete, RightsAndAnnotationsOfADeletedMailbox) {
  const Principal bob = support::make_account(test_.database(), "bob-undelete@example.net");
  const auto share = [&](std::string_view path, const AclIdentifier& with_whom, bool negative, Rights rights,
                         std::optional<std::chrono::sys_seconds> until = {}) {
    return in_transaction([&](Transaction& tx) -> Result<bool> {
      CPM_TRY(grant, authorize(tx, alice_, path, kAdminister));
      NewAclEntry entry;
      entry.identifier = with_whom;
      entry.negative = negative;
      entry.rights = rights;
      entry.reason = "because";
      if (until) entry.expires = until;
      return set_acl(tx, alice_, grant, entry, limits_);
    });
  };
  const AclIdentifier to_bob{GranteeKind::account, bob.account.value, bob.address};
  const AclIdentifier to_alice{GranteeKind::account, alice_.account.value, alice_.address};
  const std::string id = std::to_string(alice_.account.value);
  create("Team");
  append("Team", 2);
  ASSERT_TRUE(share("Team", to_bob, false, kLookup | kRead));
  ASSERT_TRUE(
      share("Team", {GranteeKind::anyone, 0, "anyone"}, false, kLookup,
            std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::hours(1)));
  ASSERT_TRUE(share("Team", to_alice, true, kExpunge));
  const Rights own = row("Team").owner_rights;
  ASSERT_NE(own, Rights{kAllRights});
  ASSERT_TRUE(with("Team", [&](Transaction& tx, const Grant& grant) -> Result<std::int64_t> {
    CPM_TRY(access, metadata_of(alice_, grant));
    return set_metadata(
        tx, access, {{MetadataEntry("/shared/comment"), "ours"}, {MetadataEntry("/private/comment"), "mine"}}, limits_);
  }));
  remove_path("Team");
  EXPECT_EQ(account_value("used_annotations"), "0");
  expect_consistent();
  // What has expired meanwhile stays away.
  test_.execute("update removed_acl set expires_at = now() - interval '1 second' where kind = 0 and account_id = " +
                id);
  const Restored done = restore_path("Team").value();
  EXPECT_TRUE(done.made);
  EXPECT_EQ(done.shared, (std::vector<AccountId>{bob.account, alice_.account}));
  EXPECT_EQ(row("Team").owner_rights, own);
  const auto reached = in_transaction(
      [&](Transaction& tx) { return authorize(tx, bob, "Other Users/" + alice_.address + "/Team", kRead); });
  EXPECT_TRUE(reached);
  EXPECT_EQ(
      test_.value("select string_agg(kind || ' ' || rights || ' ' || reason, ', ' order by kind, negative) from acl"
                  " where account_id = " +
                  id),
      "1 " + std::to_string(kLookup | kRead) + " because, 1 512 because");
  EXPECT_EQ(
      test_.value("select string_agg(entry || '=' || convert_from(value, 'UTF8'), ' ' order by entry) from metadata"
                  " where value is not null and account_id = " +
                  id),
      "/private/comment=mine /shared/comment=ours");
  expect_consistent();
  EXPECT_EQ(test_.value("select count(*) from removed_acl where account_id = " + id), "0");

  remove_path("Team");
  create("Team");
  const Restored beside = restore_path("Team").value();
  EXPECT_FALSE(beside.made);
  EXPECT_EQ(test_.value("select count(*) from acl where account_id = " + id), "0");
  EXPECT_EQ(account_value("used_annotations"), "0");
  expect_consistent();
}

TEST_F(Undelete, IntoAMailboxThatHasTheNameAgain) {
  create("Work");
  append("Work", 2);
  remove_path("Work");
  create("Work");
  append("Work", 1);
  EXPECT_EQ(restore_path("Work").value().uids, (UidSet{{2, 3}}));
  EXPECT_EQ(row("Work").messages, 3U);
  expect_consistent();
}

TEST_F(Undelete, WithinTheLimitsAndAllOrNone) {
  append("INBOX", 4, {kDeleted, {}});
  expunge_in("INBOX", UidSet{{1, 2}});
  expunge_in("INBOX", UidSet{{3, 4}});
  test_.execute("update account set limit_messages = 3 where account_id = " + std::to_string(alice_.account.value));
  EXPECT_EQ(restore(ids(), "INBOX").error().failure, Failure::over_quota);
  EXPECT_EQ(row("INBOX").messages, 0U);
  EXPECT_EQ(removed().size(), 4U);
  test_.execute("update account set limit_messages = null where account_id = " + std::to_string(alice_.account.value));
  std::vector<RemovedId> one_too_many = ids();
  one_too_many.push_back({MailboxId{1}, 99, 7});
  EXPECT_EQ(restore(one_too_many, "INBOX").error().failure, Failure::not_found);
  EXPECT_EQ(row("INBOX").messages, 0U);
  EXPECT_EQ(restore(ids(), "INBOX").value().messages, 4U);
  EXPECT_EQ(restore({{MailboxId{1}, 1, 1}}, "INBOX").error().failure, Failure::not_found);
  expect_consistent();
}

TEST_F(Undelete, ContentGoesWhenItsTimeIsOver) {
  append("INBOX", 3, {kDeleted, {}});
  copy("INBOX", {{3, 3}}, "Default");
  expunge_in("INBOX");
  const std::string states =
      "select count(*) filter (where state = 1) || ' ' || count(*) filter (where state = 2) from "
      "content where account_id = " +
      std::to_string(alice_.account.value);
  EXPECT_EQ(test_.value(states), "3 0");
  while (expire() > 0) {
  }
  EXPECT_EQ(test_.value(states), "1 2");
  EXPECT_TRUE(removed().empty());
  expect_consistent();
}

TEST_F(Undelete, WhatRetentionRemovesIsGone) {
  append("INBOX", 2);
  test_.execute("update message set save_date = save_date - interval '10 days' where account_id = " +
                std::to_string(alice_.account.value) + " and uid = 1");
  const SweepRule rule{std::chrono::hours(24), {}, false};
  const Result<ExpungeResult> gone = with("INBOX", [&](Transaction& tx, const Grant& grant) {
    return sweep(tx, grant, rule, {1, 2});
  });
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->uids, (UidSet{{1, 1}}));
  EXPECT_TRUE(removed().empty());
  expect_consistent();
}

// MSS-26, 27: random expunges, deletions and restores beside a model of what each message is.
TEST_F(Undelete, RandomOperationsKeepEveryMessage) {
  std::mt19937 random(20261130);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<std::string> paths{"INBOX", "Default", "a", "b"};
  std::map<std::size_t, std::string> flags_of;  // by size, which is unique: flags and keywords
  std::multiset<std::size_t> living;
  std::size_t next = 100;
  create("a");
  create("b");
  for (int step = 0; step < 120; ++step) {
    const std::string& path = paths[pick(paths.size())];
    switch (pick(6)) {
      case 0: {
        FlagSet flags{pick(2) ? kSeen : 0U, {}};
        if (pick(2)) flags.keywords = {pick(2) ? "One" : "Two"};
        append(path, 1, flags, next);
        flags_of[next] = std::to_string(flags.bits) + (flags.keywords.empty() ? "" : flags.keywords[0]);
        living.insert(next++);
        break;
      }
      case 1:
      case 2: {
        const auto uidnext = row(path).uidnext.value;
        if (uidnext == 1) break;
        store(path, {{static_cast<std::uint32_t>(1 + pick(uidnext)), uidnext}}, FlagChange::add, {kDeleted, {}});
        expunge_in(path);
        break;
      }
      case 3: {
        if (path == "INBOX") break;
        remove_path(path);
        create(path);
        break;
      }
      case 4: {
        auto all = ids();
        if (all.empty()) break;
        std::shuffle(all.begin(), all.end(), random);
        all.resize(1 + pick(all.size()));
        ASSERT_EQ(restore(all, path).value().messages, all.size());
        break;
      }
      default: {
        const auto done = restore_path(path);
        if (!done) {
          ASSERT_EQ(done.error().failure, Failure::not_found);
        }
      }
    }
    // Every message is in one mailbox, or can be restored.
    std::multiset<std::size_t> found;
    for (const RemovedMessage& one : removed()) found.insert(one.size);
    for (const std::string& each : paths) {
      const ChangeSet now = changes(each);
      std::map<KeywordId, std::string> names;
      for (const auto& entry : now.keywords.entries()) names[entry.id] = entry.name;
      for (const MessageFlags& message : now.changed) {
        const std::size_t size = std::stoul(
            test_.value("select size from message m join mailbox b using (account_id, mailbox_id) where account_id = " +
                        std::to_string(alice_.account.value) + " and b.parent_id = 0 and b.name = '" + each +
                        "' and uid = " + std::to_string(message.uid.value)));
        found.insert(size);
        EXPECT_EQ(std::to_string(message.bits & ~std::uint32_t{kDeleted}) +
                      (message.keywords.empty() ? "" : names[message.keywords[0]]),
                  flags_of[size]);
      }
    }
    ASSERT_EQ(found, living) << "step " << step;
    if (step % 20 == 19) expect_consistent();
  }
}

}  // namespace
}  // namespace cpm::schema
