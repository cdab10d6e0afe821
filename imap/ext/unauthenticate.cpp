// UNAUTHENTICATE: RFC 8437. A trusted peer uses one connection for one user after another. Deflate cannot be taken off
// a running connection here, so the extension is neither shown nor accepted while COMPRESS is active (section 3: BAD
// when not advertised).
#include "imap/extension.h"
#include "imap/session/session.h"

namespace cpm::imap::ext::unauthenticate {

namespace {

struct Unauthenticate {};

Unauthenticate parse(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

boost::asio::awaitable<Done> execute(Session& session, Unauthenticate) {
  if (session.stream->compressed()) co_return bad("UNAUTHENTICATE is not possible while compression is active");
  std::string why = "UNAUTHENTICATE";
  co_await session.record_logout(std::move(why));
  session.log_out();
  co_return ok("Logged out, not authenticated now");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "unauthenticate";
  extension.rfcs = {"RFC 8437"};
  extension.capabilities = {{"UNAUTHENTICATE", [](const Session& session) {
                               return session.principal.has_value() && !session.stream->compressed();
                             }}};
  extension.commands = {command<Unauthenticate>("UNAUTHENTICATE", kLoggedIn, kNoFlags, &parse, &execute)};
  return extension;
}

}  // namespace cpm::imap::ext::unauthenticate
