// APPEND (RFC 9051 6.3.12) with MULTIAPPEND (RFC 3502: all or nothing), literal8 (RFC 3516), UTF8 data (RFC 6855 4) and
// APPENDUID (RFC 4315). The target and the size are checked before a literal is read; nothing of the store is locked
// while one arrives.
#include "imap/commands/append_message.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/session/containment.h"
#include "imap/session/message_limit.h"
#include "imap/session/notify.h"
#include "schema/owners.h"

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
  if (auto many = refuse_literal(session, text)) co_return many;
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

// In the order of the messages: UIDs that were found need not rise.
std::string uid_list(const std::vector<std::uint32_t>& uids) {
  std::string out;
  for (std::size_t i = 0; i < uids.size();) {
    std::size_t end = i + 1;
    while (end < uids.size() && uids[end] == uids[end - 1] + 1) ++end;
    out += (out.empty() ? "" : ",") + std::to_string(uids[i]);
    if (end - i > 1) out += ':' + std::to_string(uids[end - 1]);
    i = end;
  }
  return out;
}

// With the deposits of other sessions into the same account; into one of another account by itself.
template <class Work>
auto deposit(Session& session, std::string path, const std::vector<schema::StagedMessage>& messages, Work work,
             schema::Mode alone, std::optional<schema::DepositPart> part = std::nullopt) {
  if (schema::leads_elsewhere(path)) return session.db(std::move(work), alone);
  std::uint64_t octets = 0;
  for (const schema::StagedMessage& message : messages) octets += message.inline_bytes ? message.size : 0;
  return session.db_together(session.principal->account, std::move(path), schema::conversation_order(messages), octets,
                             std::move(work), alone, std::move(part));
}

// After ENABLE X-CPM-ONCE (ext/cpm_once.cpp).
boost::asio::awaitable<Done> append_once(Session& session, std::string path, StagedMessages staged) {
  auto work = [who = *session.principal, target = path, staged, &limits = session.limits(),
               &settings = session.services.settings](schema::Transaction& tx) -> Result<schema::DepositedOnce> {
    // What is there already may stay there.
    const auto admit = [&](const std::vector<schema::StagedMessage>& fresh) {
      return may_store(tx, settings, who, target, fresh);
    };
    return schema::deposit_once(tx, who, target, *staged, limits, admit);
  };
  auto stored = co_await deposit(session, path, *staged, std::move(work), schema::Mode::transaction);
  if (!stored) co_return annotations_failed(target_error(stored.error()));
  if (!stored->added.empty()) session.changed(stored->mailbox, stored->added);
  note_deposited(session, stored->mailbox.account, *staged);
  const std::size_t found = stored->uids.size() - stored->added.size();
  std::string text = "APPEND completed";
  if (found > 0) text += ", " + std::to_string(found) + " already stored";
  co_return ok(text, "APPENDUID " + std::to_string(stored->uidvalidity.value) + ' ' + uid_list(stored->uids));
}

boost::asio::awaitable<Done> execute(Session& session, AppendCommand command) {
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(target_error(path.error()));
  if (auto over = over_save_limit(session, command.messages.size())) co_return *over;
  for (const AppendMessage& message : command.messages) {
    if (message.annotations.too_long) co_return annotation_too_big();
  }
  // One that is there already needs no room.
  const bool needs_room = !session.enabled.deposit_once;
  auto staged = co_await stage_messages(session, *path, std::move(command.messages), needs_room);
  if (!staged) co_return failed(staged.error());
  if (session.enabled.deposit_once) {
    auto done = co_await append_once(session, *path, *staged);
    co_return done;
  }
  const schema::Principal who = *session.principal;
  const Limits& limits = session.limits();
  const Settings& settings = session.services.settings;
  // One small message is one statement and one commit; into the store of another they are more.
  const bool single =
      schema::deposits_in_one_statement(**staged) && !settings.containment && !schema::leads_elsewhere(*path);
  const schema::Mode mode = single ? schema::Mode::single : schema::Mode::transaction;
  auto work = [who, target = *path, staged = *staged, &limits,
               &settings](schema::Transaction& tx) -> Result<schema::DepositedAt> {
    CPM_CHECK(may_store(tx, settings, who, target, *staged));
    return schema::deposit_at(tx, who, target, *staged, limits);
  };
  std::optional<schema::DepositPart> part;
  if (single) part = schema::DepositPart{who, *path, *staged, &limits};
  const schema::Together& together = session.services.db.together();
  const auto shared_before = together.counts().shared;
  auto appended = co_await deposit(session, *path, **staged, std::move(work), mode, std::move(part));
  if (!appended) co_return annotations_failed(target_error(appended.error()));
  session.changed(appended->mailbox, appended->result.uids);
  // Another client's message may have the same MODSEQ: it must be told, even at the price of telling this one too.
  if (session.notify && together.counts().shared != shared_before) session.notify->own.modseqs.erase(appended->mailbox);
  note_deposited(session, appended->mailbox.account, **staged);
  co_return ok("APPEND completed", "APPENDUID " + std::to_string(appended->result.uidvalidity.value) + ' ' +
                                       appended->result.uids.to_string());
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "append";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 3502", "RFC 4315", "RFC 5257"};
  extension.capabilities = {{"MULTIAPPEND"}};
  CommandSpec spec = command("APPEND", kLoggedIn, kTellChanges | kTellExpunges, parse, execute);
  spec.before_literal = before_literal;
  spec.message_literals = true;
  extension.commands = {spec};
  extension.response_codes = {"APPENDUID", "OVERQUOTA", "TOOBIG", "TRYCREATE"};
  return extension;
}

}  // namespace cpm::imap::commands::append
