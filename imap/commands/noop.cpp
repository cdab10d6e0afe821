// NOOP and CHECK (RFC 9051 6.1.2, RFC 3501 6.4.1): the safe points where a client asks for news.
#include "imap/session/notify.h"

namespace cpm::imap::commands::noop {

namespace {

struct NoopCommand {};

NoopCommand parse(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

// The selected mailbox's news come with the end of the command, as always.
boost::asio::awaitable<Done> execute(Session& session, NoopCommand) {
  auto told = co_await tell_others(session);
  static_cast<void>(told);  // a look that failed is made again
  co_return ok("Completed");
}

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
