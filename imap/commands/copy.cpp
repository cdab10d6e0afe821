// COPY, UID COPY (RFC 9051 6.4.7), MOVE, UID MOVE (RFC 6851) with COPYUID (RFC 4315). One transaction: all or nothing.
#include "imap/commands/mailbox_argument.h"
#include "imap/grammar/sequence_set.h"
#include "imap/response/responses.h"

namespace cpm::imap::commands::copy {

namespace {

struct CopyCommand {
  bool uid = false;
  bool move = false;
  grammar::SequenceSet set;
  std::string mailbox;
};

template <bool kUid, bool kMove>
CopyCommand parse(wire::Lexer& lexer, const ParseContext&) {
  CopyCommand command;
  command.uid = kUid;
  command.move = kMove;
  lexer.sp();
  command.set = grammar::parse_sequence_set(lexer);
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.end();
  return command;
}

struct Copied {
  schema::CopyResult result;
  MailboxId target;
};

boost::asio::awaitable<Done> execute(Session& session, CopyCommand command) {
  const char* done = command.move ? "MOVE completed" : "COPY completed";
  if (command.move && session.selected->read_only) co_return no("The mailbox is selected read-only", "NOPERM");
  const auto uids = session.selected->view.resolve(command.set, command.uid, session.saved_search);
  if (!uids) co_return failed(uids.error());
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(fail(Failure::try_create, ""));
  const schema::Principal who = *session.principal;
  const MailboxId source = session.selected->view.snapshot().mailbox.id;
  const Limits& limits = session.limits();
  auto work = [who, source, target = *path, wanted = *uids, move = command.move,
               &limits](schema::Transaction& tx) -> Result<Copied> {
    auto to = schema::authorize(tx, who, target, schema::kInsert);
    if (!to) return to.error().failure == Failure::not_found ? fail(Failure::try_create, "") : to.error();
    auto from = schema::authorize(tx, who, source,
                                  move ? schema::kRead | schema::kExpunge | schema::kDeleteMessage : schema::kRead);
    if (!from) return from.error();
    Copied copied;
    copied.target = to->mailbox().id;
    if (wanted.empty()) return copied;
    auto result = move ? schema::move_messages(tx, *from, wanted, *to, limits)
                       : schema::copy_messages(tx, *from, wanted, *to, limits);
    if (!result) return result.error();
    copied.result = std::move(*result);
    return copied;
  };
  auto copied = co_await session.db(std::move(work));
  if (!copied) co_return failed(copied.error());
  const schema::CopyResult& result = copied->result;
  if (result.source.empty()) {
    co_return uids->empty() ? ok(std::string(done) + ", no messages")
                            : no("The messages no longer exist", "EXPUNGEISSUED");
  }
  session.services.hub.changed(who.account, copied->target);
  if (command.move) session.services.hub.changed(who.account, source);
  const std::string code = "COPYUID " + std::to_string(result.uidvalidity.value) + ' ' + result.source.to_string() +
                           ' ' + result.target.to_string();
  if (!command.move) co_return ok(done, code);
  // Before the EXPUNGE responses, so that the client knows where the messages went (RFC 6851 4.3).
  session.out << Untagged{"OK", code, "Moved"};
  std::string modseq;
  if (session.enabled.condstore) modseq = "HIGHESTMODSEQ " + std::to_string(result.source_modseq.value);
  co_return ok(done, modseq);
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "copy";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 4315", "RFC 6851"};
  extension.capabilities = {{"UIDPLUS"}, {"MOVE"}};
  constexpr unsigned kTell = kTellChanges | kTellExpunges;
  extension.commands = {command("COPY", kSelected, kUsesMsn | kTell, parse<false, false>, execute),
                        command("UID COPY", kSelected, kTell, parse<true, false>, execute),
                        command("MOVE", kSelected, kUsesMsn | kTell, parse<false, true>, execute),
                        command("UID MOVE", kSelected, kTell, parse<true, true>, execute)};
  extension.response_codes = {"COPYUID", "TRYCREATE", "OVERQUOTA", "EXPUNGEISSUED"};
  return extension;
}

}  // namespace cpm::imap::commands::copy
