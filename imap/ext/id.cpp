// ID (RFC 2971): the client's name and version go to the log and to `cpmctl session list`; we name the product only.
#include "base/log.h"
#include "imap/response/responses.h"
#include "imap/session/devices.h"
#include "imap/session/session.h"
#include "imap/session/session_list.h"

namespace cpm::imap::ext::id {

namespace {

struct IdCommand {
  std::string client;  // "name/version"
};

constexpr std::size_t kMostPairs = 30;  // RFC 2971 3.3
constexpr std::size_t kLongestField = 30;
constexpr std::size_t kLongestValue = 1024;

IdCommand parse(wire::Lexer& lexer, const ParseContext&) {
  IdCommand command;
  lexer.sp();
  if (lexer.try_word("NIL")) {
    lexer.end();
    return command;
  }
  std::string name;
  std::string version;
  std::size_t pairs = 0;
  lexer.list(true, [&] {
    if (++pairs > kMostPairs) lexer.bad("Too many ID fields");
    const std::string field = wire::upper(lexer.string());
    if (field.size() > kLongestField) lexer.bad("ID field name too long");
    lexer.sp();
    const std::string value = lexer.nstring().value_or("");
    if (value.size() > kLongestValue) lexer.bad("ID value too long");
    if (field == "NAME") name = value;
    if (field == "VERSION") version = value;
  });
  lexer.end();
  command.client = version.empty() ? name : name + '/' + version;
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, IdCommand command) {
  if (!command.client.empty()) {
    session.client_id = command.client.substr(0, 200);
    session.services.sessions.update(session.id, [&](SessionInfo& info) { info.client = session.client_id; });
    if (session.principal) session.renew_actor();
    log::info("imap", "client", {{"session", session.id}, {"id", session.client_id}});
    co_await note_device(session);
  }
  session.out << Line{"ID (\"name\" \"cpmstore\" \"version\" \"" CPMSTORE_VERSION "\")"};
  co_return ok("ID completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "id";
  extension.rfcs = {"RFC 2971"};
  extension.capabilities = {{"ID"}};
  extension.commands = {command("ID", kAnyState, kNoFlags, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::ext::id
