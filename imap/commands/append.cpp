// APPEND (RFC 9051 6.3.12) with MULTIAPPEND (RFC 3502: all or nothing), literal8 (RFC 3516), UTF8 data (RFC 6855 4) and
// APPENDUID (RFC 4315). The target and the size are checked before a literal is read; nothing of the store is locked
// while one arrives.
#include "schema/append.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/deliver/deliver.h"
#include "imap/grammar/date.h"
#include "imap/grammar/flags.h"

namespace cpm::imap::commands::append {

namespace {

constexpr std::uint64_t kSmall = 64 * 1024;  // parsed on the strand: cheaper than a thread hop

struct AppendMessage {
  bool utf8 = false;  // given as UTF8 (…)
  schema::FlagSet flags;
  std::optional<std::chrono::sys_seconds> date;
  wire::Literal literal;
};

struct AppendCommand {
  std::string mailbox;
  std::vector<AppendMessage> messages;
};

AppendMessage parse_message(wire::Lexer& lexer, const ParseContext& context) {
  AppendMessage message;
  lexer.skip_spaces();  // clients that leave the flags out send one blank or two
  if (lexer.peek() == '(') {
    message.flags = grammar::parse_flag_list(lexer);
    lexer.sp();
  }
  if (lexer.peek() == '"') {
    message.date = grammar::parse_date_time(lexer);
    lexer.sp();
  }
  if (lexer.at_literal()) {
    message.literal = lexer.literal();
  } else if (lexer.try_word("UTF8")) {
    if (!context.utf8) lexer.bad("UTF8 data needs ENABLE UTF8=ACCEPT");
    message.utf8 = true;
    lexer.sp();
    lexer.take('(');
    if (!lexer.at_literal()) lexer.bad("Expected a literal8");
    message.literal = lexer.literal();
    if (!message.literal.binary) lexer.bad("Expected a literal8");
    lexer.take(')');
  } else {
    lexer.bad("Expected the message as a literal");
  }
  return message;
}

AppendCommand parse(wire::Lexer& lexer, const ParseContext& context) {
  AppendCommand command;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.messages.push_back(parse_message(lexer, context));
  while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0') {
    lexer.sp();
    if (command.messages.size() >= context.limits.multiappend_messages) lexer.bad("Too many messages in one APPEND");
    command.messages.push_back(parse_message(lexer, context));
  }
  lexer.end();
  return command;
}

Error target_error(const Error& error) {
  return error.failure == Failure::not_found ? fail(Failure::try_create, "") : error;
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
  const auto path = existing_path(session, name);
  if (!path) co_return failed(target_error(path.error()));
  const schema::Principal who = *session.principal;
  auto work = [who, target = *path](schema::Transaction& tx) -> Result<bool> {
    auto grant = schema::authorize(tx, who, target, schema::kInsert);
    if (!grant) return grant.error();
    return true;
  };
  auto allowed = co_await session.db(std::move(work), schema::Mode::reads);
  if (!allowed) co_return failed(target_error(allowed.error()));
  co_return std::nullopt;
}

boost::asio::awaitable<Result<std::vector<schema::NewMessage>>> make_messages(Session& session,
                                                                              AppendCommand& command) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::vector<schema::NewMessage> made;
  for (AppendMessage& message : command.messages) {
    if ((message.flags.bits & schema::kReadReportSent) != 0) session.read_report_known = true;
    const Limits& limits = session.limits();
    const std::string& directory = session.services.settings.spool_directory;
    Result<schema::NewMessage> one = fail(Failure::internal, "");
    if (message.literal.data.size() <= kSmall) {
      one = make_message(std::move(message.literal.data), message.literal.binary, std::move(message.flags),
                         message.date.value_or(now), limits, directory);
    } else {
      auto shared = std::make_shared<AppendMessage>(std::move(message));
      auto work = [shared, now, &limits, &directory](std::size_t) {
        return make_message(std::move(shared->literal.data), shared->literal.binary, std::move(shared->flags),
                            shared->date.value_or(now), limits, directory);
      };
      one = co_await session.services.cpu.run(std::move(work));
    }
    if (!one) co_return one.error();
    if (one->head.eight_bit_header && !session.utf8()) {
      // RFC 6855 4: what a server that offers UTF8=ACCEPT must do (docs/decisions/0006-eight-bit-headers.md).
      co_return fail(Failure::invalid, "8-bit header fields need ENABLE UTF8=ACCEPT");
    }
    made.push_back(std::move(*one));
  }
  co_return made;
}

boost::asio::awaitable<Done> execute(Session& session, AppendCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(target_error(path.error()));
  for (const AppendMessage& message : command.messages) {
    if (message.literal.data.size() == 0) co_return no("An empty message is not stored", "CANNOT");
  }
  auto messages = co_await make_messages(session, command);
  if (!messages) co_return failed(messages.error());
  const schema::Principal who = *session.principal;
  const Limits& limits = session.limits();
  auto staged = std::make_shared<std::vector<schema::StagedMessage>>();
  for (schema::NewMessage& message : *messages) {
    auto holder = std::make_shared<schema::NewMessage>(std::move(message));
    if (holder->octets->size() <= schema::kInlineOctets) {
      staged->push_back(schema::hold_inline(std::move(*holder)));
      continue;
    }
    auto work = [who, holder, &limits](schema::Transaction& tx) {
      return schema::stage(tx, who.account, *holder, limits);
    };
    auto one = co_await session.db(std::move(work));
    if (!one) co_return failed(one.error());
    staged->push_back(std::move(*one));
  }
  // One small message is one statement and one commit.
  const schema::Mode mode =
      schema::deposits_in_one_statement(*staged) ? schema::Mode::single : schema::Mode::transaction;
  auto work = [who, target = *path, staged, &limits](schema::Transaction& tx) {
    return schema::deposit_at(tx, who, target, *staged, limits);
  };
  auto appended = co_await session.db(std::move(work), mode);
  if (!appended) co_return failed(target_error(appended.error()));
  session.services.hub.changed(who.account, appended->mailbox);
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
