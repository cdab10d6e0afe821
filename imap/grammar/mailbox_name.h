// Mailbox names: wire spelling ⇄ canonical path (UTF-8, `/`, "INBOX" in capitals as the whole name or first component).
// RFC 9051 5.1, RFC 6855 3. LIST patterns: list_pattern.h.
// Runs on: any thread.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "imap/grammar/list_pattern.h"
#include "imap/wire/lexer.h"

#include <string>
#include <string_view>

namespace cpm::imap::grammar {

// Failure::invalid (CANNOT) for empty components, control characters, line and paragraph separators, `%` and `*` in
// `fresh` names, undecodable text; Failure::limit when too long or too deep. `fresh`: the name is to be created; one
// trailing delimiter is then dropped. Without `utf8` a 7-bit name is modified UTF-7; one with 8-bit octets is UTF-8 all
// the same, which a server that offers UTF8=ACCEPT must take (RFC 6855 3).
[[nodiscard]] Result<std::string> canonical_mailbox(std::string_view wire_name, bool utf8, bool fresh,
                                                    const Limits& limits);

// astring → wire spelling, not yet canonical (a bad name is NO, not BAD: commands decide in execute).
[[nodiscard]] std::string parse_mailbox(wire::Lexer& lexer);

}  // namespace cpm::imap::grammar
