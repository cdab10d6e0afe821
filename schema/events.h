// Event-reporting documents applied (cpm-message-storage 1.12): flags that a device reported to the network instead of
// setting them over IMAP. What the document says is read by imap/cpm/event_document.h; this is its plain form. Runs on:
// db thread.
#pragma once

#include "base/limits.h"
#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/message_flags.h"

#include <string>
#include <vector>

namespace cpm::schema {

// A message by its place (`uid` and `folder`), or by its IMDN-Message-ID, in `folder` when that is told. With both: the
// message at that place, unless it has another IMDN-Message-ID; then the one in the folder that has it. Without a
// folder the identifiers find it: where it was deposited, or, when it is not there any more, wherever it stands.
struct EventObject {
  Uid uid;
  std::string folder;           // canonical path; empty: not told
  std::string message_id;       // IMDN-Message-ID
  std::string conversation_id;  // narrows
  std::string contribution_id;  // narrows
  std::string other_party;      // canonical address; narrows
};
struct EventOperation {
  bool add = true;  // false: remove
  FlagSet flags;
  std::vector<EventObject> objects;
};
// In the order in which they are done.
struct EventRequest {
  std::vector<EventOperation> operations;
};

enum class EventOutcome { applied, unchanged, not_found };
struct EventPlace {
  MailboxId mailbox;
  std::string path;
  Uid uid;
};
// Of one object: what happened at each place; not_found has none.
struct EventAnswer {
  std::size_t operation = 0, object = 0;  // their numbers in the request, from 0
  EventOutcome outcome = EventOutcome::not_found;
  std::vector<EventPlace> places;
};
struct EventResult {
  std::vector<EventAnswer> answers;          // in the order of the request
  std::vector<MailboxId> changed_mailboxes;  // by id: whose sessions are to be told
  std::size_t applied = 0, unchanged = 0, not_found = 0;
};
// All or nothing: an object that is not found is told and hinders nothing, any failure undoes all. To repeat it changes
// nothing. Each change of flags is one of store_flags(), with a MODSEQ of its own for each operation and mailbox.
// Failure::denied (a flag that the principal may not set), limit (keywords). Needs Mode::transaction.
[[nodiscard]] Result<EventResult> apply_event(Transaction& tx, const Principal& who, const EventRequest& request,
                                              const Limits& limits);

}  // namespace cpm::schema
