#include "schema/events.h"

#include "tests/schema/object_fixture.h"

namespace cpm::schema {
namespace {

class Events : public Objects {
 protected:
  static EventOperation operation(bool add, std::uint32_t bits, std::vector<EventObject> objects) {
    return {add, {bits, {}}, std::move(objects)};
  }
  Result<EventResult> apply(const EventRequest& request) { return apply_as(alice_, request); }
  Result<EventResult> apply_as(const Principal& who, const EventRequest& request) {
    return in_transaction([&](Transaction& tx) { return apply_event(tx, who, request, limits_); });
  }
  // What happened to each object: "applied Default:1", "not_found".
  std::vector<std::string> told(const EventRequest& request) {
    const auto result = apply(request);
    if (!result) return {result.error().text + result.error().detail};
    std::vector<std::string> out;
    for (const EventAnswer& answer : result->answers) {
      std::string text = answer.outcome == EventOutcome::applied     ? "applied"
                         : answer.outcome == EventOutcome::unchanged ? "unchanged"
                                                                     : "not_found";
      for (const EventPlace& place : answer.places) text += ' ' + place.path + ':' + std::to_string(place.uid.value);
      out.push_back(text);
    }
    return out;
  }
  std::vector<std::string> seen(EventObject object) { return told({{operation(true, kSeen, {std::move(object)})}}); }
  std::uint32_t bits(std::string_view path, std::uint32_t uid) {
    for (const MessageFlags& message : changes(path).changed)
      if (message.uid.value == uid) return message.bits;
    return ~0U;
  }
};

using Strings = std::vector<std::string>;

TEST_F(Events, Mss50And51ADocumentSetsFlagsByPlaceAndByIdentifiers) {
  make("Default/tel:+33600000002");
  make("Default/c1/c1");
  put("Default/tel:+33600000002", {.conversation = "tel:+33600000002", .imdn = "msg-a1"});
  put("Default/tel:+33600000002", {.conversation = "tel:+33600000002", .imdn = "MsgA"});
  put("Default/c1/c1", {.conversation = "c1", .imdn = "Msg8", .contribution = "c1", .conversation_id = "c1"});
  const EventRequest request{{operation(true, kSeen,
                                        {{.uid = Uid{1}, .folder = "Default/tel:+33600000002", .message_id = "msg-a1"},
                                         {.message_id = "Msg8",
                                          .conversation_id = "c1",
                                          .contribution_id = "c1",
                                          .other_party = "tel:+33600000002"}}),
                              operation(true, kDeleted,
                                        {{.uid = Uid{2}, .folder = "Default/tel:+33600000002"},
                                         {.folder = "Default/c1/c1", .message_id = "none"}})}};
  const std::uint64_t before = row("Default/tel:+33600000002").highestmodseq.value;
  const auto result = apply(request);
  ASSERT_TRUE(result.has_value()) << result.error().text << result.error().detail;
  EXPECT_EQ(result->applied, 3U);
  EXPECT_EQ(result->not_found, 1U);
  EXPECT_EQ(result->changed_mailboxes.size(), 2U);
  ASSERT_EQ(result->answers.size(), 4U);
  EXPECT_EQ(result->answers[2].operation, 1U);
  EXPECT_EQ(result->answers[3].object, 1U);
  EXPECT_EQ(bits("Default/tel:+33600000002", 1), std::uint32_t{kSeen});
  EXPECT_EQ(bits("Default/tel:+33600000002", 2), std::uint32_t{kDeleted});
  EXPECT_EQ(bits("Default/c1/c1", 1), std::uint32_t{kSeen});
  EXPECT_EQ(row("Default/tel:+33600000002").highestmodseq.value, before + 2);
  EXPECT_EQ(counts("c1") + ", " + counts("tel:+33600000002"), "1 1 0, 2 2 1");
  expect_consistent();
  // Again: nothing changes, and nobody is told.
  const auto again = apply(request).value();
  EXPECT_EQ(again.unchanged, 3U);
  EXPECT_EQ(again.applied, 0U);
  EXPECT_TRUE(again.changed_mailboxes.empty());
  EXPECT_EQ(row("Default/tel:+33600000002").highestmodseq.value, before + 2);
}

TEST_F(Events, TheIdentifierDecidesWhenAnotherMessageStandsAtThePlace) {
  put("Default", {.conversation = "c", .imdn = "a"});
  put("Default", {.conversation = "c", .imdn = "b"});
  append("Default", 1);  // mail without identifiers
  EXPECT_EQ(seen({.uid = Uid{1}, .folder = "Default", .message_id = "b"}), Strings{"applied Default:2"});
  EXPECT_EQ(seen({.uid = Uid{1}, .folder = "Default", .message_id = "x"}), Strings{"not_found"});
  EXPECT_EQ(seen({.uid = Uid{3}, .folder = "Default", .message_id = "x"}), Strings{"applied Default:3"});
  EXPECT_EQ(seen({.uid = Uid{9}, .folder = "Default", .message_id = "a"}), Strings{"applied Default:1"});
  EXPECT_EQ(seen({.uid = Uid{9}, .folder = "Default"}), Strings{"not_found"});
  EXPECT_EQ(seen({.uid = Uid{1}, .folder = "Nowhere"}), Strings{"not_found"});
  EXPECT_EQ(seen({.uid = Uid{1}}), Strings{"not_found"});
}

TEST_F(Events, ACopyThatTheUserKeepsIsLeftAlone) {
  put("Default", {.conversation = "c", .imdn = "a"});
  copy("Default", {{1, 1}}, "INBOX");
  EXPECT_EQ(told({{operation(true, kDeleted, {{.message_id = "a"}})}}), Strings{"applied Default:1"});
  EXPECT_EQ(bits("INBOX", 1), 0U);
  EXPECT_EQ(told({{operation(true, kFlagged, {{.folder = "INBOX", .message_id = "a"}})}}), Strings{"applied INBOX:1"});
  expunge_in("Default");
  EXPECT_EQ(seen({.message_id = "a"}), Strings{"applied INBOX:1"});
}

TEST_F(Events, OneIdentifierOfTheConversationThatFitsIsEnough) {
  put("Default", {.conversation = "tel:+336", .imdn = "a", .people = {"tel:+336"}});
  put("INBOX", {.conversation = "c2", .imdn = "a", .contribution = "k2", .conversation_id = "c2", .octets = "2"});
  EXPECT_EQ(seen({.message_id = "a", .conversation_id = "c2"}), Strings{"applied INBOX:1"});
  EXPECT_EQ(seen({.message_id = "a", .conversation_id = "told elsewhere", .other_party = "tel:+336"}),
            Strings{"applied Default:1"});
  EXPECT_EQ(seen({.message_id = "a", .contribution_id = "k2"}), Strings{"unchanged INBOX:1"});
  EXPECT_EQ(seen({.message_id = "a", .conversation_id = "none", .other_party = "tel:+337"}), Strings{"not_found"});
  EXPECT_EQ(seen({.message_id = "a"}), Strings{"unchanged INBOX:1 Default:1"});
}

TEST_F(Events, OperationsAreDoneInTheirOrder) {
  put("Default", {.conversation = "c", .imdn = "a"});
  EXPECT_EQ(told({{operation(true, kSeen | kFlagged, {{.message_id = "a"}, {.message_id = "a"}}),
                   operation(false, kSeen, {{.message_id = "a"}})}}),
            (Strings{"applied Default:1", "applied Default:1", "applied Default:1"}));
  EXPECT_EQ(bits("Default", 1), std::uint32_t{kFlagged});
  EXPECT_EQ(counts("c"), "1 1 1");
  expect_consistent();
}

TEST_F(Events, KeywordsToo) {
  put("Default", {.conversation = "c", .imdn = "a"});
  EXPECT_EQ(told({{{true, {0, {"blue"}}, {{.message_id = "a"}}}}}), Strings{"applied Default:1"});
  EXPECT_EQ(told({{{true, {0, {"BLUE"}}, {{.message_id = "a"}}}}}), Strings{"unchanged Default:1"});
  EXPECT_EQ(told({{{false, {0, {"blue"}}, {{.message_id = "a"}}}}}), Strings{"applied Default:1"});
}

TEST_F(Events, AFlagThatMayNotBeSetUndoesAll) {
  put("Default", {.conversation = "c", .imdn = "a"});
  Principal service = alice_;
  service.role = Role::deposit;
  const EventRequest request{
      {operation(true, kSeen, {{.message_id = "a"}}), operation(true, kDeleted, {{.message_id = "a"}})}};
  EXPECT_EQ(apply_as(service, request).error().failure, Failure::denied);
  EXPECT_EQ(bits("Default", 1), 0U);
  EXPECT_TRUE(apply_as(service, {{operation(true, kSeen, {{.message_id = "a"}})}}).has_value());
  expect_consistent();
}

}  // namespace
}  // namespace cpm::schema
