// LOGOUT (RFC 9051 6.1.3). The dispatcher sends BYE before the tagged line.
#include "imap/session/session.h"

namespace cpm::imap::commands::logout {

namespace {

struct LogoutCommand {};

LogoutCommand parse(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

boost::asio::awaitable<Done> execute(Session&, LogoutCommand) {
  Done done = ok("LOGOUT completed");
  done.next = Done::Next::logout;
  co_return done;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "logout";
  extension.rfcs = {"RFC 3501", "RFC 9051"};
  extension.commands = {command("LOGOUT", kAnyState, kNoFlags, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::commands::logout
