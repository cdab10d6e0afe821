// Deliver: octets as they came → a message ready for the store: line ends normalised (MSS-85), structure and envelope
// computed once, search text, CPM facts. APPEND and import pass here (style-models 3.7).
// Runs on: cpu thread, or the
// strand for small messages. Pure: no database.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "base/spool.h"
#include "schema/append.h"

#include <chrono>
#include <string>
#include <vector>

namespace cpm::imap {

// Where a message is to be stored: what an object of CPM is may depend on it. Nothing of it is kept.
struct Destination {
  std::string path;                            // of the mailbox, canonical
  const std::vector<std::string>* roots = {};  // of conversation histories: configuration key cpm.roots
};

// `binary`: the octets came as literal8 and are kept as they are. Otherwise bare LF becomes CRLF unless a part declares
// Content-Transfer-Encoding: binary. Parts with NUL are stored in base64 (binary_parts.h). Failure::limit when the
// spool disk is full, too_big above Limits::message_octets.
[[nodiscard]] Result<schema::NewMessage> make_message(Spool octets, bool binary, schema::FlagSet flags,
                                                      std::chrono::sys_seconds internal_date, const Limits& limits,
                                                      const std::string& spool_directory,
                                                      const Destination& where = {});

// What make_message finds of CPM in octets that are stored already: schema::ContentHead::thread and facts.
struct ContentFacts {
  std::string thread;
  schema::ObjectFacts facts;
};
[[nodiscard]] ContentFacts facts_anew(ByteSource& octets, const Limits& limits, const Destination& where);

}  // namespace cpm::imap
