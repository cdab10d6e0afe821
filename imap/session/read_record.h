// Reading in the record (schema/audit.h): only where the policy audit.reads says so. What is downloaded is recorded in
// the transaction that reads it, before it leaves.
// Runs on: session strand; record_fetched: db thread.
#pragma once

#include "imap/session/session.h"
#include "schema/fetch.h"

#include <boost/asio/awaitable.hpp>

#include <vector>

namespace cpm::imap {

// After SELECT or EXAMINE. Looks the policy up, now and then. An Error: it could not be recorded, so the mailbox must
// not stay open.
boost::asio::awaitable<Result<void>> record_opened(Session& session, bool examine);

// Octets of these messages are about to leave.
void record_fetched(schema::Transaction& tx, const schema::Grant& grant, const std::vector<schema::MessageRow>& rows);

}  // namespace cpm::imap
