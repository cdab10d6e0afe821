// SELECT and EXAMINE (RFC 9051 6.3.2, 6.3.3; CONDSTORE's parameter: RFC 7162 3.1.8). Answered from the mailbox
// snapshot. A failing SELECT leaves nothing selected and says nothing untagged (MSS-84).
#include "imap/commands/mailbox_argument.h"
#include "imap/grammar/object_id.h"
#include "imap/response/responses.h"
#include "imap/session/read_record.h"
#include "imap/session/updates.h"
#include "imap/session/url_message.h"

#include <set>

namespace cpm::imap::commands::select {

namespace {

struct SelectCommand {
  std::string mailbox;
  bool examine = false;
  std::vector<SelectAction> actions;
};

SelectCommand parse_any(wire::Lexer& lexer, const ParseContext& context, bool examine) {
  SelectCommand command;
  command.examine = examine;
  lexer.sp();
  command.mailbox = grammar::parse_mailbox(lexer);
  if (lexer.peek() == ' ' && lexer.peek_at(1) == '(') {
    lexer.sp();
    std::set<const SelectParameterSpec*> named;
    lexer.list(false, [&] {
      const std::string name = lexer.word();
      const SelectParameterSpec* parameter = context.registry.select_parameter(name);
      if (parameter == nullptr) lexer.bad("Unknown parameter " + name);
      if (!named.insert(parameter).second) lexer.bad("Parameter given twice: " + name);
      command.actions.push_back(parameter->parse(lexer, context));
    });
  }
  lexer.end();
  return command;
}

SelectCommand parse_select(wire::Lexer& lexer, const ParseContext& context) { return parse_any(lexer, context, false); }
SelectCommand parse_examine(wire::Lexer& lexer, const ParseContext& context) { return parse_any(lexer, context, true); }

struct Opened {
  std::shared_ptr<const Snapshot> base;      // what was in memory; null: nothing
  std::optional<schema::ChangeSet> changes;  // since `base`; none: it is current
  UidSet recent;
  FlagRights rights;
  bool read_only = false;  // nothing that others see may be changed here
};

// READ-ONLY (RFC 4314 5.2): \Seen is no shared flag, and may be changed nevertheless.
bool changes_nothing(const schema::Grant& grant) {
  constexpr schema::Rights kChanges =
      schema::kWrite | schema::kInsert | schema::kDeleteMessage | schema::kExpunge | schema::kAnnotate;
  return (grant.rights() & kChanges) == 0;
}

bool is_current(const Snapshot* base, const schema::MailboxRow& now) {
  return base != nullptr && base->mailbox.highestmodseq == now.highestmodseq && base->mailbox.path == now.path &&
         base->mailbox.uidnext == now.uidnext;
}

// The common case: the picture in memory is current and nobody has to be told \Recent. None: the long way.
std::optional<Opened> open_current(const schema::Grant& grant, bool examine, const SnapshotCache& cache) {
  const schema::MailboxRow& now = grant.mailbox();
  const auto base = cache.peek(now.ref(), now.reader);
  std::optional<Opened> opened;
  if (is_current(base.get(), now) && (examine || now.recent_from >= now.uidnext)) {
    opened.emplace();
    opened->base = base;
    opened->rights = flag_rights(grant);
    opened->read_only = changes_nothing(grant);
    if (now.recent_from < now.uidnext) opened->recent.add(now.recent_from.value, now.uidnext.value - 1);
  }
  return opened;
}

// One transaction: rights, what changed since the picture we have, and \Recent.
Result<Opened> open(schema::Transaction& tx, const schema::Principal& who, const std::string& path, bool examine,
                    const SnapshotCache& cache) {
  CPM_TRY(grant, schema::authorize(tx, who, path, schema::kRead));
  Opened opened;
  opened.rights = flag_rights(grant);
  opened.read_only = changes_nothing(grant);
  const Uid uidnext = grant.mailbox().uidnext;
  Uid recent_from = grant.own() ? grant.mailbox().recent_from : uidnext;  // \Recent is the owner's
  if (!examine && recent_from < uidnext) {
    CPM_TRY(claimed, schema::claim_recent(tx, grant, uidnext));
    recent_from = claimed;
  }
  if (recent_from < uidnext) opened.recent.add(recent_from.value, uidnext.value - 1);
  opened.base = cache.peek(grant.ref(), grant.mailbox().reader);
  const Snapshot* base = opened.base.get();
  if (is_current(base, grant.mailbox())) {
    return opened;
  }
  CPM_TRY(changes, schema::changes_since(tx, grant, base != nullptr ? base->mailbox.highestmodseq : ModSeq{0}));
  opened.changes = std::move(changes);
  return opened;
}

void describe_mailbox(Session& session, bool was_selected) {
  const Selected& selected = *session.selected;
  const Snapshot& snapshot = selected.view.snapshot();
  if (was_selected) session.out << Untagged{"OK", "CLOSED", "Previous mailbox closed"};
  session.out << FlagsList{defined_flags(session, snapshot.keywords)};
  session.out << Exists{selected.view.exists()};
  if (!session.enabled.rev2) {
    session.out << Recent{recent_count(selected)};
    const bool unseen = snapshot.mailbox.unseen > 0 && !session.enabled.uid_only;  // the code holds a number
    for (std::size_t i = 0; unseen && i < snapshot.size(); ++i) {
      if ((snapshot.bits[i] & schema::kSeen) != 0) continue;
      session.out << Untagged{"OK", "UNSEEN " + std::to_string(i + 1), "First unseen message"};
      break;
    }
  }
  const std::string permanent = permanent_flags(session, snapshot.keywords);
  session.out << Untagged{"OK", permanent, selected.read_only ? "Read only: changes are refused" : "Flags permitted"};
  session.out << Untagged{"OK", "UIDVALIDITY " + std::to_string(snapshot.mailbox.uidvalidity.value), "UIDs valid"};
  session.out << Untagged{"OK", "UIDNEXT " + std::to_string(snapshot.mailbox.uidnext.value), "Predicted next UID"};
  if (session.services.registry.has("objectid")) {
    session.out << Untagged{"OK", "MAILBOXID (" + mailbox_object_id(snapshot.mailbox) + ")", "Identifier"};
  }
  if (session.services.registry.has("annotate")) {
    // What EXAMINE opened is changed by no command.
    const std::string most = std::to_string(session.limits().metadata_value_octets);
    session.out << Untagged{"OK", "ANNOTATIONS " + (selected.read_only ? "READ-ONLY" : most),
                            "Annotations of messages"};
  }
  session.out << Untagged{"OK", "HIGHESTMODSEQ " + std::to_string(snapshot.mailbox.highestmodseq.value), "Highest"};
  if (tells_url_mechanisms(session)) session.out << Untagged{"OK", "URLMECH INTERNAL", "URLs can be authorized"};
  if (session.enabled.rev2) {
    ListData data;
    data.path = snapshot.mailbox.path;
    session.out << data;
  }
}

boost::asio::awaitable<Done> execute(Session& session, SelectCommand command) {
  const bool was_selected = session.selected.has_value();
  const auto path = existing_path(session, command.mailbox);
  if (!path) {
    session.unselect();
    co_return failed(path.error());
  }
  const schema::Principal who = *session.principal;
  SnapshotCache& cache = session.services.snapshots;
  auto looked = co_await schema::authorize_at_once(session.services.db, who, *path, schema::kRead);
  std::optional<Opened> current;
  if (looked && *looked) current = open_current(**looked, command.examine, cache);
  Result<Opened> opened = Opened{};
  if (looked && !*looked) {
    opened = looked->error();
  } else if (current) {
    opened = std::move(*current);
  } else {
    auto work = [who, name = *path, examine = command.examine, &cache](schema::Transaction& tx) {
      return open(tx, who, name, examine, cache);
    };
    auto worked = co_await session.db(std::move(work));
    opened = std::move(worked);
  }
  session.unselect();
  if (!opened) co_return failed(opened.error());
  // The changes belong to that base and no other, whatever the cache holds by now.
  std::shared_ptr<const Snapshot> snapshot =
      opened->changes ? cache.remember(opened->base, std::move(*opened->changes)) : opened->base;
  for (const SelectAction& action : command.actions) {
    if (action.before) action.before(session);
  }
  session.select(std::move(snapshot), command.examine, opened->rights, std::move(opened->recent));
  describe_mailbox(session, was_selected);
  for (const SelectAction& action : command.actions) {
    if (!action.after) continue;
    auto said = co_await action.after(session);
    if (said) continue;
    session.unselect();
    co_return failed(said.error());
  }
  auto recorded = co_await record_opened(session, command.examine);
  if (!recorded) {
    session.unselect();
    co_return failed(recorded.error());
  }
  if (session.notify) {  // it hears unasked when its rights end
    auto access = co_await check_access(session, true);
    static_cast<void>(access);
  }
  co_return ok(command.examine ? "EXAMINE completed" : "SELECT completed",
               command.examine || opened->read_only ? "READ-ONLY" : "READ-WRITE");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "select";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 7162"};
  extension.commands = {command("SELECT", kLoggedIn, kNoFlags, parse_select, execute),
                        command("EXAMINE", kLoggedIn, kNoFlags, parse_examine, execute)};
  extension.response_codes = {"ANNOTATIONS", "CLOSED",     "HIGHESTMODSEQ", "MAILBOXID",   "PERMANENTFLAGS",
                              "READ-ONLY",   "READ-WRITE", "UIDNEXT",       "UIDVALIDITY", "UNSEEN"};
  return extension;
}

}  // namespace cpm::imap::commands::select
