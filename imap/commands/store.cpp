// STORE and UID STORE (RFC 9051 6.4.6) with UNCHANGEDSINCE and MODIFIED (RFC 7162 3.1.3). The flags are told with the
// updates that end the command. Very many messages are changed in pieces; annotations (RFC 5257 4.5) all at once, with
// an implicit .SILENT.
#include "imap/grammar/annotation_entry.h"
#include "imap/grammar/flags.h"
#include "imap/grammar/sequence_set.h"
#include "imap/session/message_limit.h"
#include "imap/session/pieces.h"
#include "imap/session/updates.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cpm::imap::commands::store {

namespace {

struct StoreCommand {
  bool uid = false;
  grammar::SequenceSet set;
  schema::FlagChange change = schema::FlagChange::replace;
  bool silent = false;
  schema::FlagSet flags;
  std::optional<ModSeq> unchanged_since;
  std::optional<grammar::AnnotationSettings> annotations;  // instead of flags
};

StoreCommand parse_any(wire::Lexer& lexer, const ParseContext& context, bool uid) {
  StoreCommand command;
  command.uid = uid;
  lexer.sp();
  command.set = grammar::parse_sequence_set(lexer);
  lexer.sp();
  if (lexer.peek() == '(') {
    lexer.list(false, [&] {
      const std::string name = lexer.word();
      if (name != "UNCHANGEDSINCE") lexer.bad("Unknown STORE modifier " + name);
      lexer.sp();
      command.unchanged_since = ModSeq{lexer.number64()};
    });
    lexer.sp();
  }
  if (context.registry.has("annotate") && lexer.try_word("ANNOTATION")) {
    lexer.sp();
    command.annotations = grammar::parse_annotation_settings(lexer);
    lexer.end();
    return command;
  }
  if (lexer.try_take('+')) {
    command.change = schema::FlagChange::add;
  } else if (lexer.try_take('-')) {
    command.change = schema::FlagChange::remove;
  }
  const std::string item = lexer.word();
  if (item != "FLAGS" && item != "FLAGS.SILENT") lexer.bad("Unknown STORE item " + item);
  command.silent = item == "FLAGS.SILENT";
  lexer.sp();
  command.flags = grammar::parse_store_flags(lexer);
  lexer.end();
  return command;
}

StoreCommand parse_store(wire::Lexer& lexer, const ParseContext& context) { return parse_any(lexer, context, false); }
StoreCommand parse_uid_store(wire::Lexer& lexer, const ParseContext& context) {
  return parse_any(lexer, context, true);
}

// Values of annotations are the only long ones.
boost::asio::awaitable<std::optional<Done>> before_literal(Session& session, std::string, std::uint64_t octets) {
  if (octets <= session.limits().metadata_value_octets) co_return std::nullopt;
  co_return annotation_too_big();
}
std::string literal_too_big(const Limits&) { return annotation_too_big().code; }

std::string modified_code(const Session& session, const StoreCommand& command, const UidSet& modified) {
  if (modified.empty()) return {};
  if (command.uid) return "MODIFIED " + modified.to_string();
  NumberSet numbers;
  for (const std::uint32_t uid : modified.numbers()) numbers.add(session.selected->view.msn_of(Uid{uid}).value);
  return "MODIFIED " + numbers.to_string();
}

// Whether the message now is what the client computes itself: the flags it knows of, changed as it asked. Anything else
// was changed by somebody else too, and must be told in spite of .SILENT (RFC 9051 6.4.6).
bool foreseen(const Session& session, const StoreCommand& command, const schema::MessageFlags& now,
              const schema::KeywordTable& keywords) {
  const Snapshot& known = session.selected->view.snapshot();
  const std::size_t index = known.index_of(now.uid.value);
  if (index == Snapshot::npos) return false;
  const auto told = session.selected->told.find(now.uid.value);
  const bool was_told = told != session.selected->told.end();
  if (!was_told && known.modseqs[index] == 0) return false;  // changed while the view rested: what it was is not known
  schema::MessageFlags expected = was_told ? told->second : known.flags_at(index);
  if (command.annotations) return expected.bits == now.bits && expected.keywords == now.keywords;
  if (command.change == schema::FlagChange::replace) {
    expected.bits = 0;
    expected.keywords.clear();
  }
  const bool remove = command.change == schema::FlagChange::remove;
  expected.bits = remove ? expected.bits & ~command.flags.bits : expected.bits | command.flags.bits;
  for (const std::string& name : command.flags.keywords) {
    const auto id = keywords.find(name);
    if (!id && remove) continue;
    if (!id) return false;
    std::erase(expected.keywords, *id);
    if (!remove) expected.keywords.push_back(*id);
  }
  std::sort(expected.keywords.begin(), expected.keywords.end());
  return expected.bits == now.bits && expected.keywords == now.keywords;
}

boost::asio::awaitable<Result<schema::StoreResult>> store_annotations(Session& session, const StoreCommand& command,
                                                                      UidSet uids) {
  schema::AnnotateRequest request;
  request.uids = std::move(uids);
  request.changes = command.annotations->changes(session.principal->account);
  request.unchanged_since = command.unchanged_since;
  request.parts = grammar::part_check(command.annotations->entries());
  auto work = [who = *session.principal, mailbox = session.selected->view.snapshot().mailbox.id,
               request = std::move(request),
               &limits = session.limits()](schema::Transaction& tx) -> Result<schema::StoreResult> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    return schema::store_annotations(tx, *grant, request, limits);
  };
  auto result = co_await session.db(std::move(work));
  if (result && !result->changed.empty()) {
    constexpr std::size_t kMostOwn = 10000;  // what is forgotten is told
    std::set<std::int64_t>& own = session.selected->annotations_own;
    if (own.size() < kMostOwn) own.insert(static_cast<std::int64_t>(result->highestmodseq.value));
  }
  co_return result;
}

boost::asio::awaitable<Result<schema::StoreResult>> store_flags(Session& session, const StoreCommand& command,
                                                                UidSet uids) {
  const schema::Principal who = *session.principal;
  const MailboxId mailbox = session.selected->view.snapshot().mailbox.id;
  schema::StoreRequest request{std::move(uids), command.change, command.flags, command.unchanged_since};
  // A session that is not shown \read-report-sent cannot mean to take it away by giving a message other flags: the
  // report would go out once more (MSS-54).
  if (!session.read_report_known) request.untouched = schema::kReadReportSent;
  const Limits& limits = session.limits();
  const auto mode = schema::in_one_statement(request) ? schema::Mode::single : schema::Mode::transaction;
  auto work = [who, mailbox, request = std::move(request),
               &limits](schema::Transaction& tx) -> Result<schema::StoreResult> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    return schema::store_flags(tx, *grant, request, limits);
  };
  auto result = co_await session.db(std::move(work), mode);
  co_return result;
}

boost::asio::awaitable<Result<schema::StoreResult>> store_piece(Session& session, const StoreCommand& command,
                                                                UidSet uids) {
  const MailboxId mailbox = session.selected->view.snapshot().mailbox.id;
  Result<schema::StoreResult> result = fail(Failure::internal, "");
  if (command.annotations) {
    result = co_await store_annotations(session, command, std::move(uids));
  } else {
    result = co_await store_flags(session, command, std::move(uids));
  }
  if (!result) co_return result.error();
  if (!result->changed.empty()) session.changed(mailbox);
  session.silent_modseq = result->highestmodseq;
  for (const schema::MessageFlags& message : result->messages) {
    const bool silent = command.silent || command.annotations;
    const bool quiet = silent && foreseen(session, command, message, result->keywords);
    (quiet ? session.silent : session.echo).add(message.uid.value);
  }
  // A message that another session changed is told with its present flags (RFC 7162 3.1.3).
  session.echo.merge(result->modified);
  co_return result;
}

// Between two pieces; what is told of the last one comes with the end of the command.
boost::asio::awaitable<Result<void>> tell_piece(Session& session, bool uid) {
  Tell tell;
  tell.expunges = uid;
  tell.echo = std::exchange(session.echo, {});
  tell.silent = std::exchange(session.silent, {});
  tell.silent_modseq = session.silent_modseq;
  tell.descending = session.limited_at.has_value();
  auto told = co_await tell_updates(session, std::move(tell));
  if (!told) co_return told.error();
  auto sent = co_await session.out.relieve();
  if (!sent) co_return sent.error();
  if (session.terminated) co_return being_ended();
  co_return Result<void>{};
}

boost::asio::awaitable<Done> execute(Session& session, StoreCommand command) {
  if (command.annotations && command.annotations->too_long) co_return annotation_too_big();
  if (session.selected->read_only) co_return no("The mailbox is selected read-only", "NOPERM");
  if (command.unchanged_since) session.enable_condstore();
  if ((command.flags.bits & schema::kReadReportSent) != 0) session.read_report_known = true;
  auto uids = session.selected->view.resolve(command.set, command.uid, session.saved_search);
  if (!uids) co_return failed(uids.error());
  *uids = within_limit(session, std::move(*uids));
  if (uids->empty()) co_return ok("STORE completed, no messages");
  UidSet modified;
  std::uint64_t stored = 0;
  std::vector<UidSet> pieces{*uids};
  if (!command.annotations) pieces = in_pieces(*uids, session.limited_at.has_value());
  session.progress.goal = uids->size();
  session.progress.done = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) {
      auto told = co_await tell_piece(session, command.uid);
      if (!told) co_return failed(told.error());
    }
    const std::uint64_t messages = pieces[i].size();
    auto result = co_await store_piece(session, command, std::move(pieces[i]));
    if (!result) co_return annotations_failed(result.error());
    modified.merge(result->modified);
    stored += result->messages.size();
    *session.progress.done += messages;
  }
  std::string code = modified_code(session, command, modified);
  const bool some_gone = stored + modified.size() < uids->size();
  if (code.empty() && some_gone) code = "EXPUNGEISSUED";
  co_return ok("STORE completed", code);
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "store";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 7162", "RFC 5257"};
  extension.commands = {command("STORE", kSelected, kUsesMsn | kTellChanges, parse_store, execute),
                        command("UID STORE", kSelected, kTellChanges | kTellExpunges, parse_uid_store, execute)};
  for (CommandSpec& spec : extension.commands) {
    spec.before_literal = before_literal;
    spec.literal_too_big = literal_too_big;
  }
  extension.response_codes = {"MODIFIED", "EXPUNGEISSUED", "LIMIT"};
  return extension;
}

}  // namespace cpm::imap::commands::store
