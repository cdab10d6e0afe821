// Access control: who may do what, by whose entries, until when (RFC 4314; MSS-23 … 34).
#include "schema/acl.h"

#include "schema/accounts.h"
#include "schema/owners.h"
#include "schema/reader_flags.h"
#include "tests/schema/store_fixture.h"

#include <thread>

namespace cpm::schema {
namespace {

using namespace std::chrono_literals;

class Acl : public Store {
 protected:
  Principal bob_ = support::make_account(test_.database(), "", {"INBOX"});
  Principal carol_ = support::make_account(test_.database(), "", {"INBOX"});

  std::string theirs(std::string_view path) const { return "Other Users/" + alice_.address + "/" + std::string(path); }

  Result<bool> set(std::string_view path, std::string identifier, Rights rights, AclChange change = AclChange::replace,
                   std::optional<std::optional<std::chrono::sys_seconds>> expires = {},
                   std::optional<Principal> by = {}) {
    const Principal who = by.value_or(alice_);
    return in_transaction([&](Transaction& tx) -> Result<bool> {
      CPM_TRY(grant, authorize(tx, who, path, kLookup));
      NewAclEntry entry;
      if (identifier.starts_with('-')) {
        entry.negative = true;
        identifier.erase(0, 1);
      }
      CPM_TRY(found, find_identifier(tx, identifier));
      entry.identifier = found;
      entry.change = change;
      entry.rights = rights;
      entry.expires = expires;
      return set_acl(tx, who, grant, entry, limits_);
    });
  }
  // 0: it is not there.
  Rights rights(const Principal& who, std::string_view path) {
    const auto grant = in_transaction([&](Transaction& tx) { return authorize(tx, who, path, kLookup); });
    return grant ? grant->rights() : 0;
  }
  std::vector<std::string> shown(const Principal& who) {
    std::vector<std::string> out;
    for (const Share& share : in_transaction([&](Transaction& tx) { return list_shares(tx, who); }).value()) {
      // What other tests share with anyone is here too.
      if (share.owner == alice_.account && share.state == ShareState::shown) out.push_back(share.mailbox.path);
    }
    return out;
  }
  void make(std::string_view path) {
    ASSERT_TRUE(
        in_transaction([&](Transaction& tx) { return create_mailbox(tx, alice_, path, SpecialUse::none, limits_); }));
  }
};

TEST(Rights, LettersAndBack) {
  EXPECT_EQ(rights_text(kAllRights), "lrswipkxtean0cd");
  EXPECT_EQ(rights_text(kCreate), "kc");
  EXPECT_EQ(rights_text(kExpunge, false), "e");
  EXPECT_EQ(rights_from("cd"), Rights{kCreate | kDeleteMailbox | kDeleteMessage | kExpunge});
  EXPECT_EQ(rights_from(""), Rights{0});
  EXPECT_FALSE(rights_from("lrQ"));
  EXPECT_FALSE(rights_from("1"));
  EXPECT_EQ(rights_from(rights_text(kAllRights)), Rights{kAllRights});
}

TEST(Owners, PathsThatLeadElsewhere) {
  EXPECT_TRUE(leads_elsewhere("Other Users"));
  EXPECT_TRUE(leads_elsewhere("Shared/x/y"));
  EXPECT_FALSE(leads_elsewhere("Other Users2/x"));
  EXPECT_FALSE(leads_elsewhere("INBOX/Shared"));
  EXPECT_EQ(own_part("Other Users/a@b/INBOX/c"), "INBOX/c");
  EXPECT_EQ(own_part("Other Users/a@b"), "");
  EXPECT_EQ(own_part("x/y"), "x/y");
}

TEST_F(Acl, NothingIsSharedAtFirst) {
  EXPECT_EQ(rights(bob_, theirs("INBOX")), 0U);
  EXPECT_EQ(rights(bob_, "Other Users/nobody@nowhere/INBOX"), 0U);
  EXPECT_EQ(rights(alice_, "INBOX"), Rights{kAllRights});
  EXPECT_EQ(rights(alice_, theirs("INBOX")), 0U);  // one's own mailboxes have one name
  EXPECT_TRUE(shown(bob_).empty());
}

TEST_F(Acl, PositiveNegativeAnyoneAndGroups) {
  ASSERT_TRUE(set("INBOX", bob_.address, kLookup | kRead | kWrite));
  EXPECT_EQ(rights(bob_, theirs("INBOX")), Rights{kLookup | kRead | kWrite | kCopyOut});
  ASSERT_TRUE(set("INBOX", "-" + bob_.address, kWrite | kCopyOut));
  EXPECT_EQ(rights(bob_, theirs("INBOX")), Rights{kLookup | kRead});
  ASSERT_TRUE(set("INBOX", "anyone", kLookup | kInsert));
  EXPECT_EQ(rights(bob_, theirs("INBOX")), Rights{kLookup | kRead | kInsert});
  EXPECT_EQ(rights(carol_, theirs("INBOX")), Rights{kLookup | kInsert});
  const std::string name = "staff-" + alice_.address;
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return add_group(tx, name); }));
  ASSERT_TRUE(set("INBOX", "group:" + name, kExpunge));
  EXPECT_EQ(rights(carol_, theirs("INBOX")), Rights{kLookup | kInsert});
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return add_member(tx, name, carol_.address); }));
  EXPECT_EQ(rights(carol_, theirs("INBOX")), Rights{kLookup | kInsert | kExpunge});
  ASSERT_TRUE(set("INBOX", "-group:" + name, kLookup));
  EXPECT_EQ(rights(carol_, theirs("INBOX")), 0U);
  // A group that comes back under its name is another one.
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return delete_group(tx, name); }));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return add_group(tx, name); }));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return add_member(tx, name, carol_.address); }));
  EXPECT_EQ(rights(carol_, theirs("INBOX")), Rights{kLookup | kInsert});
}

TEST_F(Acl, AllAddressesOfAnAccountAreOne) {
  const std::string alias = "alias-" + bob_.address;
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return add_alias(tx, bob_.address, alias); }));
  ASSERT_TRUE(set("INBOX", alias, kLookup | kRead));
  Principal other = bob_;
  other.address = other.actor = alias;
  EXPECT_EQ(rights(other, theirs("INBOX")), rights(bob_, theirs("INBOX")));
  const auto entries = with("INBOX", [](Transaction& tx, const Grant& grant) { return list_acl(tx, grant); }).value();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].identifier.text, alice_.address);
  EXPECT_EQ(entries[1].identifier.text, bob_.address);
  EXPECT_EQ(entries[1].grantor, alice_.address);
}

TEST_F(Acl, TheOwnerKeepsLookupAndAdminister) {
  ASSERT_TRUE(set("INBOX", alice_.address, 0));
  EXPECT_EQ(rights(alice_, "INBOX"), Rights{kLookup | kAdminister});
  ASSERT_TRUE(set("INBOX", alice_.address, kRead, AclChange::add));
  ASSERT_TRUE(set("INBOX", "-" + alice_.address, kAllRights));
  EXPECT_EQ(rights(alice_, "INBOX"), Rights{kLookup | kAdminister});
  Principal admin = alice_;
  admin.role = Role::admin;
  EXPECT_EQ(rights(admin, "INBOX"), Rights{kAllRights});
  ASSERT_TRUE(in_transaction([&](Transaction& tx) -> Result<bool> {
    CPM_TRY(grant, authorize(tx, alice_, "INBOX", kAdminister));
    CPM_TRY(self, find_identifier(tx, alice_.address));
    CPM_CHECK([&]() -> Result<void> {
      CPM_TRY(gone, delete_acl(tx, alice_, grant, self, true));
      return gone ? Result<void>() : fail(Failure::internal, "nothing removed");
    }());
    return delete_acl(tx, alice_, grant, self, false);
  }));
  EXPECT_EQ(rights(alice_, "INBOX"), Rights{kAllRights});
}

TEST_F(Acl, ADepositOfOneStatementKeepsToWhatTheOwnerLeftThemself) {
  ASSERT_TRUE(set("INBOX", alice_.address, kRead | kInsert));
  const auto deposit = [&] {
    return in_transaction([&](Transaction& tx) -> Result<DepositedAt> {
      std::vector<StagedMessage> staged{hold_inline(new_message("x: y\r\n\r\n", {kSeen | kFlagged | kDeleted, {}}))};
      return deposit_at(tx, alice_, "INBOX", staged, limits_);
    });
  };
  ASSERT_TRUE(deposit());
  EXPECT_EQ(changes("INBOX").changed.at(0).bits, 0U);
  ASSERT_TRUE(set("INBOX", alice_.address, kRead | kInsert | kKeepSeen | kWrite | kDeleteMessage));
  ASSERT_TRUE(deposit());
  EXPECT_EQ(changes("INBOX").changed.at(1).bits, std::uint32_t{kSeen | kFlagged | kDeleted});
  ASSERT_TRUE(set("INBOX", alice_.address, kRead));
  EXPECT_EQ(deposit().error().failure, Failure::denied);
  expect_consistent();
}

TEST_F(Acl, ExpiresAtItsSecond) {
  const auto soon = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + 2s;
  ASSERT_TRUE(set("INBOX", bob_.address, kLookup | kRead, AclChange::replace, soon));
  EXPECT_NE(rights(bob_, theirs("INBOX")), 0U);
  EXPECT_EQ(shown(bob_).size(), 1U);
  std::this_thread::sleep_until(soon + 50ms);
  EXPECT_EQ(rights(bob_, theirs("INBOX")), 0U);
  EXPECT_TRUE(shown(bob_).empty());
  EXPECT_EQ(with("INBOX", [](Transaction& tx, const Grant& grant) { return list_acl(tx, grant); })->size(), 1U);
  bool found = false;
  const ActorRef by = make_actor({"upkeep", "expiry", "", "", "", "node:1", ""}, true, false);
  for (;;) {
    const auto swept = in_transaction([&](Transaction& tx) { return sweep_acl(tx, 100, by); }).value();
    if (swept.empty()) break;
    for (const ExpiredEntry& one : swept)
      found = found || (one.owner == alice_.account && one.grantee == bob_.account.value);
  }
  EXPECT_TRUE(found);
  const std::string recorded = test_.value("select detail from audit where command = 32 and account_id = " +
                                           std::to_string(alice_.account.value));
  EXPECT_NE(recorded.find("\"why\": \"expired\""), std::string::npos) << recorded;
  EXPECT_NE(recorded.find("\"before\": \"lr"), std::string::npos) << recorded;
  EXPECT_EQ(test_.value("select count(*) from shared_to where account_id = " + std::to_string(bob_.account.value)),
            "0");
  EXPECT_EQ(set("INBOX", bob_.address, kLookup, AclChange::replace, soon).error().failure, Failure::invalid);
  EXPECT_EQ(set("INBOX", alice_.address, kLookup, AclChange::replace, soon + 1h).error().failure, Failure::invalid);
}

TEST_F(Acl, ChildrenInherit) {
  make("A");
  ASSERT_TRUE(set("A", bob_.address, kLookup | kRead | kCreate));
  ASSERT_TRUE(set("A", alice_.address, kRead | kCreate));
  make("A/B/C");
  EXPECT_EQ(rights(bob_, theirs("A/B/C")), Rights{kLookup | kRead | kCreate | kCopyOut});
  EXPECT_EQ(rights(alice_, "A/B/C"), Rights{kLookup | kAdminister | kRead | kCreate | kCopyOut});
  const auto by_bob = in_transaction(
      [&](Transaction& tx) { return create_mailbox(tx, bob_, theirs("A/B/D"), SpecialUse::none, limits_); });
  ASSERT_TRUE(by_bob);
  EXPECT_EQ(by_bob->path, theirs("A/B/D"));
  EXPECT_EQ(by_bob->account, alice_.account);
  EXPECT_EQ(rights(bob_, theirs("A/B/D")), Rights{kLookup | kRead | kCreate | kCopyOut});
  // At the top the owner alone creates, and what is not seen is not told to exist.
  for (const std::string& path : {theirs("New"), theirs("INBOX"), std::string("Other Users/nobody@nowhere/X")}) {
    EXPECT_EQ(in_transaction([&](Transaction& tx) { return create_mailbox(tx, bob_, path, SpecialUse::none, limits_); })
                  .error()
                  .failure,
              Failure::denied);
  }
  EXPECT_EQ(
      in_transaction([&](Transaction& tx) { return create_mailbox(tx, alice_, "Shared/x", SpecialUse::none, limits_); })
          .error()
          .failure,
      Failure::denied);
}

TEST_F(Acl, RenamesStayWithinTheAccount) {
  make("A");
  make("A/B");
  ASSERT_TRUE(set("A", bob_.address, kLookup | kCreate | kDeleteMailbox));
  ASSERT_TRUE(set("A/B", bob_.address, kLookup | kDeleteMailbox));
  const auto rename = [&](std::string from, std::string to) {
    return in_transaction([&](Transaction& tx) -> Result<std::vector<Renamed>> {
      CPM_TRY(grant, authorize(tx, bob_, from, kDeleteMailbox));
      return rename_mailbox(tx, bob_, grant, to, limits_);
    });
  };
  EXPECT_EQ(rename(theirs("A/B"), "Mine").error().failure, Failure::unsupported);
  EXPECT_EQ(rename(theirs("A/B"), theirs("Top")).error().failure, Failure::denied);
  const auto renamed = rename(theirs("A/B"), theirs("A/C"));
  ASSERT_TRUE(renamed);
  EXPECT_EQ(renamed->at(0).to, theirs("A/C"));
  EXPECT_EQ(rights(bob_, theirs("A/C")), Rights{kLookup | kDeleteMailbox});  // keeps its own entries
}

TEST_F(Acl, SharesAreHiddenAndRefused) {
  ASSERT_TRUE(set("INBOX", bob_.address, kLookup | kRead));
  EXPECT_EQ(shown(bob_), std::vector<std::string>{theirs("INBOX")});
  const auto decide = [&](ShareState state) {
    ASSERT_TRUE(in_transaction([&](Transaction& tx) -> Result<void> {
      CPM_TRY(share, share_named(tx, bob_, theirs("INBOX")));
      return set_share_state(tx, bob_, share.account, share.id, state);
    }));
  };
  decide(ShareState::hidden);
  EXPECT_TRUE(shown(bob_).empty());
  EXPECT_NE(rights(bob_, theirs("INBOX")), 0U);
  decide(ShareState::refused);
  EXPECT_EQ(rights(bob_, theirs("INBOX")), 0U);
  decide(ShareState::shown);
  EXPECT_EQ(shown(bob_).size(), 1U);
}

TEST_F(Acl, SharedNames) {
  const std::string name = "team-" + alice_.address;
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return add_shared_name(tx, name, alice_.address); }));
  ASSERT_TRUE(set("INBOX", bob_.address, kLookup | kRead));
  EXPECT_EQ(shown(bob_), std::vector<std::string>{"Shared/" + name + "/INBOX"});
  EXPECT_NE(rights(bob_, "Shared/" + name + "/inbox"), 0U);
  EXPECT_NE(rights(bob_, theirs("INBOX")), 0U);  // the address is understood all the same
}

TEST_F(Acl, NewSharesAreLimited) {
  limits_.acl_new_per_hour = 2;
  ASSERT_TRUE(set("INBOX", bob_.address, kLookup));
  ASSERT_TRUE(set("INBOX", carol_.address, kLookup));
  EXPECT_EQ(set("INBOX", "anyone", kLookup).error().failure, Failure::limit);
  EXPECT_TRUE(set("INBOX", bob_.address, kLookup | kRead));  // no new one
  limits_.acl_new_per_hour = 100;
  limits_.acl_entries = 2;
  EXPECT_EQ(set("INBOX", "anyone", kLookup).error().failure, Failure::limit);
}

TEST_F(Acl, Explains) {
  ASSERT_TRUE(set("INBOX", bob_.address, kLookup | kRead));
  ASSERT_TRUE(set("INBOX", "-anyone", kRead));
  const auto why =
      with("INBOX", [&](Transaction& tx, const Grant& grant) { return explain_acl(tx, bob_.account, grant); }).value();
  EXPECT_EQ(why.effective, Rights{kLookup | kCopyOut});
  ASSERT_EQ(why.reasons.size(), 2U);
  EXPECT_EQ(why.reasons[0].through, "itself");
  EXPECT_EQ(why.reasons[1].through, "anyone");
  const auto owner = with("INBOX", [&](Transaction& tx, const Grant& grant) {
                       return explain_acl(tx, alice_.account, grant);
                     }).value();
  EXPECT_TRUE(owner.owner);
  EXPECT_EQ(owner.effective, Rights{kAllRights});
}

TEST_F(Acl, EachReaderHasSeenForThemself) {
  append("INBOX", 3, {kSeen | kFlagged, {}});
  ASSERT_TRUE(set("INBOX", bob_.address, kLookup | kRead | kKeepSeen | kWrite));
  const auto see = [&](const Principal& who, std::string_view path, std::uint64_t since = 0) {
    return in_transaction([&](Transaction& tx) -> Result<ChangeSet> {
             CPM_TRY(grant, authorize(tx, who, path, kRead));
             return changes_since(tx, grant, ModSeq{since});
           })
        .value();
  };
  const auto change = [&](UidSet uids, FlagChange how, std::uint32_t bits, std::optional<ModSeq> unchanged = {}) {
    return in_transaction([&](Transaction& tx) -> Result<StoreResult> {
             CPM_TRY(grant, authorize(tx, bob_, theirs("INBOX"), kRead));
             return store_flags(tx, grant, {uids, how, {bits, {}}, unchanged}, limits_);
           })
        .value();
  };
  const auto before = see(bob_, theirs("INBOX"));
  EXPECT_EQ(before.changed.at(0).bits, std::uint32_t{kFlagged});
  const auto at = before.mailbox.highestmodseq.value;
  // Only what is bob's own: a MODSEQ, and nothing that alice sees.
  const auto stored = change({{2, 2}}, FlagChange::add, kSeen);
  EXPECT_EQ(stored.highestmodseq.value, at + 1);
  EXPECT_EQ(stored.changed, UidSet({{2, 2}}));
  const auto news = see(bob_, theirs("INBOX"), at);
  ASSERT_EQ(news.changed.size(), 1U);
  EXPECT_EQ(news.changed[0].bits, std::uint32_t{kSeen | kFlagged});
  EXPECT_EQ(news.changed[0].modseq.value, at + 1);
  EXPECT_TRUE(see(alice_, "INBOX", at).changed.empty());
  // Again is no change.
  EXPECT_TRUE(change({{2, 2}}, FlagChange::add, kSeen).changed.empty());
  // Both kinds at once: one MODSEQ.
  const auto both = change({{1, 3}}, FlagChange::replace, kSeen | kAnswered);
  EXPECT_EQ(both.highestmodseq.value, at + 2);
  EXPECT_EQ(both.messages.at(0).bits, std::uint32_t{kSeen | kAnswered});
  EXPECT_EQ(see(alice_, "INBOX").changed.at(0).bits, std::uint32_t{kSeen | kAnswered});
  EXPECT_EQ(row("INBOX").unseen, 0U);
  change({{1, 1}}, FlagChange::remove, kSeen);
  EXPECT_EQ(see(alice_, "INBOX").changed.at(0).bits, std::uint32_t{kSeen | kAnswered});
  EXPECT_EQ(see(bob_, theirs("INBOX")).changed.at(0).bits, std::uint32_t{kAnswered});
  // UNCHANGEDSINCE compares with what the reader knows.
  EXPECT_EQ(change({{1, 1}}, FlagChange::add, kSeen, ModSeq{at + 2}).modified, UidSet({{1, 1}}));
  const auto unseen = [&] {
    return in_transaction([&](Transaction& tx) -> Result<std::uint32_t> {
             CPM_TRY(grant, authorize(tx, bob_, theirs("INBOX"), kRead));
             return unseen_of(tx, grant.mailbox());
           })
        .value();
  };
  EXPECT_EQ(unseen(), 1U);
  store("INBOX", {{2, 2}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_EQ(unseen(), 1U);
  while (in_transaction([](Transaction& tx) { return sweep_reader_flags(tx, 100); }).value() > 0) {
  }
  EXPECT_EQ(test_.value("select count(*) from reader_flags where account_id = " + std::to_string(alice_.account.value)),
            "2");
  expect_consistent();
}

TEST_F(Acl, ServicesHaveNoMoreThanThoseForWhomTheyAct) {
  ASSERT_TRUE(set("INBOX", bob_.address, kLookup | kRead | kExpunge | kInsert));
  Principal service = bob_;
  service.actor = "pf";
  service.role = Role::deposit;
  EXPECT_EQ(rights(service, theirs("INBOX")), Rights{kLookup | kRead | kInsert | kCopyOut});
  service.role = Role::full;
  EXPECT_EQ(rights(service, theirs("INBOX")), Rights{kLookup | kRead | kInsert | kExpunge | kCopyOut});
}

}  // namespace
}  // namespace cpm::schema
