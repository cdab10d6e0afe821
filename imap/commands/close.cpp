// CLOSE (RFC 9051 6.4.1): removes \Deleted messages without telling, then leaves the mailbox. UNSELECT only leaves (RFC
// 3691).
#include "imap/session/pieces.h"
#include "imap/session/session.h"

#include <optional>
#include <vector>

namespace cpm::imap::commands::close {

namespace {

struct CloseCommand {
  bool expunge = false;
};

CloseCommand parse_close(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {true};
}

CloseCommand parse_unselect(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {false};
}

boost::asio::awaitable<Result<schema::ExpungeResult>> expunge_piece(Session& session, std::optional<UidSet> only) {
  const schema::Principal who = *session.principal;
  const schema::MailboxRef mailbox = session.selected->view.snapshot().mailbox.ref();
  auto work = [who, mailbox, only = std::move(only)](schema::Transaction& tx) -> Result<schema::ExpungeResult> {
    // Without the right to expunge CLOSE just closes (RFC 4314 4).
    auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    if (!grant->holds(schema::kExpunge)) return schema::ExpungeResult{};
    return schema::expunge(tx, *grant, only);
  };
  auto expunged = co_await session.db(std::move(work));
  if (expunged && !expunged->uids.empty()) session.services.hub.changed(mailbox.account, mailbox.id);
  co_return expunged;
}

// What the session knows to be \Deleted, in pieces when it is much; the rest goes with the last one.
std::vector<UidSet> known_pieces(const Snapshot& known) {
  if (known.mailbox.deleted <= kPieceMessages) return {};
  UidSet deleted;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if ((known.bits[i] & schema::kDeleted) != 0) deleted.add(known.uids[i]);
  }
  return in_pieces(deleted);
}

boost::asio::awaitable<Done> execute(Session& session, CloseCommand command) {
  if (!command.expunge || session.selected->read_only) {
    session.unselect();
    co_return ok(command.expunge ? "CLOSE completed" : "UNSELECT completed");
  }
  std::vector<UidSet> pieces = known_pieces(session.selected->view.snapshot());
  Result<schema::ExpungeResult> expunged = schema::ExpungeResult{};
  const schema::MailboxRef mailbox = session.selected->view.snapshot().mailbox.ref();
  std::size_t changes = 0;
  for (std::size_t i = 0; i <= pieces.size() && expunged; ++i) {
    std::optional<UidSet> piece;
    if (i < pieces.size()) piece = std::move(pieces[i]);
    expunged = co_await expunge_piece(session, std::move(piece));
    if (expunged && !expunged->uids.empty()) ++changes;
    if (session.terminated) co_return failed(being_ended());
  }
  const bool away =
      !expunged && (expunged.error().failure == Failure::unavailable || expunged.error().failure == Failure::in_doubt);
  if (away) co_return failed(expunged.error());
  session.unselect();
  for (std::size_t i = 0; i < changes; ++i) session.changed(mailbox);
  // Gone, or not ours any more: it just closes.
  const bool lost =
      !expunged && (expunged.error().failure == Failure::not_found || expunged.error().failure == Failure::denied);
  if (!expunged && !lost) co_return failed(expunged.error());
  co_return ok("CLOSE completed");  // never with HIGHESTMODSEQ (RFC 7162 3.2.8)
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "close";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 3691"};
  extension.capabilities = {{"UNSELECT"}};
  extension.commands = {command("CLOSE", kSelected, kNoFlags, parse_close, execute),
                        command("UNSELECT", kSelected, kLeavesMailbox, parse_unselect, execute)};
  return extension;
}

}  // namespace cpm::imap::commands::close
