// COPY, UID COPY (RFC 9051 6.4.7), MOVE, UID MOVE (RFC 6851) with COPYUID (RFC 4315). COPY is one
// transaction, all or nothing; MOVE of very many messages goes in pieces, each message is here or there (RFC 6851 3.3).
#include "imap/commands/mailbox_argument.h"
#include "imap/commands/transfer.h"
#include "imap/grammar/sequence_set.h"
#include "imap/response/responses.h"
#include "imap/session/containment.h"
#include "imap/session/message_limit.h"
#include "imap/session/pieces.h"

#include <algorithm>
#include <vector>

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
  schema::MailboxRef target;
};

boost::asio::awaitable<Result<Copied>> copy_piece(Session& session, bool move, schema::MailboxRef source,
                                                  std::string target, UidSet wanted) {
  const schema::Principal who = *session.principal;
  const Limits& limits = session.limits();
  auto work = [who, source, target = std::move(target), wanted = std::move(wanted), move, &limits,
               &settings = session.services.settings](schema::Transaction& tx) -> Result<Copied> {
    auto to = schema::authorize(tx, who, target, schema::kInsert);
    if (!to) return to.error().failure == Failure::not_found ? fail(Failure::try_create, "") : to.error();
    auto from = schema::authorize(tx, who, source, source_rights(move));
    if (!from) return from.error();
    Copied copied;
    copied.target = to->ref();
    if (wanted.empty()) return copied;
    CPM_CHECK(may_copy(tx, settings, *from, wanted, *to, move));
    auto result = move ? schema::move_messages(tx, *from, wanted, *to, limits, who.account)
                       : schema::copy_messages(tx, *from, wanted, *to, limits, who.account);
    if (!result) return result.error();
    copied.result = std::move(*result);
    return copied;
  };
  return session.db(std::move(work));
}

boost::asio::awaitable<Done> execute(Session& session, CopyCommand command) {
  const char* done = command.move ? "MOVE completed" : "COPY completed";
  if (command.move && session.selected->read_only) co_return no("The mailbox is selected read-only", "NOPERM");
  auto uids = session.selected->view.resolve(command.set, command.uid, session.saved_search);
  if (!uids) co_return failed(uids.error());
  if (command.move) {
    *uids = within_limit(session, std::move(*uids));
  } else if (auto over = over_save_limit(session, *uids)) {
    co_return *over;
  }
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(fail(Failure::try_create, ""));
  const schema::MailboxRef source = session.selected->view.snapshot().mailbox.ref();
  auto between = co_await between_accounts(session, source, *path);
  if (!between) co_return failed(between.error());
  std::vector<UidSet> pieces{*uids};
  if (command.move) pieces = in_pieces(*uids, false, *between ? kTransferPiece : kPieceMessages);
  schema::CopyResult all;
  session.progress.goal = command.move ? uids->size() : 0;
  for (UidSet& piece : pieces) {
    if (command.move) session.progress.done = all.source.size();
    if (session.terminated) co_return failed(being_ended());
    std::string target = *path;
    Result<Copied> copied = Copied{};
    if (*between && !piece.empty()) {
      auto sent = co_await transfer(session, command.move, source, std::move(target), std::move(piece));
      if (!sent) {
        copied = sent.error();
      } else {
        copied = Copied{std::move(sent->result), sent->target};
      }
    } else {
      copied = co_await copy_piece(session, command.move, source, std::move(target), std::move(piece));
    }
    if (!copied) co_return failed(copied.error());
    if (!copied->result.source.empty()) {
      session.changed(copied->target, copied->result.target);
      if (command.move) {
        session.changed(source);
        session.removed.merge(copied->result.source);
      }
    }
    all.uidvalidity = copied->result.uidvalidity;
    all.source.merge(copied->result.source);
    all.target.merge(copied->result.target);
    all.source_modseq = std::max(all.source_modseq, copied->result.source_modseq);
  }
  if (all.source.empty()) {
    co_return uids->empty() ? ok(std::string(done) + ", no messages")
                            : no("The messages no longer exist", "EXPUNGEISSUED");
  }
  const std::string code =
      "COPYUID " + std::to_string(all.uidvalidity.value) + ' ' + all.source.to_string() + ' ' + all.target.to_string();
  if (!command.move) co_return ok(done, code);
  // Before the EXPUNGE responses, so that the client knows where the messages went (RFC 6851 4.3).
  session.out << Untagged{"OK", code, "Moved"};
  std::string modseq;
  if (session.enabled.condstore) modseq = "HIGHESTMODSEQ " + std::to_string(all.source_modseq.value);
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
