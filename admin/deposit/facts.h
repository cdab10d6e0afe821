// What one line of a conversation says: the facts of one object that a Participating Function wants stored. Which kind
// needs which facts is the object builder's to know; docs/deposit.md describes the spelling in JSON.
// Runs on: any thread. Value types.
#pragma once

#include "admin/deposit/timestamp.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cpm::deposit {

// The objects of cpm-message-storage section 1.
enum class Kind { session, message, chat, notification, file, group_state, media, sms, mms };
[[nodiscard]] const char* kind_name(Kind kind) noexcept;  // "group-state"
[[nodiscard]] std::optional<Kind> kind_of(std::string_view name) noexcept;

// A file of bytes on this machine, or one on a content server of which only the address is stored.
struct FileFacts {
  std::string path;                      // empty: no bytes
  std::string name;                      // shown to users; default: the last part of the path
  std::string type;                      // media type; default: from the name
  std::string id;                        // Content-ID without angle brackets; default: made from the contribution
  std::string description, disposition;  // Content-Description, Content-Disposition
  std::string sdp;                       // lines for the description of the medium; default: a=file-selector
  std::string url, until;                // on the content server, and for how long
  std::optional<std::uint64_t> size;     // default: that of the file
  std::vector<FileFacts> thumbnail;      // none or one
};

struct Participant {
  std::string name, address;
};

struct Facts {
  std::size_t line = 0;  // where it was read; 0: nowhere
  Kind kind = Kind::message;
  int generation = 0;  // 1, 2; 0: as the builder's options say

  std::string conversation, contribution, in_reply_to;  // Conversation-ID, Contribution-ID, InReplyTo-Contribution-ID
  std::string session;     // Contribution-ID of the session history that it belongs to; generation 2: of the group chat
  std::string id;          // IMDN-Message-ID; generation 1: Message-ID
  std::string message_id;  // generation 2: Message-ID of the mail layer
  std::string from;
  std::vector<std::string> to;
  std::string direction;  // "sent", "received", seen from the owner of the store
  std::optional<Timestamp> date;
  std::string subject;
  std::optional<std::string> text, html;
  std::vector<FileFacts> files;
  std::vector<std::string> notify;  // imdn.Disposition-Notification: what the sender asked for
  std::string service;              // "pager", "large", "file", "session": P-Asserted-Service and Accept-Contact
  std::string correlator;           // Message-Correlator; default: from the text of an SMS, the id of an MMS

  std::string of, status, report;  // notification: the message reported on, "delivered" …, "delivery" …

  std::string session_type, sdp;          // session
  std::vector<Participant> participants;  // session, file, group state; default: `to`
  std::string focus, group_type;          // group state: lastfocussessionid, "Open" or "Closed"

  std::vector<std::string> flags;
  bool expired = false;       // a deferred message that was not fetched in time (MSS-72): keyword $Expired
  std::string mailbox, root;  // where to; default: the layout of the generation
  std::vector<std::pair<std::string, std::string>> headers;  // further header fields
};

}  // namespace cpm::deposit
