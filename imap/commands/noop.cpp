// NOOP and CHECK (RFC 9051 6.1.2, RFC 3501 6.4.1): the safe points where a client asks for news.
#include "imap/session/session.h"

namespace cpm::imap::commands::noop {

namespace {

struct NoopCommand {};

NoopCommand parse(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

boost::asio::awaitable<Done> execute(Session&, NoopCommand) { co_return ok("Completed"); }

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "noop";
  extension.rfcs = {"RFC 3501", "RFC 9051"};
  extension.commands = {command("NOOP", kAnyState, kTellChanges | kTellExpunges, parse, execute),
                        command("CHECK", kSelected, kTellChanges | kTellExpunges, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::commands::noop
