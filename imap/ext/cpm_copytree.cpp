// X-CPM-COPYTREE: XCOPYTREE from to copies a whole conversation or session history: a mailbox with all below it, all or
// nothing, within the quota (MSS-15; docs/conversations.md). Moving one is RENAME.
#include "imap/commands/mailbox_argument.h"
#include "imap/response/responses.h"
#include "imap/session/containment.h"
#include "imap/session/metadata_news.h"
#include "schema/copy_tree.h"

namespace cpm::imap::ext::cpm_copytree {

namespace {

struct CopyTreeCommand {
  std::string from, to;
};

CopyTreeCommand parse(wire::Lexer& lexer, const ParseContext&) {
  CopyTreeCommand command;
  lexer.sp();
  command.from = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.to = grammar::parse_mailbox(lexer);
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, CopyTreeCommand command) {
  const auto from = existing_path(session, command.from);
  if (!from) co_return failed(from.error());
  const auto to = mailbox_path(session, command.to, true);
  if (!to) co_return failed(to.error());
  if (*to == "INBOX") co_return no("INBOX exists always", "ALREADYEXISTS");
  const auto allowed = may_move_tree(session.services.settings, *from, *to);
  if (!allowed) co_return failed(allowed.error());
  auto work = [who = *session.principal, from = *from, to = *to, &limits = session.limits()](schema::Transaction& tx) {
    return schema::copy_tree(tx, who, from, to, limits);
  };
  auto copied = co_await session.db(std::move(work));
  if (!copied) co_return failed(copied.error());
  for (const schema::CopiedMailbox& one : copied->mailboxes) session.name_made(one.to_path);
  session.services.hub.changed(session.principal->account, kAnyMetadata);
  session.names_changed();
  co_return ok(std::to_string(copied->messages) + " messages copied to " + std::to_string(copied->mailboxes.size()) +
               " mailboxes");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "cpm_copytree";
  extension.rfcs = {"X-CPM-COPYTREE"};
  extension.capabilities = {{"X-CPM-COPYTREE"}};
  extension.commands = {command("XCOPYTREE", kLoggedIn, kTellChanges, parse, execute)};
  extension.response_codes = {"NONEXISTENT", "ALREADYEXISTS", "OVERQUOTA", "CANNOT"};
  return extension;
}

}  // namespace cpm::imap::ext::cpm_copytree
