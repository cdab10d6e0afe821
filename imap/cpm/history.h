// Which mailboxes are histories, by their names and by what they hold (cpm-message-storage 1.11). Pure. Runs on: any
// thread.
#pragma once

#include "imap/cpm/layout.h"
#include "schema/conversations.h"

#include <string_view>
#include <vector>

namespace cpm::imap::cpm_objects {

enum class HistoryKind { conversation, session };

struct History {
  HistoryKind kind = HistoryKind::conversation;
  schema::HistoryRow row;
  std::uint32_t sessions = 0;  // of a conversation: session histories in it
};

// Of all mailboxes of an account, sorted by path, those that are histories. Below a root the name says it: the first
// level is a conversation, deeper ones are sessions. Elsewhere a mailbox with a session info object is a session, and
// its parent, if that holds no such object, a conversation.
[[nodiscard]] std::vector<History> histories(std::vector<schema::HistoryRow> mailboxes,
                                             std::span<const std::string> roots);

}  // namespace cpm::imap::cpm_objects
