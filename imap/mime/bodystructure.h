// ENVELOPE, BODY and BODYSTRUCTURE as ready IMAP octets (RFC 9051 7.5.2, grammar `envelope` and `body`), computed once
// at deposit. Strings that a quoted string cannot carry become literals; NUL becomes "?".
// Runs on: any thread.
#pragma once

#include "imap/mime/envelope.h"
#include "imap/mime/structure.h"

#include <string>
#include <string_view>

namespace cpm::imap::mime {

// "(date subject from sender reply-to to cc bcc in-reply-to message-id)"
[[nodiscard]] std::string envelope_bytes(const Envelope& envelope);

// BODYSTRUCTURE with all extension data, or BODY without any.
[[nodiscard]] std::string body_structure_bytes(const Part& message, bool extended);

// Appends "quoted" or {n}CRLF literal.
void append_imap_string(std::string& out, std::string_view text);

}  // namespace cpm::imap::mime
