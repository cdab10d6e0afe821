// X-CPM-HISTORIES: which mailboxes are conversation and session histories, with their counts and the session info and
// group state objects in them. XHISTORIES reference pattern, as LIST; the grammar is in docs/conversations.md.
#include "imap/cpm/history.h"
#include "imap/grammar/list_pattern.h"
#include "imap/session/session.h"

namespace cpm::imap::ext::cpm_histories {

namespace {

struct HistoriesCommand {
  std::string reference, pattern;
};

HistoriesCommand parse(wire::Lexer& lexer, const ParseContext&) {
  HistoriesCommand command;
  lexer.sp();
  command.reference = lexer.astring();
  lexer.sp();
  command.pattern = lexer.list_mailbox();
  lexer.end();
  return command;
}

void write_uid(wire::Encoder& out, std::string_view name, Uid uid) {
  out.sp().raw(name).sp();
  if (uid.value > 0) {
    out.number(uid.value);
  } else {
    out.raw("NIL");
  }
}

void write_text(wire::Encoder& out, std::string_view name, const std::string& text) {
  out.sp().raw(name).sp().nstring(text.empty() ? std::nullopt : std::optional(text));
}

void write(wire::Encoder& out, const cpm_objects::History& history) {
  const bool session = history.kind == cpm_objects::HistoryKind::session;
  const schema::HistoryRow& row = history.row;
  out.raw("* XHISTORY ").mailbox_quoted(row.path).raw(session ? " (KIND SESSION" : " (KIND CONVERSATION");
  out.raw(" MESSAGES ").number(row.messages).raw(" UNSEEN ").number(row.unseen);
  out.raw(" SESSIONS ").number(history.sessions).raw(" UIDVALIDITY ").number(row.uidvalidity.value);
  write_uid(out, "SESSIONINFO", row.session_info);
  write_uid(out, "GROUPSTATE", row.group_state);
  write_text(out, "CONVERSATION", row.conversation);
  write_text(out, "SUBJECT", row.subject);
  write_text(out, "TYPE", row.session_type.empty() ? row.group_type : row.session_type);
  write_text(out, "FOCUS", row.focus);
  out.raw(")").crlf();
}

boost::asio::awaitable<Done> execute(Session& session, HistoriesCommand command) {
  const grammar::ListPattern pattern(command.reference, command.pattern, session.utf8());
  auto work = [who = *session.principal](schema::Transaction& tx) { return schema::list_histories(tx, who); };
  auto rows = co_await session.db(std::move(work), schema::Mode::reads);
  if (!rows) co_return failed(rows.error());
  const auto all = cpm_objects::histories(std::move(*rows), session.services.settings.history_roots);
  wire::Encoder out = session.out.encoder();
  for (const cpm_objects::History& one : all) {
    if (!pattern.matches(one.row.path)) continue;
    write(out, one);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
  }
  co_return ok("XHISTORIES completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "cpm_histories";
  extension.rfcs = {"X-CPM-HISTORIES"};
  extension.requires_names = {"list"};
  extension.capabilities = {{"X-CPM-HISTORIES"}};
  extension.commands = {command("XHISTORIES", kLoggedIn, kTellChanges, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::ext::cpm_histories
