// What a command found out about quotas is told: a warning to the client that reached a level (RFC 9208 4.3.1, MSS-39),
// and to push, once, that something was refused for lack of room (MSS-41).
// Runs on: session strand.
#pragma once

#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

namespace cpm::imap {

// Before the tagged line of a command that ended well or not; `adds_messages`: it is one that does, so that the warning
// may be given without a selected mailbox. Forgets session.quota_news.
boost::asio::awaitable<void> tell_quota(Session& session, bool ended_well, bool adds_messages);

}  // namespace cpm::imap
