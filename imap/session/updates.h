// Updates: the only place that tells a client of changes: EXISTS, RECENT, EXPUNGE, FETCH FLAGS, FLAGS (RFC
// 9051 5.2, 7.5.1, RFC 7162 3.2), ADDTO and REMOVEFROM (RFC 5267 4.3), in a session with NOTIFY those it asked for
// (RFC 5465 3.1). It pulls the newest snapshot and moves the session's view to it. Runs on: session strand.
#pragma once

#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

namespace cpm::imap {

// Moments at which rights end by themselves, as the store's clock has them. One that is past by this node's clock and
// counts in the store is looked for again in a second.
[[nodiscard]] bool past(const std::optional<std::chrono::sys_seconds>& moment);
[[nodiscard]] std::optional<std::chrono::sys_seconds> coming(std::optional<std::chrono::sys_seconds> moment);

struct Tell {
  bool expunges = true;     // EXPUNGE may be sent now
  UidSet echo;              // tell the flags of these even if nothing changed (STORE without .SILENT)
  UidSet silent;            // changed by this session with .SILENT: only the MODSEQ, and only with CONDSTORE
  bool descending = false;  // the flags of the greatest UID first
  ModSeq silent_modseq;     // … as long as nobody changed them again
  bool everything = false;  // also what NOTIFY leaves out
  UidSet removed;           // by this session: told whatever NOTIFY says
  UidSet earlier;           // VANISHED (EARLIER), after what vanished now and before any FETCH (RFC 7162 3.2.6)
};

// Brings the view to the store's present state and says what is new. A mailbox that is gone: the session is told with
// BYE by the dispatcher (Failure::not_found). Does nothing when no mailbox is selected.
boost::asio::awaitable<Result<void>> tell_updates(Session& session, Tell tell);

// A session that does nothing lets its picture of the mailbox go (view.h), which tell_updates makes anew when there is
// news; before the view is looked at otherwise wake_view() does. No effect without a mailbox, or when it is awake.
void rest_view(Session& session);
boost::asio::awaitable<Result<void>> wake_view(Session& session);

// Before a command that works on the selected mailbox, when it is of another account: Failure::denied when its reader
// has lost it (revoked, expired, deleted). Tells PERMANENTFLAGS when other rights were given or taken (RFC 4314 5.1.1).
// `until`: also looks until when the rights are these (Selected::rights_end), for a session that waits.
boost::asio::awaitable<Result<void>> check_access(Session& session, bool until = false);
// After tell_updates or check_access failed: whether the mailbox is gone or may not be seen any more. One's own: the
// session ends with BYE. That of another account: an untagged NO tells it, once; the next command that works on it is
// refused and leaves it.
[[nodiscard]] bool mailbox_lost(Session& session, const Error& error);

// Messages of the view that are \Recent in this session.
[[nodiscard]] std::uint32_t recent_count(const Selected& selected);

// What the principal may change permanently, by the rights of the grant.
[[nodiscard]] FlagRights flag_rights(const schema::Grant& grant);

// "(\Answered … $Forwarded …)": all flags that messages of the selected mailbox have or may get.
[[nodiscard]] std::vector<std::string> defined_flags(const Session& session, const schema::KeywordTable& keywords);

// "PERMANENTFLAGS (…)" of the selected mailbox, by rights and by the room for further keywords (RFC 9051 7.1).
[[nodiscard]] std::string permanent_flags(const Session& session, const schema::KeywordTable& keywords);

}  // namespace cpm::imap
