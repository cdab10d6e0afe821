// REPLACE and UID REPLACE (RFC 8508): a message is appended and another one of the selected mailbox removed, in one
// transaction. Only what is left of both counts against the account's limits.
#include "imap/commands/append_message.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/grammar/sequence_set.h"
#include "imap/response/responses.h"
#include "imap/session/containment.h"
#include "schema/messages.h"
#include "schema/quota.h"

namespace cpm::imap::ext::replace {

namespace {

struct ReplaceCommand {
  bool uid = false;
  grammar::SequenceSet replaced;  // one number, or `*`
  std::string mailbox;
  std::vector<AppendMessage> message;  // one
};

grammar::SequenceSet parse_number(wire::Lexer& lexer) {
  grammar::SequenceSet set;
  const std::uint32_t number = lexer.try_take('*') ? grammar::SequenceSet::kStar : lexer.nz_number();
  set.ranges.push_back({number, number});
  return set;
}

ReplaceCommand parse_any(wire::Lexer& lexer, const ParseContext& context, bool uid) {
  ReplaceCommand command;
  command.uid = uid;
  lexer.sp();
  command.replaced = parse_number(lexer);
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  lexer.sp();
  command.message.push_back(parse_append_message(lexer, context));
  lexer.end();
  return command;
}

ReplaceCommand parse_replace(wire::Lexer& lexer, const ParseContext& context) {
  return parse_any(lexer, context, false);
}
ReplaceCommand parse_uid_replace(wire::Lexer& lexer, const ParseContext& context) {
  return parse_any(lexer, context, true);
}

// The UID to be replaced, of a message that the session knows.
Result<Uid> replaced_uid(const Session& session, const grammar::SequenceSet& number, bool uid) {
  auto uids = session.selected->view.resolve(number, uid, session.saved_search);
  if (!uids) return uids.error();
  if (uids->empty()) return fail(Failure::expunged, "There is no such message");
  return Uid{uids->min()};
}

boost::asio::awaitable<std::optional<Done>> refuse_early(Session& session, std::string text, bool uid) {
  if (auto many = refuse_literal(session, text)) co_return many;
  wire::CommandInput input;
  input.text = std::move(text);
  grammar::SequenceSet number;
  std::string name;
  try {
    wire::Lexer lexer(input, session.limits(), session.utf8());
    lexer.sp();
    number = parse_number(lexer);
    lexer.sp();
    if (lexer.at_literal()) co_return std::nullopt;  // it is the name itself that comes
    name = grammar::parse_mailbox(lexer);
  } catch (const wire::BadSyntax& error) {
    co_return bad(error.text);
  }
  if (session.selected->read_only) co_return no("The mailbox is selected read-only", "NOPERM");
  const auto replaced = replaced_uid(session, number, uid);
  if (!replaced) co_return failed(replaced.error());
  auto refused = co_await refuse_target(session, std::move(name));
  co_return refused;
}

boost::asio::awaitable<std::optional<Done>> before_replace(Session& session, std::string text, std::uint64_t) {
  return refuse_early(session, std::move(text), false);
}
boost::asio::awaitable<std::optional<Done>> before_uid_replace(Session& session, std::string text, std::uint64_t) {
  return refuse_early(session, std::move(text), true);
}

struct Replaced {
  schema::DepositedAt stored;
  ModSeq source_modseq;  // of the selected mailbox, after
};

// Removed first, so that its room counts; if anything fails both remain undone.
Result<Replaced> replace(schema::Transaction& tx, const schema::Principal& who, schema::MailboxRef source, Uid uid,
                         const std::string& target, std::vector<schema::StagedMessage>& staged, const Limits& limits,
                         const Settings& settings) {
  CPM_TRY(grant, schema::authorize(tx, who, source, schema::kRead | schema::kDeleteMessage | schema::kExpunge));
  schema::StoreRequest mark;
  mark.uids.add(uid.value);
  mark.change = schema::FlagChange::add;
  mark.flags.bits = schema::kDeleted;
  schema::hold_quota_levels(tx);
  CPM_TRY(marked, schema::store_flags(tx, grant, mark, limits));
  CPM_TRY(gone, schema::expunge(tx, grant, mark.uids));
  if (marked.messages.empty() || gone.uids.empty()) return fail(Failure::expunged, "The message no longer exists");
  CPM_CHECK(may_leave(settings, grant.mailbox().path, target));
  CPM_CHECK(may_store(tx, settings, who, target, staged));
  auto stored = schema::deposit_at(tx, who, target, staged, limits);
  if (!stored) return target_error(stored.error());
  const bool same = stored->mailbox == source;
  schema::settle_quota_levels(tx, source);
  if (!same) schema::settle_quota_levels(tx, stored->mailbox);
  return Replaced{*stored, same ? stored->result.highestmodseq : gone.highestmodseq};
}

boost::asio::awaitable<Done> execute(Session& session, ReplaceCommand command) {
  if (session.selected->read_only) co_return no("The mailbox is selected read-only", "NOPERM");
  const auto uid = replaced_uid(session, command.replaced, command.uid);
  if (!uid) co_return failed(uid.error());
  const auto path = existing_path(session, command.mailbox);
  if (!path) co_return failed(target_error(path.error()));
  if (command.message.front().annotations.too_long) co_return annotation_too_big();
  auto staged = co_await stage_messages(session, *path, std::move(command.message), false);
  if (!staged) co_return failed(staged.error());
  const schema::Principal who = *session.principal;
  const schema::MailboxRef source = session.selected->view.snapshot().mailbox.ref();
  auto work = [who, source, one = *uid, target = *path, messages = *staged, &limits = session.limits(),
               &settings = session.services.settings](schema::Transaction& tx) {
    return replace(tx, who, source, one, target, *messages, limits, settings);
  };
  auto replaced = co_await session.db(std::move(work));
  if (!replaced && replaced.error().failure == Failure::not_found) {  // which of the two is gone?
    auto refused = co_await refuse_target(session, command.mailbox);
    if (refused) co_return *refused;
  }
  if (!replaced) co_return annotations_failed(replaced.error());
  const schema::DepositedAt& stored = replaced->stored;
  session.changed(source);
  session.changed(stored.mailbox, stored.result.uids);
  note_deposited(session, stored.mailbox.account, **staged);
  session.removed.add(uid->value);
  // Before the EXPUNGE responses, so that the client knows what came instead (RFC 8508 4.3).
  session.out << Untagged{
      "OK", "APPENDUID " + std::to_string(stored.result.uidvalidity.value) + ' ' + stored.result.uids.to_string(),
      "Replacement message stored"};
  std::string modseq;
  if (session.enabled.condstore) modseq = "HIGHESTMODSEQ " + std::to_string(replaced->source_modseq.value);
  co_return ok("REPLACE completed", modseq);
}

CommandSpec spec_of(CommandSpec spec,
                    boost::asio::awaitable<std::optional<Done>> (*before)(Session&, std::string, std::uint64_t)) {
  spec.before_literal = before;
  spec.message_literals = true;
  return spec;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "replace";
  extension.rfcs = {"RFC 8508"};
  extension.requires_names = {"append"};
  extension.capabilities = {{"REPLACE"}};
  constexpr unsigned kTell = kTellChanges | kTellExpunges;
  extension.commands = {
      spec_of(command("REPLACE", kSelected, kUsesMsn | kTell, parse_replace, execute), before_replace),
      spec_of(command("UID REPLACE", kSelected, kTell, parse_uid_replace, execute), before_uid_replace)};
  extension.response_codes = {"APPENDUID", "OVERQUOTA", "TOOBIG", "TRYCREATE", "EXPUNGEISSUED"};
  return extension;
}

}  // namespace cpm::imap::ext::replace
