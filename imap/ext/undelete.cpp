// X-CPM-UNDELETE: what was expunged, or deleted with its mailbox, and can be restored; for the owner
// (docs/undelete.md).
//   XUNDELETE LIST [(COUNT n BEFORE cursor MAILBOX mailbox SUBJECT text FROM text MESSAGE-ID text)]
//   XUNDELETE RESTORE (id …) mailbox
//   XUNDELETE RESTORE MAILBOX mailbox
#include "schema/undelete.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/grammar/flags.h"
#include "imap/mime/casemap.h"
#include "imap/response/responses.h"

#include <charconv>

namespace cpm::imap::ext::undelete {

namespace {

constexpr std::uint32_t kMostAtOnce = 1000;
constexpr char kNoTarget[] = "no such mailbox";

struct UndeleteCommand {
  bool list = false;
  schema::RemovedFilter filter;
  std::string mailbox;  // as on the wire: to list, to restore to, or to restore
  bool whole = false;
  std::vector<schema::RemovedId> ids;
};

std::string cursor_text(const schema::RemovedMessage& last) {
  return std::to_string(last.removed_at) + '/' + schema::removed_id_text(last.id);
}

std::optional<std::pair<std::int64_t, schema::RemovedId>> cursor_from(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::int64_t at = 0;
  const auto read = std::from_chars(text.data(), text.data() + slash, at);
  const auto id = schema::removed_id_from(text.substr(slash + 1));
  if (read.ec != std::errc() || read.ptr != text.data() + slash || !id) return std::nullopt;
  return std::pair{at, *id};
}

// As the stored header text is normalised.
std::string searched(wire::Lexer& lexer) {
  std::string out;
  mime::append_casemap(out, lexer.astring());
  return out;
}

void parse_option(wire::Lexer& lexer, UndeleteCommand& command) {
  const std::string name = lexer.word();
  lexer.sp();
  if (name == "COUNT") {
    const std::uint32_t count = lexer.nz_number();
    if (count > kMostAtOnce) lexer.bad("COUNT is at most " + std::to_string(kMostAtOnce));
    command.filter.limit = count;
  } else if (name == "BEFORE") {
    command.filter.after = cursor_from(lexer.astring());
    if (!command.filter.after) lexer.bad("BEFORE takes what XCURSOR said");
  } else if (name == "MAILBOX") {
    command.mailbox = grammar::parse_mailbox(lexer);
  } else if (name == "SUBJECT") {
    command.filter.subject = searched(lexer);
  } else if (name == "FROM") {
    command.filter.from = searched(lexer);
  } else if (name == "MESSAGE-ID") {
    command.filter.message_id = lexer.astring();
  } else {
    lexer.bad("Unknown option " + name);
  }
}

UndeleteCommand parse(wire::Lexer& lexer, const ParseContext&) {
  UndeleteCommand command;
  command.filter.limit = 100;
  lexer.sp();
  const std::string verb = lexer.word();
  if (verb == "LIST") {
    command.list = true;
    if (lexer.try_sp()) lexer.list(false, [&] { parse_option(lexer, command); });
    lexer.end();
    return command;
  }
  if (verb != "RESTORE") lexer.bad("Expected LIST or RESTORE");
  lexer.sp();
  if (lexer.peek() == '(') {
    lexer.list(false, [&] {
      const auto id = schema::removed_id_from(lexer.astring());
      if (!id) lexer.bad("Not an identifier that LIST said");
      if (command.ids.size() >= kMostAtOnce) lexer.bad("At most " + std::to_string(kMostAtOnce) + " at once");
      command.ids.push_back(*id);
    });
  } else {
    if (!lexer.try_word("MAILBOX")) lexer.bad("Expected identifiers or MAILBOX");
    command.whole = true;
  }
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.end();
  return command;
}

std::optional<std::string> or_nil(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

void write(wire::Encoder& out, const schema::RemovedMessage& one) {
  const auto at = std::chrono::sys_seconds(std::chrono::seconds(one.removed_at / 1'000'000));
  out.raw("* XUNDELETE (ID ").raw(schema::removed_id_text(one.id)).raw(" MAILBOX ").mailbox_quoted(one.path);
  out.raw(" UID ").number(one.id.uid).raw(" REMOVED ").date_time(at);
  out.raw(one.whole ? " WITH-MAILBOX" : " EXPUNGED").raw(" BY ").nstring(or_nil(one.removed_by));
  out.raw(" INTERNALDATE ").date_time(one.internal_date).raw(" RFC822.SIZE ").number(one.size);
  out.raw(" ENVELOPE ").raw(one.envelope).raw(")").crlf();
}

boost::asio::awaitable<Done> list(Session& session, UndeleteCommand command) {
  const std::size_t wanted = command.filter.limit;
  ++command.filter.limit;  // one more says whether there is more
  auto work = [who = *session.principal, filter = command.filter](schema::Transaction& tx) {
    return schema::list_removed(tx, who, filter);
  };
  auto page = co_await session.db(std::move(work), schema::Mode::reads);
  if (!page) co_return failed(page.error());
  const bool more = page->size() > wanted;
  if (more) page->pop_back();
  wire::Encoder out = session.out.encoder();
  for (const schema::RemovedMessage& one : *page) {
    write(out, one);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
  }
  co_return ok("XUNDELETE completed", more ? "XCURSOR " + cursor_text(page->back()) : "");
}

boost::asio::awaitable<Done> restore(Session& session, UndeleteCommand command, std::string path) {
  auto work = [who = *session.principal, path, command = std::move(command),
               &limits = session.limits()](schema::Transaction& tx) -> Result<schema::Restored> {
    if (command.whole) return schema::restore_mailbox(tx, who, path, limits);
    auto grant = schema::authorize(tx, who, path, schema::kInsert);
    if (!grant && grant.error().failure == Failure::not_found) return fail(Failure::not_found, kNoTarget);
    if (!grant) return grant.error();
    return schema::restore_messages(tx, who, *grant, command.ids, limits);
  };
  auto restored = co_await session.db(std::move(work));
  if (!restored && restored.error().failure == Failure::not_found) {  // of the messages, of the mailbox, or where to?
    const std::string& text = restored.error().text;
    co_return no(text == kNoTarget ? "No such mailbox" : text, "NONEXISTENT");
  }
  if (!restored) co_return failed(restored.error());
  session.name_made(restored->path);
  session.changed(schema::MailboxRef{session.principal->account, restored->mailbox}, restored->uids);
  session.names_changed();
  for (const AccountId reader : restored->shared) session.services.hub.changed(reader, kNamesChanged);
  co_return ok("XUNDELETE completed, " + std::to_string(restored->messages) + " messages restored",
               "XRESTORED " + std::to_string(restored->uidvalidity.value) + ' ' + restored->uids.to_string());
}

boost::asio::awaitable<Done> execute(Session& session, UndeleteCommand command) {
  const schema::Role role = session.principal->role;
  if (role == schema::Role::deposit) co_return no("What was removed belongs to the owner", "NOPERM");
  std::string path;
  if (!command.mailbox.empty()) {
    auto named = mailbox_path(session, command.mailbox);
    if (!named) co_return failed(named.error());
    path = std::move(*named);
  }
  Done done;
  if (command.list) {
    command.filter.mailbox = std::move(path);
    done = co_await list(session, std::move(command));
  } else {
    done = co_await restore(session, std::move(command), std::move(path));
  }
  co_return done;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "undelete";
  extension.rfcs = {"X-CPM-UNDELETE"};
  extension.capabilities = {{"X-CPM-UNDELETE"}};
  extension.commands = {command("XUNDELETE", kLoggedIn, kTellChanges, parse, execute)};
  extension.response_codes = {"XCURSOR", "XRESTORED", "NOPERM", "NONEXISTENT", "OVERQUOTA"};
  return extension;
}

}  // namespace cpm::imap::ext::undelete
