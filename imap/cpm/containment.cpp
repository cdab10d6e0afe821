#include "imap/cpm/containment.h"

namespace cpm::imap::cpm_objects {

using schema::ObjectKind;

std::optional<std::string> refuse_object(const Place& place, ObjectKind kind, bool holds_session_info) {
  switch (place.kind) {
    case Place::Kind::none: return std::nullopt;
    case Place::Kind::root: return "The root of the histories holds conversation histories only";
    case Place::Kind::session:
      if (kind == ObjectKind::session_info && holds_session_info) return "This session history has its session info";
      return std::nullopt;
    case Place::Kind::conversation: break;
  }
  if (kind == ObjectKind::session_info) return "A session info object belongs into a session history";
  const bool with_person = canonical_address(place.conversation).has_value();
  const bool of_session = kind == ObjectKind::chat_message || kind == ObjectKind::group_state;
  if (of_session && !with_person) return "Objects of a session belong into a session history";
  return std::nullopt;
}

std::optional<std::string> refuse_mailbox(const Place& place, bool below_session) {
  if (place.kind == Place::Kind::session && below_session) return "A session history has no mailboxes below it";
  return std::nullopt;
}

std::optional<std::string> refuse_move(const Place& from, const Place& to) {
  const bool history = from.kind == Place::Kind::conversation || from.kind == Place::Kind::session;
  if (!history || to.conversation == from.conversation) return std::nullopt;
  return "Objects of a conversation history are moved with it, not one by one";
}

std::optional<std::string> refuse_tree(const Place& from, const Place& to, bool below_session) {
  if (to.kind == Place::Kind::none || to.kind == Place::Kind::root) return std::nullopt;
  if (auto refused = refuse_mailbox(to, below_session)) return refused;
  if (from.kind == to.kind) return std::nullopt;
  return "A conversation history stays one, and so does a session history; other mailboxes do not become histories";
}

}  // namespace cpm::imap::cpm_objects
