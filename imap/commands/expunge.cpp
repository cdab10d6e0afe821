// EXPUNGE (RFC 9051 6.4.3) and UID EXPUNGE (RFC 4315 2.1). The EXPUNGE responses come with the updates that end the
// command.
#include "imap/grammar/sequence_set.h"
#include "imap/session/session.h"

namespace cpm::imap::commands::expunge {

namespace {

struct ExpungeCommand {
  std::optional<grammar::SequenceSet> only;
};

ExpungeCommand parse_expunge(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

ExpungeCommand parse_uid_expunge(wire::Lexer& lexer, const ParseContext&) {
  ExpungeCommand command;
  lexer.sp();
  command.only = grammar::parse_sequence_set(lexer);
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, ExpungeCommand command) {
  if (session.selected->read_only) co_return no("The mailbox is selected read-only", "NOPERM");
  std::optional<UidSet> only;
  if (command.only) {
    auto uids = session.selected->view.resolve(*command.only, true, session.saved_search);
    if (!uids) co_return failed(uids.error());
    only = std::move(*uids);
  }
  const schema::Principal who = *session.principal;
  const MailboxId mailbox = session.selected->view.snapshot().mailbox.id;
  auto work = [who, mailbox, only](schema::Transaction& tx) -> Result<schema::ExpungeResult> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kExpunge);
    if (!grant) return grant.error();
    return schema::expunge(tx, *grant, only);
  };
  auto expunged = co_await session.db(std::move(work));
  if (!expunged) co_return failed(expunged.error());
  std::string code;
  if (!expunged->uids.empty()) {
    session.services.hub.changed(who.account, mailbox);
    if (session.enabled.condstore) code = "HIGHESTMODSEQ " + std::to_string(expunged->highestmodseq.value);
  }
  co_return ok("EXPUNGE completed", code);
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "expunge";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 4315"};
  constexpr unsigned kTell = kTellChanges | kTellExpunges;
  extension.commands = {command("EXPUNGE", kSelected, kTell, parse_expunge, execute),
                        command("UID EXPUNGE", kSelected, kTell, parse_uid_expunge, execute)};
  return extension;
}

}  // namespace cpm::imap::commands::expunge
