// RENAME (RFC 9051 6.3.6): a subtree moves with its root; INBOX gives its messages to the new mailbox and stays.
#include "imap/commands/mailbox_argument.h"
#include "imap/response/responses.h"
#include "imap/session/containment.h"
#include "imap/session/metadata_news.h"
#include "schema/owners.h"

namespace cpm::imap::commands::rename {

namespace {

struct RenameCommand {
  std::string from;
  std::string to;
};

RenameCommand parse(wire::Lexer& lexer, const ParseContext&) {
  RenameCommand command;
  lexer.sp();
  command.from = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.to = grammar::parse_mailbox(lexer);
  lexer.end();
  return command;
}

struct Outcome {
  schema::MailboxRef mailbox;
  std::vector<schema::Renamed> renamed;
};

boost::asio::awaitable<Done> execute(Session& session, RenameCommand command) {
  const auto from = existing_path(session, command.from);
  if (!from) co_return failed(from.error());
  const auto to = mailbox_path(session, command.to, true);
  if (!to) co_return failed(to.error());
  if (*to == "INBOX") co_return no("INBOX exists always", "ALREADYEXISTS");
  const auto allowed = may_move_tree(session.services.settings, schema::own_part(*from), schema::own_part(*to));
  if (!allowed) co_return failed(allowed.error());
  const schema::Principal who = *session.principal;
  const Limits& limits = session.limits();
  auto work = [who, old_name = *from, new_name = *to, &limits](schema::Transaction& tx) -> Result<Outcome> {
    const schema::Rights wanted = old_name == "INBOX" ? schema::kExpunge : schema::kDeleteMailbox;
    auto grant = schema::authorize(tx, who, old_name, wanted);
    if (!grant) return grant.error();
    auto renamed = schema::rename_mailbox(tx, who, *grant, new_name, limits);
    if (!renamed) return renamed.error();
    return Outcome{grant->ref(), std::move(*renamed)};
  };
  auto outcome = co_await session.db(std::move(work));
  if (!outcome) co_return failed(outcome.error());
  for (const schema::Renamed& one : outcome->renamed) {
    if (schema::own_part(one.from) != "INBOX") session.name_removed(one.from);
  }
  for (const schema::Renamed& one : outcome->renamed) session.name_made(one.to);
  session.services.hub.changed(outcome->mailbox.account, outcome->mailbox.id);
  if (*from == "INBOX") session.services.hub.changed(who.account, kAnyMetadata);  // the new one has those of INBOX
  session.names_changed(outcome->mailbox.account);
  if (session.enabled.rev2) {
    for (const schema::Renamed& one : outcome->renamed) {
      ListData data;
      data.path = one.to;
      data.old_name = one.from;
      session.out << data;
    }
  }
  co_return ok("RENAME completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "rename";
  extension.rfcs = {"RFC 3501", "RFC 9051"};
  extension.commands = {command("RENAME", kLoggedIn, kNoFlags, parse, execute)};
  extension.response_codes = {"ALREADYEXISTS", "CANNOT", "NONEXISTENT"};
  return extension;
}

}  // namespace cpm::imap::commands::rename
