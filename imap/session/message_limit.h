// How many messages one command may work on (RFC 9738). What is limited works from the greatest UID down, and the
// session notes where it stopped; the dispatcher tells that with the tagged line.
// Runs on: session strand.
#pragma once

#include "imap/session/session.h"

#include <optional>

namespace cpm::imap {

// N of MESSAGELIMIT, and N for COPY and APPEND: that of MESSAGELIMIT or else of SAVELIMIT. 0: no limit.
[[nodiscard]] std::uint64_t message_limit(const Session& session);
[[nodiscard]] std::uint64_t save_limit(const Session& session);

// "MESSAGELIMIT 1000 4711"; without UID when none is known.
[[nodiscard]] std::string message_limit_code(std::uint64_t limit, std::optional<Uid> lowest);

// All of `uids`, or those N with the greatest UIDs.
[[nodiscard]] UidSet within_limit(Session& session, UidSet uids);

// COPY and APPEND are all or nothing: the refusal of so many messages; nothing: they may be done.
[[nodiscard]] std::optional<Done> over_save_limit(const Session& session, const UidSet& uids);
[[nodiscard]] std::optional<Done> over_save_limit(const Session& session, std::uint64_t messages);

}  // namespace cpm::imap
