// What may stand where in the histories (cpm-message-storage 1.0): an optional policy (cpm.containment), for stores
// whose clients keep to the rules. Each function gives the reason for a refusal, or nothing. Pure. Runs on: any thread.
#pragma once

#include "imap/cpm/layout.h"
#include "schema/object_facts.h"

#include <optional>
#include <string>

namespace cpm::imap::cpm_objects {

// An object into `place`. A session history holds one session info object; a conversation history named by an address
// also the chat messages of its sessions, which have no mailboxes of their own in the second generation.
[[nodiscard]] std::optional<std::string> refuse_object(const Place& place, schema::ObjectKind kind,
                                                       bool holds_session_info);

// A mailbox at `place`: session histories have none below them.
[[nodiscard]] std::optional<std::string> refuse_mailbox(const Place& place, bool below_session);

// An object out of the history `from`: histories are moved as a whole. Within it they may be.
[[nodiscard]] std::optional<std::string> refuse_move(const Place& from, const Place& to);

// A mailbox with all below it from one place to another, by RENAME or as a copy: a history keeps its level, and nothing
// else becomes one.
[[nodiscard]] std::optional<std::string> refuse_tree(const Place& from, const Place& to, bool below_session);

}  // namespace cpm::imap::cpm_objects
