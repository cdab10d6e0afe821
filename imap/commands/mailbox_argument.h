// What the mailbox commands share: a wire name made canonical and the errors that go with it.
// Runs on: session strand.
#pragma once

#include "imap/grammar/mailbox_name.h"
#include "imap/session/session.h"

#include <string>

namespace cpm::imap {

[[nodiscard]] inline Result<std::string> mailbox_path(const Session& session, const std::string& wire_name,
                                                      bool fresh = false) {
  return grammar::canonical_mailbox(wire_name, session.utf8(), fresh, session.limits());
}

// As mailbox_path, for names that must exist: a name that cannot exist does not exist.
[[nodiscard]] inline Result<std::string> existing_path(const Session& session, const std::string& wire_name) {
  auto path = mailbox_path(session, wire_name);
  if (!path) return fail(Failure::not_found, "No such mailbox", path.error().text);
  return path;
}

}  // namespace cpm::imap
