// STATUS items as STATUS and LIST … RETURN (STATUS …) share them (RFC 9051 6.3.11, RFC 5819).
// Runs on: session strand.
#pragma once

#include "imap/response/responses.h"
#include "imap/session/session.h"

#include <vector>

namespace cpm::imap {

using StatusItems = std::vector<const StatusItemSpec*>;

[[nodiscard]] StatusItems parse_status_items(wire::Lexer& lexer, const ParseContext& context);
// In the order asked; asking for HIGHESTMODSEQ enables CONDSTORE (RFC 7162 3.1.2).
[[nodiscard]] StatusData status_of(Session& session, const StatusItems& items, const schema::MailboxRow& mailbox);

}  // namespace cpm::imap
