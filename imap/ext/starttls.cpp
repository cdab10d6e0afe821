// STARTTLS: RFC 9051 6.2.1. The dispatcher shakes hands after the tagged OK and forgets what was sent in the clear.
#include "imap/extension.h"
#include "imap/session/session.h"

namespace cpm::imap::ext::starttls {

namespace {

struct StartTls {};

StartTls parse(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

boost::asio::awaitable<Done> execute(Session& session, StartTls) {
  if (session.stream->tls() != nullptr) co_return bad("TLS is active already");
  if (!session.stream->tls_available()) co_return no("TLS is not available", "CANNOT");
  Done done = ok("Begin TLS negotiation now");
  done.next = Done::Next::start_tls;
  co_return done;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "starttls";
  extension.rfcs = {"RFC 9051", "RFC 3501"};
  extension.capabilities = {{"STARTTLS", [](const Session& session) {
                               return !session.principal && session.stream->tls() == nullptr &&
                                      session.stream->tls_available();
                             }}};
  extension.commands = {command<StartTls>("STARTTLS", kNotAuthenticated, kBeforeLogin, &parse, &execute)};
  return extension;
}

}  // namespace cpm::imap::ext::starttls
