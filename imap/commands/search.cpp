// SEARCH and UID SEARCH (RFC 9051 6.4.4) with result options (RFC 4731 ESEARCH, RFC 9394 PARTIAL) and saved results
// (RFC 5182 SEARCHRES). Sessions without IMAP4rev2 that ask for no options get the old untagged SEARCH, exactly one
// line, also when nothing is found.
#include "imap/commands/search_options.h"
#include "imap/response/responses.h"
#include "imap/session/contexts.h"

namespace cpm::imap::commands::search {

namespace {

struct SearchCommand {
  bool uid = false;
  bool extended = false;  // RETURN given, or IMAP4rev2 enabled
  SearchOptions options;
  SearchCriteria criteria;
};

SearchCommand parse_any(wire::Lexer& lexer, const ParseContext& context, bool uid) {
  SearchCommand command;
  command.uid = uid;
  lexer.sp();
  if (lexer.try_word("RETURN")) {
    lexer.sp();
    command.extended = true;
    command.options = parse_search_return(lexer, context);
    lexer.sp();
  } else {
    command.extended = context.rev2;
    command.options.all = true;
  }
  command.criteria = parse_criteria(lexer, context, Charset::may_be_given);
  check_relevancy(lexer, command.options, command.criteria);
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
                    std::optional<std::uint64_t> modseq, const std::vector<std::uint8_t>& relevancy) {
  wire::Encoder out = session.out.encoder();
  out.raw("* ESEARCH (TAG ").string(session.tag).raw(")");
  if (command.uid) out.raw(" UID");
  write_search_items(out, command.options, numbers, modseq, relevancy);
  out.crlf();
}

boost::asio::awaitable<Done> execute(Session& session, SearchCommand command) {
  if (command.options.update && update_tag_in_use(session)) co_return bad("Tag reuse");
  auto refused = co_await make_ready(session, command.criteria);
  if (refused) {
    if (command.options.save) session.saved_search = {};
    co_return std::move(*refused);
  }
  auto outcome = co_await imap::search(session, *command.criteria.program);
  if (!outcome) {
    if (command.options.save) session.saved_search = {};  // a failed SAVE leaves nothing (RFC 5182 2.1)
    co_return failed(outcome.error());
  }
  SearchUpdate update;
  if (command.options.update) {
    update.uid = command.uid;
    update.fetch = command.options.update_fetch;
    update.program = frozen(session, *command.criteria.program);
    update.members = outcome->uids;
  }
  if (command.options.save)
    session.saved_search = reported(command.options, outcome->uids);  // RFC 5182 2.4, RFC 9394 3.2
  const NumberSet numbers = numbered(session, command.uid, outcome->uids);
  std::optional<std::uint64_t> modseq;
  if (command.criteria.uses_modseq) modseq = reported_modseq(command.options, *outcome);
  if (!command.extended) {
    session.out << SearchData{numbers.numbers(), modseq};
  } else if (command.options.says_something()) {
    write_extended(session, command, numbers, modseq, outcome->relevancy);
  }
  if (command.options.update) start_update(session, std::move(update));
  co_return ok("SEARCH completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "search";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 4731", "RFC 5182", "RFC 5267", "RFC 7162", "RFC 9394"};
  extension.capabilities = {{"ESEARCH"}, {"SEARCHRES"}};
  extension.commands = {command("SEARCH", kSelected, kUsesMsn, parse_search, execute),
                        command("UID SEARCH", kSelected, kNoFlags, parse_uid_search, execute)};
  extension.response_codes = {"BADCHARSET"};
  return extension;
}

}  // namespace cpm::imap::commands::search
