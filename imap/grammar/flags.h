// Flags of STORE and APPEND (RFC 9051 9 flag, flag-list). \Recent is dropped silently: old clients send it. The
// flag-extension \read-report-sent is known (MSS-54); other unknown `\` flags are a syntax error.
// Runs on: any thread.
#pragma once

#include "imap/wire/lexer.h"
#include "schema/message_flags.h"

#include <string>
#include <vector>

namespace cpm::imap::grammar {

[[nodiscard]] schema::FlagSet parse_flag_list(wire::Lexer& lexer);    // "(" … ")"
[[nodiscard]] schema::FlagSet parse_store_flags(wire::Lexer& lexer);  // list, or flags separated by blanks
// A keyword name as in SEARCH KEYWORD: an atom or \read-report-sent. Adds it to `flags`.
void parse_flag(wire::Lexer& lexer, schema::FlagSet& flags);

}  // namespace cpm::imap::grammar
