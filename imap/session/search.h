// Search evaluation. Leaves of the snapshot are answered at once; of the others the cheapest is asked of the store for
// the messages that are still undecided, until all are decided. Long searches go in pages and yield between them.
// Runs on: session strand; statements on db threads.
#pragma once

#include "imap/grammar/search_program.h"
#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

namespace cpm::imap {

// All: REQUIRES: stored filters were put in place (filters.h).
//
// The UIDs of the session's view that match, on the newest flags of the store. Ghosts (expunged, not yet told) never
// match.
struct SearchOutcome {
  UidSet uids;
  ModSeq highest_modseq;                     // greatest MODSEQ among them
  std::shared_ptr<const Snapshot> snapshot;  // what flags were taken from
  // With FUZZY (RFC 6203): 1 to 100 for each of `uids`, by rising UID; otherwise empty.
  std::vector<std::uint8_t> relevancy;
};
// `limited`: as many messages are looked at as one command may (session/message_limit.h).
boost::asio::awaitable<Result<SearchOutcome>> search(Session& session, const SearchNode& program, bool limited = true);

// Those of `candidates` that match in `latest`, a newer picture of the selected mailbox to which the view will move.
// REQUIRES: the program has no message numbers and no `$`.
boost::asio::awaitable<Result<UidSet>> search_among(Session& session, std::shared_ptr<const Snapshot> latest,
                                                    const SearchNode& program, const UidSet& candidates);

// The same in a mailbox that is not selected: message numbers are those of its newest state, \Recent is what a SELECT
// would show, `$` names nothing. Failure::not_found, denied.
boost::asio::awaitable<Result<SearchOutcome>> search_in(Session& session, schema::MailboxRef mailbox,
                                                        const SearchNode& program);

}  // namespace cpm::imap
