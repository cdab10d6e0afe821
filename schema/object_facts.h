// What the store knows of a CPM object (cpm-message-storage 1): read from its octets once, at deposit, by imap/cpm, and
// kept as columns beside the content (tables content_head and object). A value type. Runs on: anywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cpm::schema {

// Persistent numbers. `mail`: nothing of CPM is in it.
enum class ObjectKind : std::int16_t {
  mail = 0,
  message = 1,        // standalone, pager or large mode (1.2)
  chat_message = 2,   // of a session (1.3)
  notification = 3,   // disposition notification (1.4)
  session_info = 4,   // 1.6
  group_state = 5,    // 1.7
  file_transfer = 6,  // with its bytes (first generation) or as links (second) (1.8)
  media = 7,          // standalone media object (1.9)
  sms = 8,            // 1.10
  mms = 9,            // 1.10
  signal = 10,        // what is not meant to be stored, as isComposing (1.5)
};

enum class Direction : std::int16_t { unknown = 0, sent = 1, received = 2 };

// What a notification says of the message it is about (RFC 5438 7); persistent numbers, rising with what is known.
enum class Disposition : std::int16_t {
  none = 0,
  delivered = 1,
  processed = 2,
  stored = 3,
  displayed = 4,
  failed = 5,
  forbidden = 6,
  error = 7,
};

// Texts are UTF-8 as decoded for people; identifiers are as they stand in the object. All bounded by 1000 octets.
struct ObjectFacts {
  std::string conversation_id;
  std::string contribution_id;
  std::string imdn_message_id;
  std::string message_id;
  Direction direction = Direction::unknown;
  bool exact =
      false;  // the header says under these four names nothing else: the values may stand for it in SEARCH HEADER

  ObjectKind kind = ObjectKind::mail;
  int generation = 0;        // 1: CPM 2.0 / RCS 5.1, 2: CPM 2.1 / RCS 6.0, 0: cannot be told
  std::string conversation;  // the name of the conversation: party or Conversation-ID (imap/cpm/layout.h); empty: none
  std::string in_reply_to;   // InReplyTo-Contribution-ID, either spelling
  std::string correlator;    // Message-Correlator, decoded
  std::string context;       // Message-Context, in lower case, without quotes
  std::string
      service;  // of P-Asserted-Service or Accept-Contact: "msg", "largemsg", "filetransfer", "session"; or the URN
  std::string sender;                     // canonical address (layout.h); empty when anonymous
  std::vector<std::string> participants;  // all addresses named, canonical, sorted, each once; at most 200
  std::string subject;                    // decoded
  std::string preview;                    // the beginning of the text, or the name of the file; at most 200 characters
  std::optional<std::chrono::sys_seconds> moment;  // DateTime of CPIM, of a notification, timestamp of a group state

  bool group = false;        // of a conversation of more than two
  std::string session_type;  // "1-1", "Ad-Hoc", "Pre-Defined", "Group" as written
  std::string focus;         // lastfocussessionid of a group state
  std::string group_type;    // "Open", "Closed" as written

  std::string file_name;  // of the first file that is not a thumbnail
  std::string file_type;
  std::optional<std::uint64_t> file_size;  // octets
  int file_parts = 0;                      // files the object speaks of

  std::string reports_on;  // a notification: the IMDN-Message-ID of its message
  Disposition disposition = Disposition::none;
};

// How a message counts in its conversation. Persistent numbers.
enum class Talk : std::int16_t {
  silent = 0,    // notifications and signals belong to it and are not counted
  sent = 1,      // by the owner of the store: never unread
  received = 2,  // or of unknown direction: unread until \Seen
  state = 3,     // session info and group state: not counted either
};
[[nodiscard]] constexpr Talk talk_of(const ObjectFacts& facts) noexcept {
  switch (facts.kind) {
    case ObjectKind::notification:
    case ObjectKind::signal: return Talk::silent;
    case ObjectKind::session_info:
    case ObjectKind::group_state: return Talk::state;
    default: return facts.direction == Direction::sent ? Talk::sent : Talk::received;
  }
}

}  // namespace cpm::schema
