// X-CPM-AUDIT: the owner reads the record of their own store, a page at a time, the newest first.
//   XAUDIT [(COUNT n BEFORE cursor COMMAND name MAILBOX mailbox UID uid)]
// The grammar and the answer are in docs/audit.md. Depositing services are refused: they act for the user, but the
// record is not theirs.
#include "schema/audit.h"
#include "imap/commands/mailbox_argument.h"
#include "schema/accounts.h"

#include <algorithm>
#include <charconv>

namespace cpm::imap::ext::audit {

namespace {

constexpr std::uint32_t kMostAtOnce = 1000;

struct AuditQuery {
  schema::AuditFilter filter;
  std::string mailbox;  // as on the wire; empty: all
};

// "1790000000000000-12": microseconds since 1970 and the number of the last one told.
std::string cursor_text(const schema::AuditCursor& at) { return std::to_string(at.at) + '-' + std::to_string(at.n); }

std::optional<schema::AuditCursor> cursor_from(std::string_view text) {
  schema::AuditCursor cursor;
  constexpr std::int64_t kYear9999 = 253'402'300'799'000'000;
  const char* const end = text.data() + text.size();
  const auto at = std::from_chars(text.data(), end, cursor.at);
  if (at.ec != std::errc() || at.ptr == end || *at.ptr != '-' || cursor.at < 0 || cursor.at > kYear9999)
    return std::nullopt;
  const auto n = std::from_chars(at.ptr + 1, end, cursor.n);
  if (n.ec != std::errc() || n.ptr != end) return std::nullopt;
  return cursor;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

void parse_option(wire::Lexer& lexer, AuditQuery& query) {
  const std::string name = lexer.word();
  lexer.sp();
  if (name == "COUNT") {
    const std::uint32_t count = lexer.nz_number();
    if (count > kMostAtOnce) lexer.bad("COUNT is at most " + std::to_string(kMostAtOnce));
    query.filter.limit = count;
  } else if (name == "BEFORE") {
    query.filter.after = cursor_from(lexer.astring());
    if (!query.filter.after) lexer.bad("BEFORE takes what XCURSOR said");
  } else if (name == "COMMAND") {
    const auto command = schema::audit_command_from(lower(lexer.astring()));
    if (!command) lexer.bad("Nothing of this name is recorded");
    query.filter.commands.push_back(*command);
  } else if (name == "MAILBOX") {
    query.mailbox = grammar::parse_mailbox(lexer);
  } else if (name == "UID") {
    query.filter.uid = lexer.nz_number();
  } else {
    lexer.bad("Unknown option " + name);
  }
}

AuditQuery parse(wire::Lexer& lexer, const ParseContext&) {
  AuditQuery query;
  query.filter.limit = 100;
  query.filter.newest_first = true;
  if (lexer.try_sp()) lexer.list(false, [&] { parse_option(lexer, query); });
  lexer.end();
  return query;
}

std::optional<std::string> or_nil(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

// A session of the owner, of a service for them, or one that tried to be that: its place is told. From where a reader
// of a shared mailbox came, and with what, is theirs.
bool of_owner(const schema::AuditRow& row, const std::vector<std::string>& addresses) {
  if (row.session.program != "imap" || row.command == schema::AuditCommand::login_refused) return true;
  const std::string& identity = row.session.acted_for.empty() ? row.session.actor : row.session.acted_for;
  return std::find(addresses.begin(), addresses.end(), identity) != addresses.end();
}

void write(wire::Encoder& out, const schema::AuditRow& row, bool with_place) {
  const auto at = std::chrono::sys_seconds(std::chrono::seconds(row.at.at / 1'000'000));
  std::string command(schema::audit_command_name(row.command));
  for (char& c : command) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  out.raw("* XAUDIT (ID ").raw(cursor_text(row.at)).raw(" AT ").date_time(at).raw(" COMMAND ").raw(command);
  out.raw(row.refused ? " RESULT NO" : " RESULT OK").raw(" ACTOR ").string(row.session.actor);
  out.raw(" FOR ").nstring(or_nil(row.session.acted_for)).raw(" PROGRAM ").string(row.session.program);
  out.raw(" CLIENT ").nstring(with_place ? or_nil(row.session.client) : std::nullopt);
  out.raw(" PEER ").nstring(with_place ? or_nil(row.session.peer) : std::nullopt);
  out.raw(" MAILBOX ");
  if (row.path.empty()) {
    out.raw("NIL");
  } else {
    out.mailbox_quoted(row.path);
  }
  out.raw(" UIDS ").raw(row.uids.empty() ? "NIL" : row.uids).raw(" MESSAGES ").number(row.messages);
  out.raw(" OCTETS ").number(row.octets).raw(" DETAIL ").nstring(or_nil(row.detail)).raw(")").crlf();
}

struct Page {
  std::vector<schema::AuditRow> rows;
  std::vector<std::string> addresses;  // of the owner
};

boost::asio::awaitable<Done> execute(Session& session, AuditQuery query) {
  const schema::Principal who = *session.principal;
  if (who.role == schema::Role::deposit) co_return no("The record belongs to the owner", "NOPERM");
  if (!query.mailbox.empty()) {
    const auto path = mailbox_path(session, query.mailbox);
    if (!path) co_return failed(path.error());
    query.filter.mailbox = *path;
  }
  const std::size_t wanted = query.filter.limit;
  ++query.filter.limit;  // one more says whether there is more
  auto work = [who, filter = query.filter](schema::Transaction& tx) -> Result<Page> {
    CPM_TRY(owner, schema::find_account(tx, who.address));
    CPM_TRY(rows, schema::read_audit(tx, who.account, filter));
    Page read{std::move(rows), std::move(owner.aliases)};
    read.addresses.push_back(std::move(owner.address));
    return read;
  };
  auto page = co_await session.db(std::move(work), schema::Mode::reads);
  if (!page) co_return failed(page.error());
  const bool more = page->rows.size() > wanted;
  if (more) page->rows.pop_back();
  wire::Encoder out = session.out.encoder();
  for (const schema::AuditRow& row : page->rows) {
    write(out, row, of_owner(row, page->addresses));
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
  }
  co_return ok("XAUDIT completed", more ? "XCURSOR " + cursor_text(page->rows.back().at) : "");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "audit";
  extension.rfcs = {"X-CPM-AUDIT"};
  extension.capabilities = {{"X-CPM-AUDIT"}};
  extension.commands = {command("XAUDIT", kLoggedIn, kTellChanges, parse, execute)};
  extension.response_codes = {"XCURSOR", "NOPERM"};
  return extension;
}

}  // namespace cpm::imap::ext::audit
