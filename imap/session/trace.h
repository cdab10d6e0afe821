// The protocol trace of one session, for support: commands and answers with passwords, tokens and message content left
// out. On for all sessions by configuration (trace.protocol), for one by `cpmctl session trace` (SessionList::trace).
// Runs on: session strand.
#pragma once

#include "imap/session/session.h"

namespace cpm::imap {

void trace_command(Session& session, const wire::CommandInput& input);
// The tag is shown when trace_command() took it for one: what a client sends at the wrong time may be a password.
void trace_answer(Session& session, const std::string& tag, const Done& done);

// The command as it may be logged: LOGIN and AUTHENTICATE keep their name only, quoted texts their size; what follows
// the first literal is left out, because a client that announced too little sends content there; what is no command
// (`known` false, or not "tag SP name") is left out as a whole.
[[nodiscard]] std::string redact(std::string_view text, bool known);

}  // namespace cpm::imap
