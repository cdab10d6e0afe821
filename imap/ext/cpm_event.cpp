// X-CPM-EVENT: XEVENT literal applies an event-reporting document (cpm-message-storage 1.12): flags that a device
// reported to the network instead of setting them over IMAP. All or nothing; to repeat it changes nothing.
#include "imap/cpm/event_request.h"
#include "imap/session/session.h"

namespace cpm::imap::ext::cpm_event {

namespace {

struct EventCommand {
  std::string document;
};

EventCommand parse(wire::Lexer& lexer, const ParseContext&) {
  EventCommand command;
  lexer.sp();
  if (!lexer.at_literal()) lexer.bad("Expected the document as a literal");
  command.document = lexer.literal().data.text();
  lexer.end();
  return command;
}

boost::asio::awaitable<std::optional<Done>> before_literal(Session&, std::string, std::uint64_t octets) {
  if (octets <= cpm_objects::kEventDocumentOctets) co_return std::nullopt;
  co_return no("The document is larger than " + std::to_string(cpm_objects::kEventDocumentOctets) + " octets",
               "TOOBIG");
}

void write(wire::Encoder& out, const schema::EventAnswer& answer) {
  out.raw("* XEVENT (OPERATION ").number(answer.operation + 1).raw(" OBJECT ").number(answer.object + 1);
  out.raw(" RESULT ").raw(cpm_objects::outcome_name(answer.outcome)).raw(" AT (");
  bool first = true;
  for (const schema::EventPlace& place : answer.places) {
    if (!first) out.sp();
    first = false;
    out.raw("(").mailbox_quoted(place.path).sp().number(place.uid.value).raw(")");
  }
  out.raw("))").crlf();
}

boost::asio::awaitable<Done> execute(Session& session, EventCommand command) {
  auto request = cpm_objects::read_event(command.document, session.limits());
  if (!request) co_return no(request.error().text, "CANNOT");
  auto work = [who = *session.principal, wanted = std::move(*request), &limits = session.limits()](
                  schema::Transaction& tx) { return schema::apply_event(tx, who, wanted, limits); };
  auto result = co_await session.db(std::move(work));
  if (!result) co_return failed(result.error());
  for (const MailboxId mailbox : result->changed_mailboxes) session.changed({session.principal->account, mailbox});
  wire::Encoder out = session.out.encoder();
  for (const schema::EventAnswer& answer : result->answers) {
    write(out, answer);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
  }
  co_return ok(std::to_string(result->applied) + " applied, " + std::to_string(result->unchanged) + " unchanged, " +
               std::to_string(result->not_found) + " not found");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "cpm_event";
  extension.rfcs = {"X-CPM-EVENT"};
  extension.capabilities = {{"X-CPM-EVENT"}};
  CommandSpec spec = command("XEVENT", kLoggedIn, kTellChanges, parse, execute);
  spec.before_literal = before_literal;
  extension.commands = {spec};
  extension.response_codes = {"CANNOT", "TOOBIG"};
  return extension;
}

}  // namespace cpm::imap::ext::cpm_event
