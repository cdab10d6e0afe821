// SORT and UID SORT (RFC 5256), with result options when ESORT is on (RFC 5267 3). What is asked for in the old way is
// answered by exactly one untagged SORT, also when nothing is found.
#include "imap/commands/search_options.h"
#include "imap/grammar/sort_program.h"
#include "imap/response/responses.h"
#include "imap/session/contexts.h"

#include <algorithm>

namespace cpm::imap::ext::sort {

namespace {

struct SortCommand {
  bool uid = false;
  bool extended = false;  // RETURN given
  SearchOptions options;
  SortOrder order;
  SearchCriteria criteria;

  [[nodiscard]] bool by(SortKey key) const {
    return std::any_of(order.begin(), order.end(), [key](const SortCriterion& one) { return one.key == key; });
  }
};

SortCommand parse_any(wire::Lexer& lexer, const ParseContext& context, bool uid) {
  SortCommand command;
  command.uid = uid;
  lexer.sp();
  if (context.registry.has("esort") && lexer.try_word("RETURN")) {
    lexer.sp();
    command.extended = true;
    command.options = parse_search_return(lexer, context);
    lexer.sp();
  } else {
    command.options.all = true;
  }
  command.order = parse_sort_criteria(lexer, context);
  lexer.sp();
  command.criteria = parse_criteria(lexer, context, Charset::comes_first);
  check_relevancy(lexer, command.options, command.criteria);
  if (command.by(SortKey::relevancy) && !command.criteria.uses_fuzzy) lexer.bad("RELEVANCY needs a FUZZY search key");
  return command;
}

SortCommand parse_sort(wire::Lexer& lexer, const ParseContext& context) { return parse_any(lexer, context, false); }
SortCommand parse_uid_sort(wire::Lexer& lexer, const ParseContext& context) { return parse_any(lexer, context, true); }

boost::asio::awaitable<Result<void>> write(Session& session, const SortCommand& command,
                                           const std::vector<std::uint32_t>& numbers,
                                           std::optional<std::uint64_t> modseq,
                                           const std::vector<std::uint8_t>& relevancy) {
  wire::Encoder out = session.out.encoder();
  Result<void> sent;
  if (command.extended) {
    out.raw("* ESEARCH (TAG ").string(session.tag).raw(")");
    if (command.uid) out.raw(" UID");
    sent = co_await write_sorted_items(session, command.options, numbers, modseq, relevancy);
  } else {
    out.raw("* SORT");
    sent = co_await write_numbers(session, numbers);
    if (sent && modseq && !numbers.empty()) out.raw(" (MODSEQ ").number(*modseq).raw(")");
  }
  if (sent) out.crlf();
  co_return sent;
}

boost::asio::awaitable<Done> answer(Session& session, SortCommand& command) {
  if (command.options.update && update_tag_in_use(session)) co_return bad("Tag reuse");
  auto refused = co_await make_ready(session, command.criteria);
  if (refused) co_return std::move(*refused);
  auto outcome = co_await search(session, *command.criteria.program);
  if (!outcome) co_return failed(outcome.error());
  const MailboxId mailbox = session.selected->view.snapshot().mailbox.id;
  auto scores = std::make_shared<const Scores>(Scores{outcome->uids.numbers(), std::move(outcome->relevancy)});
  auto sorted =
      co_await sort_messages(session, mailbox, outcome->uids.numbers(), command.order, session.collation, scores);
  if (!sorted) co_return failed(sorted.error());
  std::vector<std::uint8_t> relevancy;
  if (command.options.relevancy) {
    for (const std::uint32_t uid : *sorted) relevancy.push_back(scores->of(uid));
  }
  // Scores are of this moment, and annotations change.
  const bool changing = command.by(SortKey::relevancy) || command.by(SortKey::annotation);
  const bool update_refused = command.options.update && changing;
  SearchUpdate update;
  if (command.options.update && !update_refused) {
    update.uid = command.uid;
    update.fetch = command.options.update_fetch;
    update.program = frozen(session, *command.criteria.program);
    update.order = command.order;
    update.collation = session.collation;
    update.members = outcome->uids;
    update.sorted = *sorted;
  }
  const UidSet kept = reported(command.options, *sorted);
  if (command.options.save) session.saved_search = kept;
  std::optional<std::uint64_t> modseq;
  if (command.criteria.uses_modseq) modseq = highest_modseq(*outcome->snapshot, kept);
  if (!command.uid) {
    for (std::uint32_t& number : *sorted) number = session.selected->view.msn_of(Uid{number}).value;
  }
  if (!command.extended || command.options.says_something()) {
    session.mid_response = true;
    auto written = co_await write(session, command, *sorted, modseq, relevancy);
    if (!written) co_return failed(written.error());
    session.mid_response = false;
  }
  if (update_refused) {
    refuse_update(session, "No updates for an order by relevancy or annotations");
  } else if (command.options.update) {
    start_update(session, std::move(update));
  }
  co_return ok("SORT completed");
}

boost::asio::awaitable<Done> execute(Session& session, SortCommand command) {
  Done done = co_await answer(session, command);
  if (done.kind != Done::Kind::ok && command.options.save) session.saved_search = {};  // RFC 5182 2.1
  co_return done;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "sort";
  extension.rfcs = {"RFC 5256", "RFC 5267", "RFC 7162"};
  extension.requires_names = {"search"};
  extension.capabilities = {{"SORT"}};
  extension.commands = {command("SORT", kSelected, kUsesMsn, parse_sort, execute),
                        command("UID SORT", kSelected, kNoFlags, parse_uid_sort, execute)};
  extension.response_codes = {"BADCHARSET"};
  return extension;
}

}  // namespace cpm::imap::ext::sort
