// ENABLE (RFC 5161). What can be enabled registers itself (Extension::enables); unknown names are ignored. It looks for
// news, so that those of ENABLE METADATA count from here.
#include "imap/response/responses.h"
#include "imap/session/session.h"

namespace cpm::imap::ext::enable {

namespace {

struct EnableCommand {
  std::vector<const EnableSpec*> features;
};

EnableCommand parse(wire::Lexer& lexer, const ParseContext& context) {
  EnableCommand command;
  lexer.sp();
  do {
    if (const EnableSpec* feature = context.registry.enable(lexer.word())) command.features.push_back(feature);
  } while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0' && lexer.try_sp());
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, EnableCommand command) {
  std::string enabled = "ENABLED";
  for (const EnableSpec* feature : command.features) {
    feature->enable(session);
    enabled += ' ' + std::string(feature->name);
  }
  session.out << Line{enabled};
  co_return ok("ENABLE completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "enable";
  extension.rfcs = {"RFC 5161", "RFC 9051"};
  extension.capabilities = {{"ENABLE"}};
  extension.commands = {command("ENABLE", kAuthenticated, kTellChanges, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::ext::enable
