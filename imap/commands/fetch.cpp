// FETCH and UID FETCH (RFC 9051 6.4.5) with CHANGEDSINCE (RFC 7162 3.1.4), VANISHED (3.2.6) and PARTIAL (RFC 9394 3.3).
// Flags, UIDs and MODSEQs come from the mailbox snapshot, brought up to date by one statement; rows are read in pages;
// responses leave with back-pressure, so memory is bounded whatever is asked.
#include "imap/commands/fetch_item.h"
#include "imap/grammar/partial_range.h"
#include "imap/grammar/sequence_set.h"
#include "imap/response/responses.h"
#include "imap/session/ahead.h"
#include "imap/session/message_limit.h"
#include "imap/session/pieces.h"
#include "imap/session/read_record.h"
#include "imap/session/resync.h"
#include "imap/session/updates.h"
#include "schema/messages.h"

#include <algorithm>
#include <map>

namespace cpm::imap::commands::fetch {

namespace {

constexpr std::size_t kPage = 500;          // rows of a statement
constexpr std::size_t kPageWithBytes = 64;  // … when they carry their octets
constexpr std::uint64_t kInlineOctets = 32 * 1024;
constexpr std::size_t kPagesAhead = 2;  // read while one is written; one when they carry octets

struct FetchCommand {
  bool uid = false;
  grammar::SequenceSet set;
  FetchItems items;
  std::optional<ModSeq> changed_since;
  bool vanished = false;  // QRESYNC
  std::optional<grammar::PartialRange> partial;
};

void add_item(wire::Lexer& lexer, const ParseContext& context, FetchItems& items, bool macros) {
  std::string name;
  // BODY[…] and BINARY[…]: the name ends at the bracket, which is an atom character.
  while (wire::is_atom_char(static_cast<unsigned char>(lexer.peek())) && lexer.peek() != '[') {
    name += lexer.peek();
    lexer.take(lexer.peek());
  }
  name = wire::upper(name);
  const FetchItemSpec* spec = context.registry.fetch_item(name);
  const bool macro = name == "ALL" || name == "FAST" || name == "FULL";
  if (spec == nullptr || (macro && !macros)) lexer.bad("Unknown FETCH item " + name);
  for (auto& item : spec->parse(lexer, context)) {
    const bool known =
        std::any_of(items.begin(), items.end(), [&](const auto& other) { return other->key() == item->key(); });
    if (!known) items.push_back(std::move(item));
  }
  if (items.size() > context.limits.fetch_items) lexer.bad("Too many FETCH items");
}

void put_item(FetchItems& items, std::shared_ptr<const FetchItem> item, bool first) {
  const auto at =
      std::find_if(items.begin(), items.end(), [&](const auto& other) { return other->key() == item->key(); });
  if (first && at != items.end()) items.erase(at);
  if (first) {
    items.insert(items.begin(), std::move(item));
  } else if (at == items.end()) {
    items.push_back(std::move(item));
  }
}

void literals_last(FetchItems& items) {
  std::stable_partition(items.begin(), items.end(), [](const auto& item) { return !item->has_literal(); });
}

FetchCommand parse_any(wire::Lexer& lexer, const ParseContext& context, bool uid) {
  FetchCommand command;
  command.uid = uid;
  lexer.sp();
  command.set = grammar::parse_sequence_set(lexer);
  lexer.sp();
  if (lexer.peek() == '(') {
    lexer.list(false, [&] { add_item(lexer, context, command.items, false); });
  } else {
    add_item(lexer, context, command.items, true);
  }
  if (lexer.peek() == ' ' && lexer.peek_at(1) == '(') {
    lexer.sp();
    lexer.list(false, [&] {
      const std::string name = lexer.word();
      if (name == "VANISHED") {
        if (!uid || !context.qresync) lexer.bad("VANISHED belongs to UID FETCH after ENABLE QRESYNC");
        if (command.vanished) lexer.bad("VANISHED given twice");
        command.vanished = true;
        return;
      }
      if (name == "PARTIAL" && context.registry.has("partial")) {
        if (!uid) lexer.bad("PARTIAL belongs to UID FETCH");
        if (command.partial) lexer.bad("PARTIAL given twice");
        lexer.sp();
        command.partial = grammar::parse_partial_range(lexer);
        return;
      }
      if (name != "CHANGEDSINCE") lexer.bad("Unknown FETCH modifier " + name);
      if (command.changed_since) lexer.bad("CHANGEDSINCE given twice");
      lexer.sp();
      command.changed_since = ModSeq{lexer.number64()};
    });
    if (command.vanished && !command.changed_since) lexer.bad("VANISHED needs CHANGEDSINCE");
  }
  lexer.end();
  if (command.changed_since) put_item(command.items, modseq_item(), false);
  const bool asked =
      std::any_of(command.items.begin(), command.items.end(), [](const auto& item) { return item->key() == "UID"; });
  // UIDFETCH names the UID anyway (RFC 9586 3.3).
  if ((uid && !context.uid_only) || asked) put_item(command.items, uid_item(), true);
  literals_last(command.items);
  return command;
}

FetchCommand parse_fetch(wire::Lexer& lexer, const ParseContext& context) { return parse_any(lexer, context, false); }
FetchCommand parse_uid_fetch(wire::Lexer& lexer, const ParseContext& context) {
  return parse_any(lexer, context, true);
}

class Fetcher {
 public:
  Fetcher(Session& session, FetchCommand command) : session_(session), command_(std::move(command)) {
    for (const auto& item : command_.items) {
      columns_ |= item->columns();
      needs_rows_ = needs_rows_ || item->needs_row();
      sets_seen_ = sets_seen_ || item->sets_seen();
      if (const auto* wanted = item->annotations()) add_wanted(*wanted);
    }
  }

  boost::asio::awaitable<Done> run() {
    if (has(modseq_item()) || command_.changed_since) session_.enable_condstore();
    if (command_.vanished) {
      auto told = co_await tell_vanished();
      if (!told) co_return failed(told.error());
    }
    auto uids = session_.selected->view.resolve(command_.set, command_.uid, session_.saved_search);
    if (!uids) co_return failed(uids.error());
    if (command_.partial) {
      const std::uint64_t limit = message_limit(session_);
      if (limit > 0 && command_.partial->size() > limit) {
        co_return no("The range holds more messages than a command may take", message_limit_code(limit, std::nullopt));
      }
      *uids = command_.partial->choose(*uids);
    }
    if (uids->empty()) co_return ok("FETCH completed, no messages");
    by_command_ = true;
    auto written = co_await fetch(std::move(*uids));
    if (!written) co_return failed(written.error());
    // Messages that another session expunged meanwhile are left out (RFC 2180 4.1.2); the client hears of it at its
    // next safe point.
    co_return ok("FETCH completed", some_gone_ && !command_.uid ? "EXPUNGEISSUED" : "");
  }

  // REQUIRES: uids of the view.
  boost::asio::awaitable<Result<void>> fetch(UidSet uids) {
    auto latest = co_await session_.services.snapshots.latest(
        session_.services.db, session_.limits().command_deadline, *session_.principal,
        session_.selected->view.snapshot().mailbox.ref(), session_.selected->view.shared());
    if (!latest) co_return latest.error();
    snapshot_ = *latest;
    UidSet there = wanted_of(uids);
    if (by_command_) there = within_limit(session_, std::move(there));
    descending_ = by_command_ && session_.limited_at.has_value();
    for (const auto& item : command_.items) {
      if (!by_command_) break;
      auto ready = co_await item->prepare(session_, there);
      if (!ready) co_return ready.error();
    }
    std::vector<std::uint32_t> wanted = there.numbers();
    if (sets_seen_ && !session_.selected->read_only) {
      auto seen = co_await set_seen(wanted);
      if (!seen) co_return seen.error();
    }
    if (descending_) std::reverse(wanted.begin(), wanted.end());  // the greatest first (RFC 9738 3.1)
    Result<void> written;
    if (needs_rows_) {
      written = co_await with_rows(wanted);
    } else {
      written = co_await without_rows(wanted);
    }
    for (const auto& item : command_.items) co_await item->finish(session_);
    co_return written;
  }

 private:
  // The view is brought up to date with it: what is in it vanishes in the one way and all else in the other (RFC 7162
  // 3.2.6, 3.2.10). `*` is UIDNEXT - 1: the client asks for what it may not know.
  boost::asio::awaitable<Result<void>> tell_vanished() {
    const Uid uidnext = session_.selected->view.snapshot().mailbox.uidnext;
    UidSet among = command_.set.saved ? session_.saved_search : command_.set.resolve(uidnext.value - 1);
    auto vanished = co_await vanished_since(session_, std::move(among), *command_.changed_since);
    if (!vanished) co_return vanished.error();
    Tell everything;
    everything.everything = true;
    everything.earlier = std::move(*vanished);
    auto told = co_await tell_updates(session_, std::move(everything));
    co_return told;
  }

  // What is there and passes CHANGEDSINCE.
  [[nodiscard]] UidSet wanted_of(const UidSet& uids) {
    UidSet wanted;
    std::uint64_t there = 0;
    for (const auto& range : uids.ranges()) {
      for (std::size_t i = snapshot_->lower_bound(range.first);
           i < snapshot_->size() && snapshot_->uids[i] <= range.last; ++i) {
        ++there;
        if (!command_.changed_since || snapshot_->modseqs[i] > command_.changed_since->value) {
          wanted.add(snapshot_->uids[i]);
        }
      }
    }
    some_gone_ = there < uids.size();
    return wanted;
  }

  // \Seen is set before the first octet leaves; the new flags travel with the body (RFC 9051 6.4.5).
  boost::asio::awaitable<Result<void>> set_seen(const std::vector<std::uint32_t>& uids) {
    UidSet unseen;
    for (const std::uint32_t uid : uids) {
      if ((snapshot_->bits[snapshot_->index_of(uid)] & schema::kSeen) == 0) unseen.add(uid);
    }
    if (unseen.empty()) co_return Result<void>{};
    const schema::Principal who = *session_.principal;
    const schema::MailboxRef mailbox = snapshot_->mailbox.ref();
    const Limits& limits = session_.limits();
    std::vector<UidSet> pieces = in_pieces(unseen);
    for (UidSet& piece : pieces) {
      schema::StoreRequest request;
      request.uids = std::move(piece);
      request.change = schema::FlagChange::add;
      request.flags.bits = schema::kSeen;
      auto work = [who, mailbox, request, &limits](schema::Transaction& tx) -> Result<schema::StoreResult> {
        auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
        if (!grant) return grant.error();
        if (!grant->holds(schema::kKeepSeen)) return schema::StoreResult{};
        return schema::store_flags(tx, *grant, request, limits);
      };
      const bool own = mailbox.account == who.account;
      auto stored = co_await session_.db(std::move(work), own ? schema::Mode::single : schema::Mode::transaction);
      if (!stored) co_return stored.error();
      for (schema::MessageFlags& message : stored->messages) {
        if (stored->changed.contains(message.uid.value)) newly_seen_.emplace(message.uid.value, std::move(message));
      }
      if (!stored->changed.empty()) session_.changed(mailbox);
      if (session_.terminated) co_return being_ended();
    }
    co_return Result<void>{};
  }

  [[nodiscard]] FetchMessage message_of(std::uint32_t uid, const schema::MessageRow* row) const {
    const auto seen = newly_seen_.find(uid);
    return FetchMessage{session_, row,
                        seen != newly_seen_.end() ? seen->second : snapshot_->flags_at(snapshot_->index_of(uid)),
                        snapshot_->keywords, std::nullopt};
  }

  // The flags may be newer than the view: STORE.SILENT and updates go by what the client was told.
  void note_told(const schema::MessageFlags& flags) const {
    const Snapshot& view = session_.selected->view.snapshot();
    const std::size_t index = view.index_of(flags.uid.value);
    const bool newer = index == Snapshot::npos || view.modseqs[index] != flags.modseq.value;
    if (newer) session_.selected->told.insert_or_assign(flags.uid.value, flags);
  }

  // "* 5 FETCH (UID 7 FLAGS (…)" up to the literals.
  void write_small(FetchMessage& message) const {
    wire::Encoder out = session_.out.encoder();
    encode(out, FetchHead{session_.selected->view.msn_of(message.flags.uid).value, message.flags.uid.value});
    bool first = true;
    bool flags = false;
    bool modseq = false;
    const auto one = [&](const std::shared_ptr<const FetchItem>& item) {
      if (!first) out.sp();
      first = false;
      item->write(message, out);
      flags = flags || item == flags_item();
      modseq = modseq || item == modseq_item();
    };
    const bool newly_seen = newly_seen_.contains(message.flags.uid.value);
    const bool names_uid = session_.enabled.qresync && !session_.enabled.uid_only;
    if (newly_seen && names_uid && !has(uid_item())) one(uid_item());  // RFC 7162 3.2.4
    for (const auto& item : command_.items) {
      if (!item->has_literal()) one(item);
    }
    if (newly_seen && !flags) one(flags_item());
    if (newly_seen && session_.enabled.condstore && !modseq) one(modseq_item());
    if (flags) note_told(message.flags);
    Selected& selected = *session_.selected;
    if (modseq) selected.modseq_said = std::max(selected.modseq_said, message.flags.modseq);
  }

  [[nodiscard]] bool has(const std::shared_ptr<const FetchItem>& item) const {
    return std::find(command_.items.begin(), command_.items.end(), item) != command_.items.end();
  }

  boost::asio::awaitable<Result<void>> without_rows(const std::vector<std::uint32_t>& uids) {
    for (const std::uint32_t uid : uids) {
      FetchMessage message = message_of(uid, nullptr);
      write_small(message);
      session_.out.encoder().raw(")").crlf();
      auto sent = co_await session_.out.relieve();
      if (!sent) co_return sent.error();
      if (session_.terminated) co_return being_ended();
    }
    co_return Result<void>{};
  }

  // What all items together need.
  void add_wanted(const schema::AnnotationsWanted& wanted) {
    if (!annotations_) {
      annotations_ = wanted;
      return;
    }
    if (annotations_->entries.empty() || wanted.entries.empty()) {
      annotations_->entries.clear();
    } else {
      annotations_->entries.insert(annotations_->entries.end(), wanted.entries.begin(), wanted.entries.end());
    }
    annotations_->of_user = annotations_->of_user || wanted.of_user;
    annotations_->shared = annotations_->shared || wanted.shared;
    annotations_->inline_octets = std::max(annotations_->inline_octets, wanted.inline_octets);
  }

  using Rows = std::vector<schema::MessageRow>;

  static Result<void> add_annotations(schema::Transaction& tx, const schema::Grant& grant, AccountId user,
                                      const UidSet& uids, const schema::AnnotationsWanted& wanted, Rows& rows) {
    CPM_TRY(annotated, schema::read_annotations(tx, grant, user, uids, wanted));
    auto row = rows.begin();
    for (schema::MessageAnnotations& one : annotated) {
      while (row != rows.end() && row->uid < one.uid) ++row;
      if (row != rows.end() && row->uid == one.uid) row->annotations = std::move(one.values);
    }
    return {};
  }

  [[nodiscard]] boost::asio::awaitable<Result<Rows>> read_page(UidSet uids) const {
    auto work = [who = *session_.principal, mailbox = snapshot_->mailbox.ref(), uids = std::move(uids),
                 columns = columns_, annotations = annotations_,
                 recorded = session_.reads == Session::Reads::fetch &&
                            (columns_ & schema::kColumnBytes) != 0](schema::Transaction& tx) -> Result<Rows> {
      auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
      if (!grant) return grant.error();
      auto rows = schema::fetch_rows(tx, *grant, uids, columns, kInlineOctets);
      if (rows && annotations) CPM_CHECK(add_annotations(tx, *grant, who.account, uids, *annotations, *rows));
      if (rows && recorded) record_fetched(tx, *grant, *rows);
      return rows;
    };
    const bool writes = session_.reads == Session::Reads::fetch;
    return session_.db(std::move(work), writes ? schema::Mode::transaction : schema::Mode::reads);
  }

  // The next pages are read while this one is written.
  boost::asio::awaitable<Result<void>> with_rows(const std::vector<std::uint32_t>& uids) {
    const bool with_octets = (columns_ & schema::kColumnBytes) != 0 || annotations_.has_value();
    const std::size_t page = with_octets ? kPageWithBytes : kPage;
    const auto part = [&](std::size_t begin) {
      UidSet some;
      for (std::size_t i = begin; i < std::min(uids.size(), begin + page); ++i) some.add(uids[i]);
      return some;
    };
    Ahead<Rows> ahead(session_.stream->executor());
    std::size_t next = 0;
    const auto read_on = [&] {
      for (; next < uids.size() && ahead.size() < (with_octets ? 1 : kPagesAhead); next += page) {
        ahead.start(read_page(part(next)));
      }
    };
    if (by_command_) session_.progress.goal = uids.size();
    for (std::size_t begin = 0; begin < uids.size(); begin += page) {
      if (by_command_) session_.progress.done = begin;
      read_on();
      auto rows = co_await ahead.take();
      if (!rows) co_return rows.error();
      read_on();
      some_gone_ = some_gone_ || rows->size() < std::min(page, uids.size() - begin);
      if (descending_) std::reverse(rows->begin(), rows->end());
      for (const schema::MessageRow& row : *rows) {
        auto written = co_await write_row(row);
        if (!written) co_return written.error();
        if (session_.terminated) co_return being_ended();
      }
    }
    co_return Result<void>{};
  }

  boost::asio::awaitable<Result<void>> write_row(const schema::MessageRow& row) {
    FetchMessage message = message_of(row.uid.value, &row);
    const bool something = newly_seen_.contains(row.uid.value) ||
                           std::any_of(command_.items.begin(), command_.items.end(), [&](const auto& item) {
                             return !item->has_literal() || item->present(message);
                           });
    if (!something) co_return Result<void>{};  // no FETCH with nothing in it
    const Out::Mark begin = session_.out.mark();
    session_.mid_response = true;
    write_small(message);
    bool separate = !session_.out.ends_with('(');
    for (const auto& item : command_.items) {
      if (!item->has_literal() || !item->present(message)) continue;
      if (separate) session_.out.encoder().sp();
      separate = true;
      auto streamed = co_await item->stream(message);
      if (streamed) continue;
      // Half a response on its way: only closing the connection keeps the client from misreading what follows.
      session_.mid_response = !session_.out.rewind(begin);
      co_return streamed.error();
    }
    session_.out.encoder().raw(")").crlf();
    session_.mid_response = false;
    auto sent = co_await session_.out.relieve();
    co_return sent;
  }

  Session& session_;
  FetchCommand command_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::map<std::uint32_t, schema::MessageFlags> newly_seen_;
  std::uint32_t columns_ = 0;
  std::optional<schema::AnnotationsWanted> annotations_;
  bool needs_rows_ = false;
  bool sets_seen_ = false;
  bool some_gone_ = false;
  bool by_command_ = false;  // then its limit and its progress are those of the running command
  bool descending_ = false;
};

boost::asio::awaitable<Done> execute(Session& session, FetchCommand command) {
  Fetcher fetcher(session, std::move(command));
  Done done = co_await fetcher.run();
  co_return done;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "fetch";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 7162", "RFC 9394"};
  extension.commands = {command("FETCH", kSelected, kUsesMsn, parse_fetch, execute),
                        command("UID FETCH", kSelected, kNoFlags, parse_uid_fetch, execute)};
  extension.response_codes = {"EXPUNGEISSUED"};
  return extension;
}

}  // namespace cpm::imap::commands::fetch

namespace cpm::imap {

FetchItems parse_fetch_list(wire::Lexer& lexer, const ParseContext& context) {
  FetchItems items;
  lexer.list(false, [&] { commands::fetch::add_item(lexer, context, items, false); });
  commands::fetch::literals_last(items);
  return items;
}

boost::asio::awaitable<Result<void>> fetch_messages(Session& session, FetchItems items, UidSet uids) {
  commands::fetch::FetchCommand command;
  command.uid = true;
  command.items = std::move(items);
  // UIDFETCH names the UID anyway (RFC 9586 3.3).
  if (!session.enabled.uid_only) commands::fetch::put_item(command.items, uid_item(), true);
  // Each FETCH that is not the answer to one has it (RFC 7162 3.1, 3.2.4).
  if (session.enabled.condstore) commands::fetch::put_item(command.items, modseq_item(), false);
  commands::fetch::literals_last(command.items);
  commands::fetch::Fetcher fetcher(session, std::move(command));
  auto fetched = co_await fetcher.fetch(std::move(uids));
  co_return fetched;
}

}  // namespace cpm::imap
