// SEARCH and UID SEARCH (RFC 9051 6.4.4) with result options (RFC 4731 ESEARCH, RFC 9394 PARTIAL) and saved results
// (RFC 5182 SEARCHRES). Sessions without IMAP4rev2 that ask for no options get the old untagged SEARCH, exactly one
// line, also when nothing is found.
#include "imap/session/search.h"
#include "imap/grammar/partial_range.h"
#include "imap/response/responses.h"

namespace cpm::imap::commands::search {

namespace {

struct SearchCommand {
  bool uid = false;
  bool extended = false;  // RETURN given, or IMAP4rev2 enabled
  bool min = false, max = false, all = false, count = false, save = false;
  std::optional<grammar::PartialRange> partial;
  bool bad_charset = false;
  bool uses_modseq = false;
  std::shared_ptr<SearchNode> program;
};

void parse_return(wire::Lexer& lexer, const ParseContext& context, SearchCommand& command) {
  lexer.sp();
  command.extended = true;
  bool any = false;
  lexer.list(true, [&] {
    const std::string name = lexer.word();
    any = true;
    if (name == "MIN") {
      command.min = true;
    } else if (name == "MAX") {
      command.max = true;
    } else if (name == "ALL") {
      command.all = true;
    } else if (name == "COUNT") {
      command.count = true;
    } else if (name == "SAVE") {
      command.save = true;
    } else if (name == "PARTIAL" && context.registry.has("partial")) {
      if (command.partial) lexer.bad("PARTIAL given twice");
      lexer.sp();
      command.partial = grammar::parse_partial_range(lexer);
    } else {
      lexer.bad("Unknown search result option " + name);
    }
  });
  if (!any) command.all = true;
  if (command.all && command.partial) lexer.bad("ALL and PARTIAL exclude each other");
}

SearchCommand parse_any(wire::Lexer& lexer, const ParseContext& context, bool uid) {
  SearchCommand command;
  command.uid = uid;
  lexer.sp();
  if (lexer.try_word("RETURN")) {
    parse_return(lexer, context, command);
    lexer.sp();
  } else if (context.rev2) {
    command.extended = command.all = true;
  }
  SearchContext search{context.registry};
  search.no_charset = context.utf8_accept;
  command.program = std::make_shared<SearchNode>(parse_search_program(lexer, search));
  command.bad_charset = search.bad_charset;
  command.uses_modseq = search.uses_modseq;
  return command;
}

SearchCommand parse_search(wire::Lexer& lexer, const ParseContext& context) { return parse_any(lexer, context, false); }
SearchCommand parse_uid_search(wire::Lexer& lexer, const ParseContext& context) {
  return parse_any(lexer, context, true);
}

// Numbers as the client asked for them.
NumberSet numbered(const Session& session, bool uid, const UidSet& uids) {
  if (uid) return uids;
  NumberSet numbers;
  for (const auto& range : uids.ranges()) {
    for (std::uint64_t one = range.first; one <= range.last; ++one) {
      const Msn msn = session.selected->view.msn_of(Uid{static_cast<std::uint32_t>(one)});
      if (msn) numbers.add(msn.value);
    }
  }
  return numbers;
}

void write_extended(Session& session, const SearchCommand& command, const NumberSet& numbers,
                    std::optional<std::uint64_t> modseq) {
  wire::Encoder out = session.out.encoder();
  out.raw("* ESEARCH (TAG ").string(session.tag).raw(")");
  if (command.uid) out.raw(" UID");
  if (command.min && !numbers.empty()) out.raw(" MIN ").number(numbers.min());
  if (command.max && !numbers.empty()) out.raw(" MAX ").number(numbers.max());
  if (command.all && !numbers.empty()) out.raw(" ALL ").set(numbers);
  if (command.partial) {
    const NumberSet chosen = command.partial->choose(numbers);
    out.raw(" PARTIAL (").raw(command.partial->to_string()).sp();
    if (chosen.empty()) {
      out.raw("NIL)");
    } else {
      out.set(chosen).raw(")");
    }
  }
  if (command.count) out.raw(" COUNT ").number(numbers.size());
  if (modseq && !numbers.empty()) out.raw(" MODSEQ ").number(*modseq);
  out.crlf();
}

// The messages that MIN, MAX and PARTIAL name, or all when something else is asked.
UidSet reported(const SearchCommand& command, const UidSet& uids) {
  if (uids.empty() || command.all || command.count || (!command.min && !command.max && !command.partial)) return uids;
  UidSet kept;
  if (command.min) kept.add(uids.min());
  if (command.max) kept.add(uids.max());
  if (command.partial) kept.merge(command.partial->choose(uids));
  return kept;
}

// The MODSEQ of the reply: of the found messages that are reported (RFC 7162 3.1.5, RFC 4731 3.2).
std::uint64_t reported_modseq(const SearchCommand& command, const SearchOutcome& outcome) {
  if (!command.extended || command.all || command.count || outcome.uids.empty()) return outcome.highest_modseq.value;
  std::uint64_t modseq = 0;
  for (const std::uint32_t uid : reported(command, outcome.uids).numbers()) {
    const std::size_t index = outcome.snapshot->index_of(uid);
    if (index != Snapshot::npos) modseq = std::max<std::uint64_t>(modseq, outcome.snapshot->modseqs[index]);
  }
  return modseq;
}

boost::asio::awaitable<Done> execute(Session& session, SearchCommand command) {
  if (command.bad_charset) {
    if (command.save) session.saved_search = {};
    co_return failed(fail(Failure::bad_charset, "Charset not supported"));
  }
  if (command.uses_modseq) session.enable_condstore();
  auto outcome = co_await imap::search(session, *command.program);
  if (!outcome) {
    if (command.save) session.saved_search = {};  // a failed SAVE leaves nothing (RFC 5182 2.1)
    co_return failed(outcome.error());
  }
  if (command.save) session.saved_search = reported(command, outcome->uids);  // RFC 5182 2.4, RFC 9394 3.2
  const NumberSet numbers = numbered(session, command.uid, outcome->uids);
  std::optional<std::uint64_t> modseq;
  if (command.uses_modseq) modseq = reported_modseq(command, *outcome);
  const bool says_something = command.min || command.max || command.all || command.count || command.partial;
  if (!command.extended) {
    session.out << SearchData{numbers.numbers(), modseq};
  } else if (says_something) {
    write_extended(session, command, numbers, modseq);
  }
  co_return ok("SEARCH completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "search";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 4731", "RFC 5182", "RFC 7162", "RFC 9394"};
  extension.capabilities = {{"ESEARCH"}, {"SEARCHRES"}};
  extension.commands = {command("SEARCH", kSelected, kUsesMsn, parse_search, execute),
                        command("UID SEARCH", kSelected, kNoFlags, parse_uid_search, execute)};
  extension.response_codes = {"BADCHARSET"};
  return extension;
}

}  // namespace cpm::imap::commands::search
