// EXPUNGE (RFC 9051 6.4.3) and UID EXPUNGE (RFC 4315 2.1). The EXPUNGE responses come with the updates that end the
// command. Very many messages are removed in pieces.
#include "imap/grammar/sequence_set.h"
#include "imap/session/message_limit.h"
#include "imap/session/pieces.h"

#include <vector>

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

// What there is to remove, when it must be known before: as much as one command may (RFC 9738 3.1), and all but the
// last of the pieces in which very many messages go.
boost::asio::awaitable<Result<UidSet>> deleted_among(Session& session, const std::optional<UidSet>& only) {
  const View& view = session.selected->view;
  auto latest =
      co_await session.services.snapshots.latest(session.services.db, session.limits().command_deadline,
                                                 *session.principal, view.snapshot().mailbox.ref(), view.shared());
  if (!latest) co_return latest.error();
  const Snapshot& now = **latest;
  UidSet deleted;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if ((now.bits[i] & schema::kDeleted) != 0) deleted.add(now.uids[i]);
  }
  co_return only ? deleted.intersection(*only) : deleted;
}

boost::asio::awaitable<Result<schema::ExpungeResult>> expunge_piece(Session& session, std::optional<UidSet> only) {
  const schema::Principal who = *session.principal;
  const schema::MailboxRef mailbox = session.selected->view.snapshot().mailbox.ref();
  auto work = [who, mailbox, only = std::move(only)](schema::Transaction& tx) -> Result<schema::ExpungeResult> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kExpunge);
    if (!grant) return grant.error();
    return schema::expunge(tx, *grant, only);
  };
  auto expunged = co_await session.db(std::move(work));
  if (expunged && !expunged->uids.empty()) {
    session.changed(mailbox);
    session.removed.merge(expunged->uids);
  }
  co_return expunged;
}

boost::asio::awaitable<Done> execute(Session& session, ExpungeCommand command) {
  if (session.selected->read_only) co_return no("The mailbox is selected read-only", "NOPERM");
  std::optional<UidSet> only;
  if (command.only) {
    auto uids = session.selected->view.resolve(*command.only, true, session.saved_search);
    if (!uids) co_return failed(uids.error());
    only = std::move(*uids);
  }
  const bool many = session.selected->view.exists() > kPieceMessages;
  std::vector<UidSet> pieces;
  if (many || (only && message_limit(session) > 0)) {
    auto deleted = co_await deleted_among(session, only);
    if (!deleted) co_return failed(deleted.error());
    if (only) *deleted = within_limit(session, std::move(*deleted));
    session.progress.goal = deleted->size();
    pieces = in_pieces(*deleted, session.limited_at.has_value());
    if (session.limited_at) only = pieces.back();
    pieces.pop_back();  // the last is what is left, and what was marked meanwhile
  }
  bool some = false;
  std::uint64_t done = 0;
  ModSeq modseq;
  for (std::size_t i = 0; i <= pieces.size(); ++i) {
    if (!pieces.empty()) session.progress.done = done;
    if (session.terminated) co_return failed(being_ended());
    std::optional<UidSet> piece = only;
    if (i < pieces.size()) piece = std::move(pieces[i]);
    auto expunged = co_await expunge_piece(session, std::move(piece));
    if (!expunged) co_return failed(expunged.error());
    if (expunged->uids.empty()) continue;
    some = true;
    done += expunged->uids.size();
    modseq = expunged->highestmodseq;
  }
  std::string code;
  if (some && session.enabled.condstore) code = "HIGHESTMODSEQ " + std::to_string(modseq.value);
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
