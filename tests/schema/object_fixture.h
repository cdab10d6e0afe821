// What the tests of conversations share: objects with facts set by hand.
#pragma once

#include "schema/conversations.h"
#include "tests/schema/store_fixture.h"

#include <string>
#include <utility>
#include <vector>

namespace cpm::schema {

struct TestObject {
  ObjectKind kind = ObjectKind::message;
  Direction direction = Direction::received;
  std::string conversation;  // its name; empty: it seeks one
  std::string imdn;
  std::string contribution;
  std::string conversation_id;
  std::string reports_on;
  std::string in_reply_to;
  Disposition disposition = Disposition::none;
  std::vector<std::string> people;
  std::string sender;
  std::string subject;
  std::string session_type;
  std::string group_type;
  std::string focus;
  std::string octets;   // empty: made of the identifier
  std::int64_t at = 0;  // seconds after a moment in 2023
  FlagSet flags;
  bool group = false;
};

inline NewMessage new_object(const TestObject& object) {
  NewMessage out = new_message(object.octets.empty() ? "I: " + object.imdn + "\r\n\r\n" : object.octets, object.flags);
  ObjectFacts& facts = out.head.facts;
  facts.kind = object.kind;
  facts.direction = object.direction;
  facts.conversation = object.conversation;
  facts.conversation_id = object.conversation_id;
  facts.contribution_id = object.contribution;
  facts.imdn_message_id = object.imdn;
  facts.reports_on = object.reports_on;
  facts.in_reply_to = object.in_reply_to;
  facts.disposition = object.disposition;
  facts.participants = object.people;
  facts.sender = object.sender;
  facts.subject = object.subject;
  facts.session_type = object.session_type;
  facts.group_type = object.group_type;
  facts.focus = object.focus;
  facts.group = object.group;
  out.head.thread = object.conversation;
  out.internal_date += std::chrono::seconds{object.at};
  if (object.kind == ObjectKind::notification || object.kind == ObjectKind::group_state)
    facts.moment = out.internal_date;
  return out;
}

class Objects : public Store {
 protected:
  Uid put(std::string_view path, const TestObject& object) {
    return Uid{append_messages(path, {new_object(object)}).value().uids.min()};
  }
  void make(std::string_view path) {
    ASSERT_TRUE(in_transaction([&](Transaction& tx) {
                  return create_mailbox(tx, alice_, path, SpecialUse::none, limits_);
                }).has_value());
  }
  std::vector<Conversation> conversations(const ConversationQuery& query = {}) {
    return in_transaction([&](Transaction& tx) { return list_conversations(tx, alice_, query); }).value();
  }
  Result<Conversation> conversation(std::string_view name) {
    return in_transaction([&](Transaction& tx) { return find_conversation(tx, alice_, name); });
  }
  // "objects messages unread" of a conversation; "gone".
  std::string counts(std::string_view name) {
    const auto one = conversation(name);
    if (!one) return "gone";
    return std::to_string(one->objects) + ' ' + std::to_string(one->messages) + ' ' + std::to_string(one->unread);
  }
  // "path:uid" of each place.
  std::vector<std::string> places(const ObjectQuery& query) {
    std::vector<std::string> out;
    for (const ObjectPlace& place :
         in_transaction([&](Transaction& tx) { return find_objects(tx, alice_, query); }).value())
      out.push_back(place.path + ':' + std::to_string(place.uid.value) + (place.original ? "" : " copy"));
    return out;
  }
};

}  // namespace cpm::schema
