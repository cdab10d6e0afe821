// The protocol trace of one session, for support: commands and answers with passwords, tokens and message content left
// out. On for all sessions by configuration (trace.protocol), for one by `cpmctl session trace` (SessionList::trace).
// Runs on: session strand.
#pragma once

#include "imap/session/session.h"

namespace cpm::imap {

void trace_command(const Session& session, const wire::CommandInput& input);
void trace_answer(const Session& session, const std::string& tag, const Done& done);

// The command as it may be logged: LOGIN and AUTHENTICATE keep their name only, quoted texts and literals their size,
// and what is no command (`known` false, or not "tag SP name") nothing at all.
[[nodiscard]] std::string redact(std::string_view text, bool known);

}  // namespace cpm::imap
