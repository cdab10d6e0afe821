// CAPABILITY (RFC 9051 6.1.1). The base protocol's own capability names are here too.
#include "imap/response/responses.h"
#include "imap/session/session.h"

namespace cpm::imap::commands::capability {

namespace {

struct CapabilityCommand {};

CapabilityCommand parse(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

boost::asio::awaitable<Done> execute(Session& session, CapabilityCommand) {
  session.out << Line{"CAPABILITY " + session.services.registry.capabilities(session)};
  co_return ok("CAPABILITY completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "capability";
  extension.rfcs = {"RFC 3501", "RFC 9051"};
  extension.capabilities = {{"IMAP4rev1"}};
  extension.commands = {command("CAPABILITY", kAnyState, kNoFlags, parse, execute)};
  extension.response_codes = {"CAPABILITY"};
  return extension;
}

}  // namespace cpm::imap::commands::capability
