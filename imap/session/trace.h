// The protocol trace of one session, for support: commands and answers with passwords, tokens and message content left
// out. On for all sessions by configuration (trace.protocol), for one by `cpmctl session trace` (SessionList::trace).
// Runs on: session strand.
#pragma once

#include "imap/session/session.h"

namespace cpm::imap {

// `accepted`: the line was parsed as a command of `spec`. Of any other only the size is shown, and the command's name
// if it has one: what a client sends at the wrong time may be a password or a piece of a message.
void trace_command(Session& session, std::string_view text, const CommandSpec* spec, bool accepted);
// The tag and the text are shown when the command was.
void trace_answer(Session& session, const std::string& tag, const Done& done);

// An accepted command as it may be logged: LOGIN and AUTHENTICATE keep their name only, quoted texts their size, URLs
// lose their token; what follows the first literal is left out, because a client that announced too little sends
// content there.
[[nodiscard]] std::string redact(std::string_view text);

}  // namespace cpm::imap
