// CONTEXT=SEARCH and CONTEXT=SORT (RFC 5267 4): the options UPDATE, CONTEXT and PARTIAL of SEARCH, SORT and ESEARCH,
// and CANCELUPDATE. The commands take the words themselves (search_options.h); without this extension they refuse them.
// CONTEXT is a hint that nothing follows from: results are the same with and without it (4.2, 4.5).
#include "imap/extension.h"
#include "imap/registry.h"
#include "imap/session/contexts.h"

#include <string>
#include <vector>

namespace cpm::imap::ext::context {

namespace {

struct CancelCommand {
  std::vector<std::string> tags;
};

CancelCommand parse(wire::Lexer& lexer, const ParseContext& context) {
  CancelCommand command;
  do {
    lexer.sp();
    if (command.tags.size() >= context.limits.search_contexts) lexer.bad("More tags than there can be contexts");
    command.tags.push_back(lexer.string());
  } while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0');
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, CancelCommand command) {
  if (!cancel_updates(session, command.tags)) co_return no("No search with that tag is kept up to date", "CANNOT");
  co_return ok("No further updates");
}

bool sorts(const Session& session) {
  return session.services.registry.has("sort") && session.services.registry.has("esort");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "context";
  extension.rfcs = {"RFC 5267"};
  extension.requires_names = {"search"};
  extension.capabilities = {{"CONTEXT=SEARCH"}, {"CONTEXT=SORT", sorts}};
  extension.commands = {command("CANCELUPDATE", kSelected, kTellChanges | kTellExpunges, parse, execute)};
  extension.response_codes = {"NOUPDATE"};
  return extension;
}

}  // namespace cpm::imap::ext::context
