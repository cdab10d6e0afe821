// SUBSCRIBE and UNSUBSCRIBE (RFC 9051 6.3.7, 6.3.8). Names may be subscribed before they exist.
#include "imap/commands/mailbox_argument.h"

namespace cpm::imap::commands::subscribe {

namespace {

struct SubscribeCommand {
  std::string mailbox;
  bool on = true;
};

SubscribeCommand parse_any(wire::Lexer& lexer, bool on) {
  SubscribeCommand command;
  command.on = on;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.end();
  return command;
}

SubscribeCommand parse_subscribe(wire::Lexer& lexer, const ParseContext&) { return parse_any(lexer, true); }
SubscribeCommand parse_unsubscribe(wire::Lexer& lexer, const ParseContext&) { return parse_any(lexer, false); }

boost::asio::awaitable<Done> execute(Session& session, SubscribeCommand command) {
  const auto path = mailbox_path(session, command.mailbox, true);
  if (!path) co_return failed(path.error());
  const schema::Principal who = *session.principal;
  const Limits& limits = session.limits();
  auto work = [who, name = *path, on = command.on, &limits](schema::Transaction& tx) -> Result<void> {
    return on ? schema::subscribe(tx, who, name, limits) : schema::unsubscribe(tx, who, name);
  };
  auto changed = co_await session.db(std::move(work));
  if (!changed) co_return failed(changed.error());
  session.subscription_changed(*path, command.on);
  co_return ok(command.on ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "subscribe";
  extension.rfcs = {"RFC 3501", "RFC 9051"};
  extension.commands = {command("SUBSCRIBE", kLoggedIn, kNoFlags, parse_subscribe, execute),
                        command("UNSUBSCRIBE", kLoggedIn, kNoFlags, parse_unsubscribe, execute)};
  return extension;
}

}  // namespace cpm::imap::commands::subscribe
