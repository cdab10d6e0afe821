#include "schema/conversations.h"

#include "schema/content_rows.h"
#include "tests/schema/object_fixture.h"

#include <algorithm>
#include <thread>

namespace cpm::schema {
namespace {

using Strings = std::vector<std::string>;

constexpr std::string_view kBob = "tel:+33600000002";

class Conversations : public Objects {
 protected:
  Strings names(const std::vector<Conversation>& list) {
    Strings out;
    for (const Conversation& one : list) out.push_back(one.name);
    return out;
  }
  Result<DepositedOnce> once(std::string_view path, const std::vector<TestObject>& objects) {
    return in_transaction([&](Transaction& tx) -> Result<DepositedOnce> {
      std::vector<StagedMessage> staged;
      for (const TestObject& object : objects) {
        CPM_TRY(one, stage(tx, alice_.account, new_object(object), limits_));
        staged.push_back(std::move(one));
      }
      return deposit_once(tx, alice_, path, staged, limits_);
    });
  }
};

TEST_F(Conversations, Mss7MessagesOfOneThreadAreAConversation) {
  put("Default", {.conversation = std::string(kBob), .imdn = "m1", .people = {"tel:+33600000001", std::string(kBob)}});
  put("Default", {.direction = Direction::sent, .conversation = std::string(kBob), .imdn = "m2", .at = 5});
  put("INBOX", {.conversation = std::string(kBob), .imdn = "m3", .at = 3});
  put("Default",
      {.kind = ObjectKind::notification, .reports_on = "m2", .disposition = Disposition::displayed, .at = 60});
  append("INBOX", 2);  // mail
  const auto list = conversations();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].name, kBob);
  EXPECT_EQ(counts(kBob), "4 3 2");
  EXPECT_EQ(list[0].last_at.time_since_epoch().count(), 1'700'000'005);
  ASSERT_TRUE(list[0].last.has_value());
  EXPECT_EQ(list[0].last->facts.imdn_message_id, "m2");
  EXPECT_EQ(list[0].last->facts.direction, Direction::sent);
  EXPECT_EQ(list[0].last->mailbox, "Default");
  EXPECT_EQ(list[0].last->uid.value, 2U);
  expect_consistent();
}

TEST_F(Conversations, Mss7ListIsPagedByCursorAndNarrowed) {
  for (int i = 0; i < 23; ++i) {
    put("Default", {.direction = i % 3 == 0 ? Direction::sent : Direction::received,
                    .conversation = "c" + std::to_string(i),
                    .imdn = "m" + std::to_string(i),
                    .people = {i % 2 == 0 ? "sip:even@example.net" : "sip:odd@example.net"},
                    .at = i / 4});  // several of one second
  }
  const auto all = conversations();
  ASSERT_EQ(all.size(), 23U);
  EXPECT_TRUE(
      std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.last_at > b.last_at; }));
  Strings paged;
  ConversationQuery query;
  query.limit = 4;
  for (;;) {
    const auto page = conversations(query);
    if (page.empty()) break;
    EXPECT_LE(page.size(), 4U);
    for (const Conversation& one : page) paged.push_back(one.name);
    query.after = ConversationCursor{page.back().last_at, page.back().id};
  }
  EXPECT_EQ(paged, names(all));
  ConversationQuery unread;
  unread.unread = true;
  EXPECT_EQ(conversations(unread).size(), 15U);
  unread.participant = "sip:odd@example.net";
  EXPECT_EQ(conversations(unread).size(), 7U);
  for (const Conversation& one : conversations(unread)) EXPECT_GT(one.unread, 0U);
}

TEST_F(Conversations, Mss21ANotificationJoinsTheConversationOfItsMessage) {
  put("Default", {.conversation = "c1", .imdn = "m1", .contribution = "k1"});
  put("INBOX", {.kind = ObjectKind::notification, .reports_on = "m1", .disposition = Disposition::delivered});
  put("INBOX", {.kind = ObjectKind::notification, .reports_on = "nobody", .disposition = Disposition::delivered});
  put("INBOX", {.imdn = "m2", .in_reply_to = "k1"});
  EXPECT_EQ(counts("c1"), "3 2 2");
  expect_consistent();
}

TEST_F(Conversations, Mss22MessagesComeInTheOrderOfTheirTimesOnPages) {
  for (int i = 0; i < 11; ++i)
    put("Default", {.conversation = "c", .imdn = "m" + std::to_string(i), .at = (i * 7) % 11 / 2});
  copy("Default", {{1, 3}}, "INBOX");  // the same octets are told once
  std::vector<std::string> seen;
  std::optional<ConversationPlace> after;
  std::chrono::sys_seconds last{};
  for (;;) {
    const auto page = in_transaction([&](Transaction& tx) {
                        return conversation_messages(tx, alice_, *thread_id("c"), after, 3);
                      }).value();
    if (page.empty()) break;
    for (const ConversationMessage& message : page) {
      EXPECT_GE(message.at, last);
      last = message.at;
      seen.push_back(message.facts.imdn_message_id);
    }
    after = ConversationPlace{page.back().at, page.back().content};
  }
  EXPECT_EQ(seen.size(), 11U);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST_F(Conversations, SeenChangesUnread) {
  put("Default", {.conversation = "a", .imdn = "1"});
  put("Default", {.conversation = "b", .imdn = "2"});
  put("Default", {.direction = Direction::sent, .conversation = "b", .imdn = "3"});
  store("Default", {{1, 3}}, FlagChange::add, {kSeen, {}});
  EXPECT_EQ(counts("a") + ", " + counts("b"), "1 1 0, 2 2 0");
  store("Default", {{1, 3}}, FlagChange::add, {kSeen | kFlagged, {}});  // again
  store("Default", {{2, 3}}, FlagChange::remove, {kSeen, {}});
  EXPECT_EQ(counts("a") + ", " + counts("b"), "1 1 0, 2 2 1");
  store("Default", {{1, 3}}, FlagChange::replace, {kSeen, {"k"}});
  store("Default", {{1, 3}}, FlagChange::replace, {0, {}});
  EXPECT_EQ(counts("a") + ", " + counts("b"), "1 1 1, 2 2 1");
  expect_consistent();
}

TEST_F(Conversations, EndsWithItsLastObject) {
  put("Default", {.kind = ObjectKind::session_info, .conversation = "c", .subject = "Trip", .at = 9});
  put("Default", {.conversation = "c", .imdn = "1", .at = 2});
  EXPECT_EQ(conversation("c")->last_at.time_since_epoch().count(), 1'700'000'002);
  EXPECT_EQ(conversation("c")->subject, "Trip");
  store("Default", {{2, 2}}, FlagChange::add, {kDeleted, {}});
  expunge_in("Default");
  EXPECT_EQ(counts("c"), "1 0 0");
  EXPECT_EQ(conversation("c")->last_at.time_since_epoch().count(), 1'700'000'009);
  EXPECT_FALSE(conversation("c")->last.has_value());
  expect_consistent();
  with("Default", [](Transaction& tx, const Grant& grant) { return delete_mailbox(tx, grant); }).value();
  EXPECT_EQ(counts("c"), "gone");
  expect_consistent();
}

TEST_F(Conversations, DispositionsAreFoundByTheirMessage) {
  put("Default", {.direction = Direction::sent, .conversation = "c", .imdn = "m1"});
  put("Default", {.kind = ObjectKind::notification,
                  .conversation = "c",
                  .reports_on = "m1",
                  .disposition = Disposition::delivered,
                  .sender = std::string(kBob),
                  .octets = "1",
                  .at = 1});
  put("Default", {.kind = ObjectKind::notification,
                  .conversation = "c",
                  .reports_on = "m1",
                  .disposition = Disposition::displayed,
                  .sender = std::string(kBob),
                  .octets = "2",
                  .at = 2});
  const auto reports = in_transaction([&](Transaction& tx) {
                         return dispositions_of(tx, alice_, {"m1", "m2"});
                       }).value();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].imdn_message_id, "m1");
  EXPECT_EQ(reports[0].disposition, Disposition::delivered);
  EXPECT_EQ(reports[1].disposition, Disposition::displayed);
  EXPECT_EQ(reports[1].by, kBob);
  EXPECT_EQ(reports[1].at->time_since_epoch().count(), 1'700'000'002);
  // One that is gone says nothing any more.
  store("Default", {{3, 3}}, FlagChange::add, {kDeleted, {}});
  expunge_in("Default");
  EXPECT_EQ(in_transaction([&](Transaction& tx) { return dispositions_of(tx, alice_, {"m1"}); }).value().size(), 1U);
}

TEST_F(Conversations, Mss20HistoriesSayWhatTheirStateObjectsSay) {
  make("Default/c1/k1");
  put("Default/c1/k1",
      {.kind = ObjectKind::session_info, .conversation = "c1", .subject = "Trip", .session_type = "Ad-Hoc"});
  put("Default/c1/k1", {.conversation = "c1", .imdn = "m1"});
  put("Default/c1", {.kind = ObjectKind::group_state,
                     .conversation = "c1",
                     .group_type = "Closed",
                     .focus = "sip:focus@example.net",
                     .octets = "new",
                     .at = 5});
  put("Default/c1", {.kind = ObjectKind::group_state, .conversation = "c1", .focus = "old", .octets = "old", .at = 1});
  const auto rows = in_transaction([&](Transaction& tx) { return list_histories(tx, alice_); }).value();
  const auto row = [&](std::string_view path) {
    return *std::find_if(rows.begin(), rows.end(), [&](const HistoryRow& one) { return one.path == path; });
  };
  EXPECT_EQ(row("Default/c1/k1").session_info.value, 1U);
  EXPECT_EQ(row("Default/c1/k1").session_type, "Ad-Hoc");
  EXPECT_EQ(row("Default/c1/k1").subject, "Trip");
  EXPECT_EQ(row("Default/c1/k1").group_state.value, 0U);
  EXPECT_EQ(row("Default/c1").group_state.value, 1U);  // the newer state, though deposited first
  EXPECT_EQ(row("Default/c1").focus, "sip:focus@example.net");
  EXPECT_EQ(row("Default/c1").group_type, "Closed");
  EXPECT_EQ(row("Default/c1").conversation, "c1");
  EXPECT_EQ(row("Default/c1").children, 1U);
  EXPECT_EQ(row("INBOX").session_info.value, 0U);
}

TEST_F(Conversations, Mss16ObjectsAreFoundAfterTheyMoved) {
  put("Default", {.conversation = "c", .imdn = "m1", .contribution = "k1", .conversation_id = "cid"});
  EXPECT_EQ(places({.imdn_message_id = "m1"}), Strings{"Default:1"});
  EXPECT_EQ(places({.contribution_id = "k1"}), Strings{"Default:1"});
  EXPECT_EQ(places({.imdn_message_id = "M1"}), Strings{});
  EXPECT_EQ(places({.imdn_message_id = "m1", .conversation_id = "other"}), Strings{});
  EXPECT_EQ(places({.imdn_message_id = "m1", .within_contribution = "other"}), Strings{});
  EXPECT_EQ(places({.imdn_message_id = "m1", .party = "other"}), Strings{});
  EXPECT_EQ(places({.imdn_message_id = "m1", .conversation_id = "cid", .within_contribution = "k1", .party = "c"}),
            Strings{"Default:1"});
  copy("Default", {{1, 1}}, "INBOX");
  EXPECT_EQ(places({.imdn_message_id = "m1"}), (Strings{"INBOX:1 copy", "Default:1"}));
  EXPECT_EQ(places({.imdn_message_id = "m1", .mailbox = "INBOX"}), Strings{"INBOX:1 copy"});
  make("Away/c");
  move("Default", {{1, 1}}, "Away/c");
  EXPECT_EQ(places({.imdn_message_id = "m1"}), (Strings{"INBOX:1 copy", "Away/c:1 copy"}));
  store("INBOX", {{1, 1}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_EQ(places({.imdn_message_id = "m1"}), Strings{"Away/c:1 copy"});
  in_transaction([&](Transaction& tx) -> Result<std::vector<Renamed>> {
    CPM_TRY(grant, authorize(tx, alice_, "Away", kDeleteMailbox));
    return rename_mailbox(tx, alice_, grant, "There", limits_);
  }).value();
  EXPECT_EQ(places({.imdn_message_id = "m1"}), Strings{"There/c:1 copy"});
}

TEST_F(Conversations, TheSenderTellsADirectionThatTheObjectDoesNotSay) {
  const auto object = [&](const char* imdn, const std::string& sender, std::size_t size = 0) {
    TestObject out{.direction = Direction::unknown, .conversation = "c", .imdn = imdn, .sender = sender};
    if (size > 0) out.octets = std::string(size, *imdn);
    return out;
  };
  const std::string own = "sip:" + alice_.address;
  std::vector<NewMessage> messages;
  messages.push_back(new_object(object("a", own)));
  messages.push_back(new_message("mail between them"));
  messages.push_back(new_object({.direction = Direction::received, .conversation = "c", .imdn = "b", .sender = own}));
  messages.push_back(new_object(object("c", std::string(kBob))));
  messages.push_back(new_object(object("d", "")));
  TestObject report = object("e", own);
  report.kind = ObjectKind::notification;
  messages.push_back(new_object(report));
  append_messages("Default", std::move(messages)).value();  // in one statement
  put("Default", object("f", own, kInlineOctets + 10));     // staged before
  put("Default", object("g", std::string(kBob), kInlineOctets + 10));
  const auto id = conversation("c")->id;
  const auto all =
      in_transaction([&](Transaction& tx) { return conversation_messages(tx, alice_, id, {}, 100); }).value();
  std::string told;
  for (const ConversationMessage& one : all)
    told += one.facts.imdn_message_id + std::to_string(static_cast<int>(one.facts.direction)) + ' ';
  EXPECT_EQ(told, "a1 b2 c2 d0 e1 f1 g2 ");
  EXPECT_EQ(counts("c"), "7 6 4");
  expect_consistent();
}

// ---------------------------------------------------------------- deposit_once

TEST_F(Conversations, Mss75TheSameObjectIsStoredOnce) {
  const TestObject object{.conversation = "c", .imdn = "m1"};
  const auto first = once("Default", {object}).value();
  EXPECT_EQ(first.added, (UidSet{{1, 1}}));
  const auto again = once("Default", {object}).value();
  EXPECT_EQ(again.uids, std::vector<std::uint32_t>{1});
  EXPECT_TRUE(again.added.empty());
  EXPECT_EQ(again.uidvalidity, first.uidvalidity);
  EXPECT_EQ(again.highestmodseq, first.highestmodseq);
  EXPECT_EQ(counts("c"), "1 1 1");
  // In one command, among others.
  const auto mixed =
      once("Default", {{.conversation = "c", .imdn = "m2"}, object, {.conversation = "c", .imdn = "m2"}});
  EXPECT_EQ(mixed->uids, (std::vector<std::uint32_t>{2, 1, 2}));
  EXPECT_EQ(mixed->added, (UidSet{{2, 2}}));
  // Another mailbox, other octets, another identifier: another object.
  EXPECT_EQ(once("INBOX", {object})->added.size(), 1U);
  EXPECT_EQ(once("Default", {{.conversation = "c", .imdn = "m1", .octets = "other"}})->uids,
            std::vector<std::uint32_t>{3});
  expect_consistent();
}

TEST_F(Conversations, Mss75WithoutAnIdentifierTheContributionCountsAndMailIsAlwaysStored) {
  const TestObject object{.conversation = "c", .contribution = "k1", .octets = "text"};
  EXPECT_EQ(once("Default", {object, object})->uids, (std::vector<std::uint32_t>{1, 1}));
  EXPECT_EQ(once("Default", {object})->uids, std::vector<std::uint32_t>{1});
  const TestObject mail{.kind = ObjectKind::mail, .imdn = "m1", .octets = "mail"};
  EXPECT_EQ(once("Default", {mail, mail})->uids, (std::vector<std::uint32_t>{2, 3}));
}

TEST_F(Conversations, Mss75ARepeatedDepositIsFoundAfterAMoveAndNotAfterExpunge) {
  const TestObject object{.conversation = "c", .imdn = "m1"};
  once("Default", {object}).value();
  move("Default", {{1, 1}}, "INBOX");
  EXPECT_EQ(once("INBOX", {object})->uids, std::vector<std::uint32_t>{1});
  EXPECT_EQ(once("Default", {object})->uids, std::vector<std::uint32_t>{2});
  store("Default", {{2, 2}}, FlagChange::add, {kDeleted, {}});
  expunge_in("Default");
  EXPECT_EQ(once("Default", {object})->uids, std::vector<std::uint32_t>{3});
  expect_consistent();
}

TEST_F(Conversations, Mss75TwoDepositorsAtOnceStoreItOnce) {
  for (int round = 0; round < 10; ++round) {
    std::vector<TestObject> objects;
    for (int i = 0; i < 5; ++i)
      objects.push_back({.conversation = "c" + std::to_string(i), .imdn = std::to_string(round * 5 + i)});
    std::vector<std::uint32_t> got[2];
    std::vector<std::thread> depositors;
    for (auto& to : got) depositors.emplace_back([&] { to = once("Default", objects).value().uids; });
    for (auto& depositor : depositors) depositor.join();
    EXPECT_EQ(got[0], got[1]);
  }
  EXPECT_EQ(row("Default").messages, 50U);
  expect_consistent();
}

TEST_F(Conversations, Mss75OnlyWhatIsToBeStoredIsAskedAbout) {
  const TestObject object{.conversation = "c", .imdn = "m1"};
  once("Default", {object}).value();
  std::size_t asked = 0;
  const auto store = [&](const std::vector<TestObject>& objects) {
    return in_transaction([&](Transaction& tx) -> Result<DepositedOnce> {
      std::vector<StagedMessage> staged;
      for (const TestObject& one : objects) staged.push_back(hold_inline(new_object(one)));
      return deposit_once(tx, alice_, "Default", staged, limits_, [&](const auto& fresh) -> Result<void> {
        asked = fresh.size();
        return fail(Failure::invalid, "not here");
      });
    });
  };
  EXPECT_EQ(store({object})->uids, std::vector<std::uint32_t>{1});
  EXPECT_EQ(asked, 0U);
  EXPECT_EQ(store({object, {.conversation = "c", .imdn = "m2"}}).error().failure, Failure::invalid);
  EXPECT_EQ(asked, 1U);
  EXPECT_EQ(row("Default").messages, 1U);
}

TEST_F(Conversations, MorePartsThanAColumnCountsRefuseNoMessage) {
  NewMessage message = new_object({.conversation = "c", .imdn = "m1"});
  message.head.facts.file_parts = 70'000;
  EXPECT_TRUE(append_messages("Default", {std::move(message)}).has_value());
}

TEST_F(Conversations, Mss75LargeObjectsToo) {
  const TestObject object{.conversation = "c", .imdn = "big", .octets = std::string(kInlineOctets + 10, 'x')};
  EXPECT_EQ(once("Default", {object})->uids, std::vector<std::uint32_t>{1});
  EXPECT_EQ(once("Default", {object})->uids, std::vector<std::uint32_t>{1});
  EXPECT_EQ(row("Default").messages, 1U);
}

// ---------------------------------------------------------------- facts anew

TEST_F(Conversations, FactsAnewMakeConversationsOfWhatWasMail) {
  append("Default", 3);
  const auto renew = [&](ObjectKind kind) {
    return in_transaction([&](Transaction& tx) -> Result<std::uint64_t> {
      CPM_TRY(grant, authorize(tx, alice_, "Default", kRead));
      std::vector<ReindexFacts> facts;
      for (const ReindexItem& item : reindex_page(tx, alice_.account, grant.mailbox().id, Uid{}, 100)) {
        ReindexFacts one{item, "c", {}};
        one.facts.kind = kind;
        one.facts.direction = Direction::received;
        one.facts.conversation = kind == ObjectKind::mail ? "" : "c";
        one.facts.imdn_message_id = "m" + std::to_string(item.uid.value);
        facts.push_back(std::move(one));
      }
      write_facts(tx, alice_.account, grant.mailbox().id, facts);
      return rebuild_conversations(tx, alice_.account);
    });
  };
  EXPECT_EQ(renew(ObjectKind::message).value(), 3U);
  EXPECT_EQ(counts("c"), "3 3 3");
  expect_consistent();
  EXPECT_EQ(renew(ObjectKind::message).value(), 0U);
  EXPECT_EQ(counts("c"), "3 3 3");
  EXPECT_EQ(renew(ObjectKind::mail).value(), 3U);
  EXPECT_EQ(counts("c"), "gone");
  expect_consistent();
}

}  // namespace
}  // namespace cpm::schema
