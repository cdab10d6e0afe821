// NAMESPACE (RFC 2342): one personal namespace without prefix, mailboxes of others below "Other Users/", those of
// accounts that are shared under a name below "Shared/"; `/` everywhere (schema/owners.h). Exactly this form is what
// deployed clients parse.
#include "imap/response/responses.h"
#include "imap/session/session.h"

namespace cpm::imap::ext::namespaces {

namespace {

struct NamespaceCommand {};

NamespaceCommand parse(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

boost::asio::awaitable<Done> execute(Session& session, NamespaceCommand) {
  session.out << Line{"NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) ((\"Shared/\" \"/\"))"};
  co_return ok("NAMESPACE completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "namespaces";
  extension.rfcs = {"RFC 2342", "RFC 9051"};
  extension.capabilities = {{"NAMESPACE"}};
  extension.commands = {command("NAMESPACE", kLoggedIn, kNoFlags, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::ext::namespaces
