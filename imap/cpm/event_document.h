// Event-reporting documents: application/vnd.oma.cpm-eventfw+xml (cpm-message-storage 1.12). A device tells the network
// what was read and deleted; whoever receives it sets the flags. Only flags are known. Pure. Runs on: any thread.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::cpm_objects {

inline constexpr std::size_t kEventDocumentOctets = 256 * 1024;  // longer ones are refused
inline constexpr std::size_t kMostEventObjects = 5000;           // of one document

// A message, named by its place (`uid` and `folder`), by its identifiers (at least `message_id`), or by both: then the
// identifiers say what should be found there. Texts as they stand, UTF-8 without NUL; empty: not told.
struct EventObject {
  std::uint32_t uid = 0;  // 0: not told
  std::string folder;     // canonical path without the "/" at its end that clients write
  std::string conversation_id;
  std::string contribution_id;
  std::string other_party;
  std::string message_id;  // the IMDN-Message-ID

  bool operator==(const EventObject&) const = default;
};

struct EventOperation {
  bool add = true;   // false: remove
  std::string flag;  // as on the wire: "\Seen", "$Work"
  std::vector<EventObject> objects;

  bool operator==(const EventOperation&) const = default;
};

// In the order of the document, which is the order to do them in.
struct EventDocument {
  std::vector<EventOperation> operations;

  bool operator==(const EventDocument&) const = default;
};

// All or nothing. Failure::invalid with what is wrong and where: not well-formed, an unknown operation, an object that
// names no message; Failure::unsupported: events of another type than flags; Failure::limit.
[[nodiscard]] Result<EventDocument> read_event_document(std::string_view octets);

}  // namespace cpm::imap::cpm_objects
