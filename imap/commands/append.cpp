// APPEND (RFC 9051 6.3.12) with MULTIAPPEND (RFC 3502: all or nothing), literal8 (RFC 3516), UTF8 data (RFC 6855 4) and
// APPENDUID (RFC 4315). The target and the size are checked before a literal is read; nothing of the store is locked
// while one arrives.
#include "imap/commands/append_message.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/session/message_limit.h"

namespace cpm::imap::commands::append {

namespace {

struct AppendCommand {
  std::string mailbox;
  std::vector<AppendMessage> messages;
};

AppendCommand parse(wire::Lexer& lexer, const ParseContext& context) {
  AppendCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.messages.push_back(parse_append_message(lexer, context));
  while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0') {
    lexer.sp();
    if (command.messages.size() >= context.limits.multiappend_messages) lexer.bad("Too many messages in one APPEND");
    command.messages.push_back(parse_append_message(lexer, context));
  }
  lexer.end();
  return command;
}

// Before the first octet of a message is sent: is there such a mailbox, and may this session add to it?
boost::asio::awaitable<std::optional<Done>> before_literal(Session& session, std::string text, std::uint64_t) {
  wire::CommandInput input;
  input.text = std::move(text);
  std::string name;
  try {
    wire::Lexer lexer(input, session.limits(), session.utf8());
    lexer.sp();
    if (lexer.at_literal()) co_return std::nullopt;  // it is the name itself that comes
    name = grammar::parse_mailbox(lexer);
  } catch (const wire::BadSyntax& error) {
    co_return bad(error.text);
  }
  auto refused = co_await refuse_target(session, name);
  co_return refused;
}

boost::asio::awaitable<Done> execute(Session& session, AppendCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(target_error(path.error()));
  if (auto over = over_save_limit(session, command.messages.size())) co_return *over;
  auto staged = co_await stage_messages(session, std::move(command.messages), true);
  if (!staged) co_return failed(staged.error());
  const schema::Principal who = *session.principal;
  const Limits& limits = session.limits();
  // One small message is one statement and one commit.
  const schema::Mode mode =
      schema::deposits_in_one_statement(**staged) ? schema::Mode::single : schema::Mode::transaction;
  auto work = [who, target = *path, staged = *staged, &limits](schema::Transaction& tx) {
    return schema::deposit_at(tx, who, target, *staged, limits);
  };
  auto appended = co_await session.db(std::move(work), mode);
  if (!appended) co_return failed(target_error(appended.error()));
  session.changed(appended->mailbox, appended->result.uids);
  co_return ok("APPEND completed", "APPENDUID " + std::to_string(appended->result.uidvalidity.value) + ' ' +
                                       appended->result.uids.to_string());
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "append";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 3502", "RFC 4315"};
  extension.capabilities = {{"MULTIAPPEND"}};
  CommandSpec spec = command("APPEND", kLoggedIn, kTellChanges | kTellExpunges, parse, execute);
  spec.before_literal = before_literal;
  spec.message_literals = true;
  extension.commands = {spec};
  extension.response_codes = {"APPENDUID", "OVERQUOTA", "TOOBIG", "TRYCREATE"};
  return extension;
}

}  // namespace cpm::imap::commands::append
