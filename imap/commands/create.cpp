// CREATE (RFC 9051 6.3.4) with USE (RFC 6154 3). Missing parents become real mailboxes (design decision 15).
#include "imap/commands/mailbox_argument.h"
#include "imap/grammar/object_id.h"
#include "imap/session/containment.h"
#include "schema/owners.h"

namespace cpm::imap::commands::create {

namespace {

struct CreateCommand {
  std::string mailbox;
  std::vector<std::string> uses;
};

CreateCommand parse(wire::Lexer& lexer, const ParseContext&) {
  CreateCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  if (lexer.peek() == ' ' && lexer.peek_at(1) == '(') {
    lexer.sp();
    lexer.list(false, [&] {
      const std::string name = lexer.word();
      if (name != "USE") lexer.bad("Unknown parameter " + name);
      lexer.sp();
      lexer.list(true, [&] {
        lexer.take('\\');
        command.uses.push_back("\\" + lexer.atom());
      });
    });
  }
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, CreateCommand command) {
  const auto path = mailbox_path(session, command.mailbox, true);
  if (!path) co_return failed(path.error());
  if (*path == "INBOX") co_return no("INBOX exists always", "ALREADYEXISTS");
  if (const auto allowed = may_make(session.services.settings, schema::own_part(*path)); !allowed)
    co_return failed(allowed.error());
  schema::SpecialUse use = schema::SpecialUse::none;
  for (const std::string& name : command.uses) {
    const auto known = schema::special_use_from(name);
    if (!known || *known == schema::SpecialUse::all || *known == schema::SpecialUse::flagged) {
      co_return no("Special use " + name + " cannot be given to a mailbox", "USEATTR");
    }
    if (use != schema::SpecialUse::none && use != *known) co_return no("Only one special use per mailbox", "USEATTR");
    use = *known;
  }
  const schema::Principal who = *session.principal;
  const Limits& limits = session.limits();
  auto work = [who, name = *path, use, &limits](schema::Transaction& tx) {
    return schema::create_mailbox(tx, who, name, use, limits);
  };
  auto created = co_await session.db(std::move(work));
  if (!created) co_return failed(created.error());
  session.name_made(created->path);
  session.names_changed(created->account);
  if (!session.services.registry.has("objectid")) co_return ok("CREATE completed");
  co_return ok("CREATE completed", "MAILBOXID (" + mailbox_object_id(*created) + ")");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "create";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 6154"};
  extension.capabilities = {{"CREATE-SPECIAL-USE"}};
  extension.commands = {command("CREATE", kLoggedIn, kNoFlags, parse, execute)};
  extension.response_codes = {"ALREADYEXISTS", "CANNOT", "LIMIT", "MAILBOXID", "USEATTR"};
  return extension;
}

}  // namespace cpm::imap::commands::create
