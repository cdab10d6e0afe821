// CATENATE (RFC 4469): the parts of a message that APPEND and REPLACE put together on the server: literals, and what
// URLs name. RFC 3516 and RFC 6855 4 for literal8.
// Runs on: session strand.
#pragma once

#include "imap/extension.h"
#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace cpm::imap {

struct CatenatePart {
  std::string url;     // empty: `text`
  wire::Literal text;  // TEXT
};

// "(" cat-part *(SP cat-part) ")"
[[nodiscard]] std::vector<CatenatePart> parse_catenate(wire::Lexer& lexer, const ParseContext& context);

// The parts' octets, one behind the other, unchanged, in a spool: of what is stored one piece at a time is in memory.
// Nothing is marked \Seen. Failure::bad_url for the first URL that leads nowhere; too_big above Limits::message_octets.
boost::asio::awaitable<Result<wire::Literal>> catenate(Session& session, std::vector<CatenatePart> parts);

}  // namespace cpm::imap
