// What others changed in annotations, for sessions that did ENABLE METADATA (RFC 5464 4.4.2) or asked for it by NOTIFY
// (RFC 5465 5.6, 5.7): names only. Like all news it is pulled from the store; ChangeHub, with kAnyMetadata instead of a
// mailbox, only wakes.
// Runs on: session strand.
#pragma once

#include "base/ids.h"
#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

namespace cpm::imap {

// Tells what others changed since the last look; the first look only notes where the store is. A store that is away is
// asked again at the next look. Nothing for sessions that did not ask.
boost::asio::awaitable<void> tell_metadata(Session& session);

}  // namespace cpm::imap
