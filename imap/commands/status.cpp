// STATUS (RFC 9051 6.3.11) and its base items; further items register themselves. One row answers it.
#include "imap/commands/mailbox_argument.h"
#include "imap/commands/status_items.h"
#include "imap/response/responses.h"
#include "schema/reader_flags.h"

namespace cpm::imap {

StatusItems parse_status_items(wire::Lexer& lexer, const ParseContext& context) {
  StatusItems items;
  lexer.list(false, [&] {
    const std::string name = lexer.word();
    const StatusItemSpec* item = context.registry.status_item(name);
    if (item == nullptr) lexer.bad("Unknown STATUS item " + name);
    items.push_back(item);
    if (items.size() > context.limits.fetch_items) lexer.bad("Too many STATUS items");
  });
  return items;
}

StatusData status_of(Session& session, const StatusItems& items, const schema::MailboxRow& mailbox) {
  StatusData data;
  data.path = mailbox.path;
  for (const StatusItemSpec* item : items) {
    if (item->text != nullptr) {
      data.items.emplace_back(std::string(item->name), item->text(mailbox));
    } else {
      data.items.emplace_back(std::string(item->name),
                              item->limit != nullptr ? item->limit(session.limits()) : item->value(mailbox));
    }
    if (item->enables_condstore) session.enable_condstore();
  }
  return data;
}

}  // namespace cpm::imap

namespace cpm::imap::commands::status {

namespace {

struct StatusCommand {
  std::string mailbox;
  StatusItems items;
};

StatusCommand parse(wire::Lexer& lexer, const ParseContext& context) {
  StatusCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.items = parse_status_items(lexer, context);
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, StatusCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(path.error());
  const schema::Principal who = *session.principal;
  auto grant = co_await schema::authorize_at_once(session.services.db, who, *path, schema::kRead);
  Result<schema::MailboxRow> row = schema::MailboxRow{};
  if (grant && *grant) {
    row = (*grant)->mailbox();
  } else if (grant) {
    row = grant->error();
  } else {
    auto work = [who, name = *path](schema::Transaction& tx) -> Result<schema::MailboxRow> {
      CPM_TRY(found, schema::authorize(tx, who, name, schema::kRead));
      schema::MailboxRow mailbox = found.mailbox();
      mailbox.unseen = schema::unseen_of(tx, mailbox);
      return mailbox;
    };
    row = co_await session.db(std::move(work), schema::Mode::reads);
  }
  if (!row) co_return failed(row.error());
  session.out << status_of(session, command.items, *row);
  co_return ok("STATUS completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "status";
  extension.rfcs = {"RFC 3501", "RFC 9051"};
  extension.status_items = {
      {"MESSAGES", [](const schema::MailboxRow& row) { return std::uint64_t{row.messages}; }},
      {"RECENT",
       [](const schema::MailboxRow& row) {
         if (row.reader) return std::uint64_t{0};  // \Recent is the owner's
         return std::uint64_t{row.uidnext.value - std::min(row.recent_from.value, row.uidnext.value)};
       }},
      {"UIDNEXT", [](const schema::MailboxRow& row) { return std::uint64_t{row.uidnext.value}; }},
      {"UIDVALIDITY", [](const schema::MailboxRow& row) { return std::uint64_t{row.uidvalidity.value}; }},
      {"UNSEEN", [](const schema::MailboxRow& row) { return std::uint64_t{row.unseen}; }},
      {"DELETED", [](const schema::MailboxRow& row) { return std::uint64_t{row.deleted}; }},
  };
  extension.commands = {command("STATUS", kLoggedIn, kNoFlags, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::commands::status
