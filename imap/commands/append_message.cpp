#include "imap/commands/append_message.h"

#include "imap/commands/mailbox_argument.h"
#include "imap/deliver/deliver.h"
#include "imap/grammar/date.h"
#include "imap/grammar/flags.h"
#include "imap/session/conversions.h"
#include "schema/owners.h"

namespace cpm::imap {

namespace {

constexpr std::uint64_t kSmall = 64 * 1024;  // parsed on the strand: cheaper than a thread hop

boost::asio::awaitable<Result<schema::NewMessage>> make_one(Session& session, AppendMessage message,
                                                            std::chrono::sys_seconds now, Destination where) {
  if (!message.parts.empty()) {
    auto joined = co_await catenate(session, std::move(message.parts));
    if (!joined) co_return joined.error();
    message.literal = std::move(*joined);
  }
  const std::vector<std::string> annotated = message.annotations.entries();
  std::vector<schema::AnnotationChange> annotations = message.annotations.changes(session.principal->account);
  message.annotations = {};
  if (message.literal.data.size() == 0) co_return fail(Failure::invalid, "An empty message is not stored");
  const bool stored = message.stored;
  if (!stored && (message.flags.bits & schema::kReadReportSent) != 0) session.read_report_known = true;
  const Limits& limits = session.limits();
  const std::string& directory = session.services.settings.spool_directory;
  const bool small = message.literal.data.size() <= kSmall;
  auto shared = std::make_shared<AppendMessage>(std::move(message));
  auto work = [shared, now, &limits, &directory, place = std::move(where)](std::size_t) {
    return make_message(std::move(shared->literal.data), shared->literal.binary, std::move(shared->flags),
                        shared->date.value_or(now), limits, directory, place);
  };
  Result<schema::NewMessage> made = fail(Failure::internal, "");
  if (small) {
    made = work(0);
  } else {
    made = co_await session.services.cpu.run(std::move(work));
  }
  const schema::PartCheck parts = grammar::part_check(annotated);
  if (made && parts && !parts(made->head.part_map)) {
    co_return fail(Failure::bad_syntax, "There is no such body part");
  }
  if (made) made->annotations = std::move(annotations);
  if (made && !stored && made->head.eight_bit_header && !session.utf8()) {
    // RFC 6855 4: what a server that offers UTF8=ACCEPT must do (docs/decisions/0006-eight-bit-headers.md).
    co_return fail(Failure::invalid, "8-bit header fields need ENABLE UTF8=ACCEPT");
  }
  co_return made;
}

boost::asio::awaitable<Result<schema::StagedMessage>> stage_one(Session& session, AccountId account,
                                                                schema::NewMessage message, bool check_quota) {
  if (message.octets->size() <= schema::kInlineOctets) co_return schema::hold_inline(std::move(message));
  auto holder = std::make_shared<schema::NewMessage>(std::move(message));
  auto work = [account, holder, &limits = session.limits(), check_quota](schema::Transaction& tx) {
    return schema::stage(tx, account, *holder, limits, check_quota);
  };
  auto staged = co_await session.db(std::move(work));
  co_return staged;
}

// Whose store a message for `path` goes to, who pays for it. Failure::try_create, denied.
boost::asio::awaitable<Result<AccountId>> receiver_of(Session& session, std::string path) {
  if (!schema::leads_elsewhere(path)) co_return session.principal->account;
  auto work = [who = *session.principal, target = std::move(path)](schema::Transaction& tx) -> Result<AccountId> {
    const auto grant = schema::authorize(tx, who, target, schema::kInsert);
    if (!grant) return target_error(grant.error());
    return grant->account();
  };
  auto account = co_await session.db(std::move(work), schema::Mode::reads);
  co_return account;
}

}  // namespace

AppendMessage parse_append_message(wire::Lexer& lexer, const ParseContext& context) {
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
  if (context.registry.has("annotate") && lexer.try_word("ANNOTATION")) {
    lexer.sp();
    message.annotations = grammar::parse_annotation_settings(lexer);
    lexer.sp();
    if (wire::iequals(lexer.peek_word(), "ANNOTATION")) lexer.bad("ANNOTATION given twice");
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
  } else if (context.registry.has("catenate") && lexer.try_word("CATENATE")) {
    lexer.sp();
    message.parts = parse_catenate(lexer, context);
  } else {
    lexer.bad("Expected the message as a literal");
  }
  return message;
}

std::optional<Done> refuse_literal(const Session& session, std::string_view text) {
  std::size_t literals = 0;
  for (std::size_t at = text.find("}\r\n"); at != text.npos; at = text.find("}\r\n", at + 1)) ++literals;
  // The name may be one, and values of annotations.
  const std::size_t annotations = session.services.registry.has("annotate") ? session.limits().metadata_entries : 0;
  if (literals <= session.limits().multiappend_messages + 1 + annotations) return std::nullopt;
  return bad("Too many literals in one command");
}

boost::asio::awaitable<std::optional<Done>> refuse_target(Session& session, std::string wire_name) {
  const auto path = existing_path(session, wire_name);
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

Error target_error(const Error& error) {
  return error.failure == Failure::not_found ? fail(Failure::try_create, "") : error;
}

boost::asio::awaitable<Result<StagedMessages>> stage_messages(Session& session, std::string path,
                                                              std::vector<AppendMessage> messages, bool check_quota) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto account = co_await receiver_of(session, path);
  if (!account) co_return account.error();
  const Destination where{std::string(schema::own_part(path)), &session.services.settings.history_roots};
  std::vector<schema::NewMessage> made;
  for (AppendMessage& message : messages) {
    auto one = co_await make_one(session, std::move(message), now, where);
    if (!one) co_return one.error();
    made.push_back(std::move(*one));
  }
  auto staged = std::make_shared<std::vector<schema::StagedMessage>>();
  for (schema::NewMessage& message : made) {
    auto one = co_await stage_one(session, *account, std::move(message), check_quota);
    if (!one) co_return one.error();
    staged->push_back(std::move(*one));
  }
  co_return staged;
}

void note_deposited(Session& session, AccountId account, const std::vector<schema::StagedMessage>& messages) {
  if (session.services.conversions != nullptr) session.services.conversions->deposited(account, messages);
}

}  // namespace cpm::imap
