// Resynchronisation (RFC 7162 3.2): what vanished while a client was away. The store forgets no expunge, so the answer
// is exact however old the MODSEQ is.
// Runs on: session strand.
#pragma once

#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

namespace cpm::imap {

// UIDs of `among` that were expunged after `since` and are not in the view: those that are, and only those, are told by
// VANISHED without EARLIER (RFC 7162 3.2.10).
// REQUIRES: a mailbox is selected.
boost::asio::awaitable<Result<UidSet>> vanished_since(Session& session, UidSet among, ModSeq since);

}  // namespace cpm::imap
