// DELETE (RFC 9051 6.3.5). A mailbox with inferior names is refused with HASCHILDREN.
#include "imap/commands/mailbox_argument.h"

namespace cpm::imap::commands::remove {

namespace {

struct DeleteCommand {
  std::string mailbox;
};

DeleteCommand parse(wire::Lexer& lexer, const ParseContext&) {
  DeleteCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, DeleteCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(path.error());
  if (*path == "INBOX") co_return no("INBOX cannot be deleted", "CANNOT");
  const schema::Principal who = *session.principal;
  auto work = [who, name = *path](schema::Transaction& tx) -> Result<schema::MailboxRef> {
    auto grant = schema::authorize(tx, who, name, schema::kDeleteMailbox);
    if (!grant) return grant.error();
    const schema::MailboxRef id = grant->ref();
    auto removed = schema::delete_mailbox(tx, *grant);
    if (!removed) return removed.error();
    return id;
  };
  auto deleted = co_await session.db(std::move(work));
  if (!deleted) co_return failed(deleted.error());
  if (session.selected && session.selected->view.snapshot().mailbox.ref() == *deleted) session.unselect();
  session.name_removed(*path);
  session.services.hub.changed(deleted->account, deleted->id);  // sessions that have it selected find it gone
  session.names_changed(deleted->account);
  co_return ok("DELETE completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "remove";
  extension.rfcs = {"RFC 3501", "RFC 9051"};
  extension.commands = {command("DELETE", kLoggedIn, kNoFlags, parse, execute)};
  extension.response_codes = {"HASCHILDREN", "NONEXISTENT"};
  return extension;
}

}  // namespace cpm::imap::commands::remove
