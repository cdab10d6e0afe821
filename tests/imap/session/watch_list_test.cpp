// NOTIFY (RFC 5465): what is new, from what was known and what is.
#include "imap/session/watch_list.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cpm::imap {

namespace {

using Kind = grammar::MailboxFilter::Kind;
constexpr unsigned kMessages = kMessageNew | kMessageExpunge;

MailboxChoice choice(Kind kind, const std::vector<std::string>& paths = {}) {
  MailboxChoice out;
  out.add_canonical(kind, paths);
  return out;
}

// An account as a test wants it.
struct Account {
  std::vector<schema::WatchedMailbox> mailboxes;
  std::vector<std::string> subscriptions;

  schema::WatchedMailbox& add(int id, const std::string& path) {
    schema::MailboxRow row;
    row.id = MailboxId{id};
    row.path = path;
    row.uidvalidity = UidValidity{static_cast<std::uint32_t>(100 + id)};
    row.uidnext = Uid{1};
    row.highestmodseq = ModSeq{1};
    mailboxes.push_back({row, schema::kAllRights});
    return mailboxes.back();
  }
  schema::WatchedMailbox& at(int id) {
    return *std::find_if(mailboxes.begin(), mailboxes.end(),
                         [&](const auto& one) { return one.mailbox.id.value == id; });
  }
  void remove(int id) {
    std::erase_if(mailboxes, [&](const auto& one) { return one.mailbox.id.value == id; });
  }
  void arrive(int id, std::uint32_t messages = 1) {
    schema::MailboxRow& row = at(id).mailbox;
    row.uidnext.value += messages;
    row.messages += messages;
    row.unseen += messages;
    row.highestmodseq.value += 1;
  }
  [[nodiscard]] std::shared_ptr<const AccountNames> names() const {
    AccountNames out;
    for (const auto& one : mailboxes) {
      out.entries.push_back({one.mailbox.id, one.mailbox.path, one.mailbox.use, (one.rights & schema::kRead) != 0});
    }
    std::sort(out.entries.begin(), out.entries.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    out.subscriptions = subscriptions;
    return std::make_shared<const AccountNames>(std::move(out));
  }
  News look(WatchList& list, const OwnChanges& own = {}, int selected = 0) const {
    auto news = list.advance({mailboxes, subscriptions}, names(), own, MailboxId{selected});
    EXPECT_TRUE(news.has_value());
    return news ? std::move(*news) : News{};
  }
};

std::string said(const News& news) {
  std::string out;
  for (const NameNews& one : news.names) {
    out += one.path + (one.exists ? "" : "-") + (one.no_access ? "!" : "") + (one.subscribed ? "*" : "");
    if (!one.old_path.empty()) out += "<" + one.old_path;
    out += ' ';
  }
  for (const CounterNews& one : news.counters) {
    out += one.mailbox.path + "=" + std::to_string(one.mailbox.messages) + (one.fresh ? "+" : "") + ' ';
  }
  return out;
}

Account some() {
  Account account;
  account.add(1, "INBOX");
  account.add(2, "A");
  account.add(3, "A/B");
  account.add(4, "A/B/C");
  account.add(5, "D");
  return account;
}

WatchList personal(unsigned events) { return WatchList({{choice(Kind::personal), events}}, 100); }

}  // namespace

TEST(MailboxChoice, EachFilterMeansItsMailboxes) {
  EXPECT_TRUE(choice(Kind::personal).means("any/thing", false));
  EXPECT_TRUE(choice(Kind::inboxes).means("INBOX", false));
  EXPECT_FALSE(choice(Kind::selected).means("INBOX", true));
  EXPECT_TRUE(choice(Kind::subscribed).means("x", true));
  EXPECT_FALSE(choice(Kind::subscribed).means("x", false));
  EXPECT_TRUE(choice(Kind::mailboxes, {"A"}).means("A", false));
  EXPECT_FALSE(choice(Kind::mailboxes, {"A"}).means("A/B", false));
  EXPECT_TRUE(choice(Kind::subtree, {"A"}).means("A", false));
  EXPECT_TRUE(choice(Kind::subtree, {"A"}).means("A/B/C", false));
  EXPECT_FALSE(choice(Kind::subtree, {"A"}).means("AB/C", false));
  EXPECT_FALSE(choice(Kind::subtree, {"A/B"}).means("A", false));
  EXPECT_TRUE(choice(Kind::subtree_one, {"A"}).means("A/B", false));
  EXPECT_FALSE(choice(Kind::subtree_one, {"A"}).means("A/B/C", false));
}

TEST(WatchListCounters, TheFirstLookHasAllOfThemAndTheNextWhatChanged) {
  WatchList list = personal(kMessages);
  Account account = some();
  account.arrive(1, 3);
  EXPECT_EQ(said(account.look(list)), "INBOX=3+ A=0+ A/B=0+ A/B/C=0+ D=0+ ");
  EXPECT_EQ(said(account.look(list)), "");
  account.arrive(4);
  const News news = account.look(list);
  EXPECT_EQ(said(news), "A/B/C=1 ");
  EXPECT_TRUE(news.counters[0].counts);
  EXPECT_TRUE(news.counters[0].unseen);
}

TEST(WatchListCounters, AFewMailboxesAreComparedAlone) {
  WatchList list = personal(kMessages);
  Account account = some();
  account.look(list);
  account.arrive(5, 2);
  auto news = list.advance({MailboxId{5}}, {account.at(5)}, {}, {});
  ASSERT_TRUE(news);
  EXPECT_EQ(said(*news), "D=2 ");
  EXPECT_EQ(list.advance({MailboxId{5}}, {}, {}, {}).error().failure, Failure::not_found);
}

TEST(WatchListShares, WhatIsNewIsToldByNameAndWhatIsLostAsGone) {
  const WatchList own({{choice(Kind::subtree, {"Other Users"}), kMessages | kMailboxName}}, 100);
  EXPECT_TRUE(own.beyond_own());
  EXPECT_FALSE(personal(kMessages).beyond_own());
  WatchList list = own.for_share(true);
  list.set_prefix("Other Users/alice/");
  Account account;
  account.add(3, "Other Users/alice/Team");
  account.arrive(3);
  EXPECT_EQ(said(account.look(list)), "Other Users/alice/Team Other Users/alice- Other Users/alice/Team=1+ ");
  EXPECT_EQ(list.named("Other Users/alice/Team")->id, MailboxId{3});
  EXPECT_EQ(list.unseen().at(MailboxId{3}).unseen, 1U);
  account.at(3).rights = schema::kLookup;
  EXPECT_EQ(said(account.look(list)), "Other Users/alice/Team! ");
  EXPECT_TRUE(list.unseen().empty());
  account.remove(3);
  EXPECT_EQ(said(account.look(list)), "Other Users/alice/Team- Other Users/alice- ");
}

TEST(WatchListShares, WhatTheClientKnowsFromTheBeginningIsNoNameNews) {
  const WatchList own({{choice(Kind::subtree, {"Other Users"}), kMessages | kMailboxName}}, 100);
  WatchList list = own.for_share(false);
  Account account;
  account.add(3, "Other Users/alice/Team");
  EXPECT_EQ(said(account.look(list)), "Other Users/alice/Team=0+ ");
}

TEST(WatchListShares, NamesThatTheClientMadeElsewhereAreNotMissedHere) {
  const std::string theirs = "Other Users/alice/Made";
  WatchList list({{choice(Kind::mailboxes, {theirs, "E"}), kMailboxName}}, 100);
  Account account = some();
  account.look(list);
  account.add(9, "E");
  OwnChanges own;
  own.names[theirs] = true;
  EXPECT_EQ(said(account.look(list, own)), "E ");
}

TEST(WatchListCounters, TheSelectedMailboxIsToldOtherwise) {
  WatchList list = personal(kMessages);
  Account account = some();
  account.look(list);
  account.arrive(1);
  EXPECT_EQ(said(account.look(list, {}, 1)), "");
}

TEST(WatchListCounters, WhatTheClientSawWhileItWasSelectedIsNotToldAgain) {
  WatchList list = personal(kMessages);
  Account account = some();
  account.look(list);
  account.arrive(1);
  list.seen(account.at(1).mailbox);
  EXPECT_EQ(said(account.look(list)), "");
  schema::MailboxRow before = account.at(1).mailbox;
  account.arrive(1);
  list.seen(before);
  EXPECT_EQ(said(account.look(list)), "INBOX=2 ");
}

TEST(WatchListCounters, OwnChangesAreNotToldUnlessSomebodyElseChangedSomethingToo) {
  WatchList list = personal(kMessages);
  Account account = some();
  account.look(list);
  OwnChanges own;
  own.modseqs[{AccountId{}, MailboxId{2}}] = 2;
  account.arrive(2);
  account.arrive(2);
  EXPECT_EQ(said(account.look(list, own)), "");
  account.arrive(2);
  account.arrive(2);
  account.arrive(2);
  EXPECT_EQ(said(account.look(list, own)), "A=5 ");
}

TEST(WatchListCounters, MessagesInAMailboxThatComesIntoViewAreNews) {
  WatchList list({{choice(Kind::subscribed), kMessages}}, 100);
  Account account = some();
  account.arrive(5, 4);
  EXPECT_EQ(said(account.look(list)), "");
  account.subscriptions = {"A", "D"};
  EXPECT_EQ(said(account.look(list)), "D=4+ ");
}

TEST(WatchListCounters, NoneTakesMailboxesOut) {
  WatchList list({{choice(Kind::personal), kMessages}, {choice(Kind::mailboxes, {"D"}), 0}}, 100);
  Account account = some();
  account.look(list);
  account.arrive(5);
  EXPECT_EQ(said(account.look(list)), "");
}

TEST(WatchListCounters, TooManyMailboxesAreALimit) {
  WatchList list({{choice(Kind::personal), kMessages}}, 5);
  Account account = some();
  account.look(list);
  account.add(6, "E");
  auto news = list.advance({account.mailboxes, {}}, account.names(), {}, {});
  ASSERT_FALSE(news);
  EXPECT_EQ(news.error().failure, Failure::limit);
}

TEST(WatchListAccess, AMailboxThatCannotBeReadIsSaidOnceAndWatchedAgainLater) {
  WatchList list = personal(kMessages);
  Account account = some();
  account.at(5).rights = schema::kLookup;
  EXPECT_EQ(said(account.look(list)), "D! INBOX=0+ A=0+ A/B=0+ A/B/C=0+ ");
  account.arrive(5);
  EXPECT_EQ(said(account.look(list)), "");
  account.at(5).rights = schema::kAllRights;
  EXPECT_EQ(said(account.look(list)), "D D=1+ ");
  account.at(5).rights = schema::kLookup;
  EXPECT_EQ(said(account.look(list)), "D! ");
}

TEST(WatchListNames, CreationAndDeletionConcernTheParentToo) {
  WatchList list = personal(kMailboxName);
  Account account = some();
  EXPECT_EQ(said(account.look(list)), "");
  account.add(6, "A/E");
  EXPECT_EQ(said(account.look(list)), "A/E A ");
  account.remove(6);
  EXPECT_EQ(said(account.look(list)), "A/E- A ");
  account.add(7, "F");
  account.add(8, "F/G");
  EXPECT_EQ(said(account.look(list)), "F F/G ");
}

TEST(WatchListNames, ARenamedMailboxNamesItsOldNameAndItsChildrenFollow) {
  WatchList list = personal(kMailboxName);
  Account account = some();
  account.look(list);
  account.at(2).mailbox.path = "Z";
  account.at(3).mailbox.path = "Z/B";
  account.at(4).mailbox.path = "Z/B/C";
  EXPECT_EQ(said(account.look(list)), "Z<A ");
  account.at(4).mailbox.path = "Z/X";
  EXPECT_EQ(said(account.look(list)), "Z/X<Z/B/C ");
}

TEST(WatchListNames, AChildIsToldWhenItsParentIsNotWatched) {
  WatchList list({{choice(Kind::mailboxes, {"A/B", "Z"}), kMailboxName}}, 100);
  Account account = some();
  account.look(list);
  account.at(2).mailbox.path = "Y";
  account.at(3).mailbox.path = "Y/B";
  account.at(4).mailbox.path = "Y/B/C";
  EXPECT_EQ(said(account.look(list)), "Y/B<A/B ");
}

TEST(WatchListNames, ANameTakenAgainIsOnceToldToExist) {
  WatchList list = personal(kMailboxName);
  Account account = some();
  account.look(list);
  account.remove(5);
  account.add(6, "D");
  EXPECT_EQ(said(account.look(list)), "D ");
}

TEST(WatchListNames, WhatIsToldCanBeFollowedByName) {
  WatchList list = personal(kMailboxName | kMessages);
  Account account = some();
  account.look(list);
  // D became E, A became D, and what was A/B/C is A now: each line is true after the ones before it.
  account.at(5).mailbox.path = "E";
  account.at(2).mailbox.path = "D";
  account.at(3).mailbox.path = "D/B";
  account.at(4).mailbox.path = "A";
  EXPECT_EQ(said(account.look(list)), "E<D D<A A<D/B/C D=0+ A=0+ ");
}

TEST(WatchListNames, TwoThatChangePlacesAreToldWithTheirState) {
  WatchList list = personal(kMailboxName | kMessages);
  Account account = some();
  account.arrive(1);
  account.look(list);
  account.at(2).mailbox.path = "D";
  account.remove(3);
  account.remove(4);
  account.at(5).mailbox.path = "A";
  account.arrive(5, 2);
  const std::string text = said(account.look(list));
  EXPECT_NE(text.find("D=0+ "), std::string::npos) << text;
  EXPECT_NE(text.find("A=2+ "), std::string::npos) << text;
}

TEST(WatchListCounters, ANameTakenAgainIsToldWithItsState) {
  WatchList list = personal(kMessages);
  Account account = some();
  account.arrive(5, 3);
  account.look(list);
  account.remove(5);
  account.add(6, "D");
  EXPECT_EQ(said(account.look(list)), "D=0+ ");
}

TEST(WatchListNames, OwnChangesAreNotTold) {
  WatchList list = personal(kMailboxName | kSubscriptionChange);
  Account account = some();
  account.look(list);
  OwnChanges own;
  own.names = {{"A", true}, {"A/E", true}, {"D", false}, {"K", true}};
  own.subscriptions = {{"A", true}};
  account.add(6, "A/E");
  account.remove(5);
  account.subscriptions = {"A"};
  // K was made by the client and removed by somebody else.
  EXPECT_EQ(said(account.look(list, own)), "K- ");
  own = {};
  own.names = {{"D", false}};
  account.add(7, "D");
  EXPECT_EQ(said(account.look(list, own)), "D ");
  own = {};
  own.subscriptions = {{"A", false}};
  EXPECT_EQ(said(account.look(list, own)), "A* ");
}

TEST(WatchListNames, SubscriptionsAreNamesThatNeedNotExist) {
  WatchList list({{choice(Kind::subscribed), kSubscriptionChange}}, 100);
  Account account = some();
  account.subscriptions = {"A"};
  account.look(list);
  account.subscriptions = {"A", "Nowhere"};
  EXPECT_EQ(said(account.look(list)), "Nowhere-* ");
  account.subscriptions = {};
  EXPECT_EQ(said(account.look(list)), "A Nowhere- ");
}

TEST(WatchListNames, OtherNamesAreNotTold) {
  WatchList list({{choice(Kind::subtree, {"A"}), kMailboxName}}, 100);
  Account account = some();
  account.look(list);
  account.remove(5);
  account.add(6, "E");
  EXPECT_EQ(said(account.look(list)), "");
}

TEST(WatchListMetadata, OfTheServerInAnyGroupAndOfMailboxesWhereAskedFor) {
  WatchList list({{choice(Kind::subtree, {"A"}), kMailboxMetadata},
                  {choice(Kind::mailboxes, {"D"}), kServerMetadata},
                  {choice(Kind::mailboxes, {"A/B"}), 0}},
                 100);
  const Account account = some();
  EXPECT_EQ(said(account.look(list)), "");
  EXPECT_TRUE(list.wants_metadata());
  EXPECT_TRUE(list.wants_metadata(""));
  EXPECT_TRUE(list.wants_metadata("A/B/C"));
  EXPECT_FALSE(list.wants_metadata("A/B"));
  EXPECT_FALSE(list.wants_metadata("D"));
  EXPECT_FALSE(personal(kMailboxName).wants_metadata());
  EXPECT_FALSE(personal(kMailboxMetadata).wants_metadata(""));
}

TEST(WatchListMetadata, OfSubscribedMailboxes) {
  WatchList list({{choice(Kind::subscribed), kMailboxMetadata}}, 100);
  Account account = some();
  account.subscriptions = {"D"};
  account.look(list);
  EXPECT_TRUE(list.wants_metadata("D"));
  EXPECT_FALSE(list.wants_metadata("A"));
}

}  // namespace cpm::imap
