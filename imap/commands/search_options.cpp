#include "imap/commands/search_options.h"

#include "imap/commands/fetch_item.h"
#include "imap/registry.h"
#include "imap/session/filters.h"

#include <algorithm>
#include <string>

namespace cpm::imap {

namespace {

std::span<const std::uint32_t> slice(const SearchOptions& options, const std::vector<std::uint32_t>& sorted) {
  if (!options.partial) return {};
  const auto places = options.partial->places(sorted.size());
  if (!places) return {};
  return std::span(sorted).subspan(places->first - 1, places->second - places->first + 1);
}

// "5,3,9:12": in their order; only what rises by one makes a range (RFC 5267 3.2).
boost::asio::awaitable<Result<void>> write_sequence(Session& session, std::span<const std::uint32_t> numbers) {
  wire::Encoder out = session.out.encoder();
  for (std::size_t i = 0; i < numbers.size();) {
    if (i > 0) out.raw(",");
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    out.number(numbers[i]);
    if (last > i) out.raw(":").number(numbers[last]);
    i = last + 1;
    if (session.out.buffered() < session.limits().out_buffer_octets) continue;
    auto sent = co_await session.out.relieve();
    if (!sent) co_return sent.error();
  }
  co_return Result<void>{};
}

void write_relevancy(wire::Encoder& out, std::span<const std::uint8_t> scores) {
  out.raw(" RELEVANCY (");
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (i > 0) out.sp();
    out.number(scores[i]);
  }
  out.raw(")");
}

// `$` names messages whatever their numbers.
bool has_numbers(const SearchNode& program) {
  return (program.kind == SearchNode::Kind::numbers && !program.set.saved) ||
         std::any_of(program.children.begin(), program.children.end(), has_numbers);
}

// The scores of what PARTIAL names, or of all.
std::span<const std::uint8_t> slice_scores(const SearchOptions& options, const std::vector<std::uint8_t>& scores) {
  if (!options.partial) return scores;
  const auto places = options.partial->places(scores.size());
  if (!places) return {};
  return std::span(scores).subspan(places->first - 1, places->second - places->first + 1);
}

}  // namespace

SearchCriteria parse_criteria(wire::Lexer& lexer, const ParseContext& context, Charset charset) {
  SearchContext search{context.registry};
  search.no_charset = context.utf8_accept;
  search.collation = context.collation;
  SearchCriteria criteria;
  criteria.program = std::make_shared<const SearchNode>(
      charset == Charset::comes_first ? parse_search_criteria(lexer, search) : parse_search_program(lexer, search));
  criteria.bad_charset = search.bad_charset;
  criteria.uses_modseq = search.uses_modseq;
  criteria.uses_fuzzy = search.uses_fuzzy;
  return criteria;
}

void check_relevancy(wire::Lexer& lexer, const SearchOptions& options, const SearchCriteria& criteria) {
  if (options.relevancy && !criteria.uses_fuzzy) lexer.bad("RELEVANCY needs a FUZZY search key");
}

boost::asio::awaitable<std::optional<Done>> make_ready(Session& session, SearchCriteria& criteria) {
  if (criteria.bad_charset) co_return failed(fail(Failure::bad_charset, "Charset not supported"));
  if (uses_filters(*criteria.program)) {
    auto expanded = co_await expand_filters(session, *criteria.program);
    if (!expanded) co_return failed(expanded.error());
    if (session.enabled.uid_only && has_numbers(expanded->program)) {
      co_return bad("The filter has message numbers", "UIDREQUIRED");  // RFC 9586 3
    }
    criteria.program = std::make_shared<const SearchNode>(std::move(expanded->program));
    criteria.uses_modseq = criteria.uses_modseq || expanded->uses_modseq;
  }
  if (criteria.uses_modseq) session.enable_condstore();
  co_return std::nullopt;
}

SearchOptions parse_search_return(wire::Lexer& lexer, const ParseContext& context) {
  SearchOptions options;
  bool any = false;
  lexer.list(true, [&] {
    const std::string name = lexer.word();
    any = true;
    if (name == "MIN") {
      options.min = true;
    } else if (name == "MAX") {
      options.max = true;
    } else if (name == "ALL") {
      options.all = true;
    } else if (name == "COUNT") {
      options.count = true;
    } else if (name == "SAVE") {
      options.save = true;
    } else if (name == "UPDATE" && context.registry.has("context")) {
      options.update = true;
      const bool blank = lexer.peek() == ' ' && lexer.peek_at(1) == '(';  // the grammar has none, the example has
      if ((blank || lexer.peek() == '(') && context.registry.has("notify")) {
        if (blank) lexer.sp();
        options.update_fetch = std::make_shared<const FetchItems>(parse_fetch_list(lexer, context));
      }
    } else if (name == "CONTEXT" && context.registry.has("context")) {
      options.context = true;
    } else if (name == "RELEVANCY" && context.registry.has("fuzzy")) {
      options.relevancy = true;
    } else if (name == "PARTIAL" && (context.registry.has("partial") || context.registry.has("context"))) {
      if (options.partial) lexer.bad("PARTIAL given twice");
      lexer.sp();
      options.partial = grammar::parse_partial_range(lexer);
      if (options.partial->from_end && !context.registry.has("partial")) lexer.bad("Expected a number");
    } else {
      lexer.bad("Unknown search result option " + name);
    }
  });
  if (!any) options.all = true;
  if (options.all && options.partial) lexer.bad("ALL and PARTIAL exclude each other");
  return options;
}

UidSet reported(const SearchOptions& options, const UidSet& uids) {
  if (uids.empty() || options.all || options.count || (!options.min && !options.max && !options.partial)) return uids;
  UidSet kept;
  if (options.min) kept.add(uids.min());
  if (options.max) kept.add(uids.max());
  if (options.partial) kept.merge(options.partial->choose(uids));
  return kept;
}

UidSet reported(const SearchOptions& options, const std::vector<std::uint32_t>& sorted) {
  std::vector<std::uint32_t> kept;
  if (sorted.empty() || options.all || options.count || (!options.min && !options.max && !options.partial)) {
    kept = sorted;
  } else {
    if (options.min) kept.push_back(sorted.front());
    if (options.max) kept.push_back(sorted.back());
    const auto part = slice(options, sorted);
    kept.insert(kept.end(), part.begin(), part.end());
  }
  std::sort(kept.begin(), kept.end());
  UidSet uids;
  for (const std::uint32_t uid : kept) uids.add(uid);
  return uids;
}

std::uint64_t highest_modseq(const Snapshot& snapshot, const UidSet& uids) {
  std::uint64_t modseq = 0;
  for (const auto& range : uids.ranges()) {
    for (std::size_t i = snapshot.lower_bound(range.first); i < snapshot.size() && snapshot.uids[i] <= range.last;
         ++i) {
      modseq = std::max<std::uint64_t>(modseq, snapshot.modseqs[i]);
    }
  }
  return modseq;
}

std::uint64_t reported_modseq(const SearchOptions& options, const SearchOutcome& outcome) {
  if (options.all || options.count || outcome.uids.empty()) return outcome.highest_modseq.value;
  return highest_modseq(*outcome.snapshot, reported(options, outcome.uids));
}

void write_search_items(wire::Encoder& out, const SearchOptions& options, const NumberSet& numbers,
                        std::optional<std::uint64_t> modseq, const std::vector<std::uint8_t>& relevancy) {
  if (options.min && !numbers.empty()) out.raw(" MIN ").number(numbers.min());
  if (options.max && !numbers.empty()) out.raw(" MAX ").number(numbers.max());
  if (options.all && !numbers.empty()) out.raw(" ALL ").set(numbers);
  if (options.partial) {
    const NumberSet chosen = options.partial->choose(numbers);
    out.raw(" PARTIAL (").raw(options.partial->to_string()).sp();
    if (chosen.empty()) {
      out.raw("NIL)");
    } else {
      out.set(chosen).raw(")");
    }
  }
  if (options.count) out.raw(" COUNT ").number(numbers.size());
  if (modseq && !numbers.empty()) out.raw(" MODSEQ ").number(*modseq);
  if (options.relevancy) write_relevancy(out, slice_scores(options, relevancy));
}

boost::asio::awaitable<Result<void>> write_sorted_items(Session& session, const SearchOptions& options,
                                                        const std::vector<std::uint32_t>& numbers,
                                                        std::optional<std::uint64_t> modseq,
                                                        const std::vector<std::uint8_t>& relevancy) {
  wire::Encoder out = session.out.encoder();
  if (options.min && !numbers.empty()) out.raw(" MIN ").number(numbers.front());
  if (options.max && !numbers.empty()) out.raw(" MAX ").number(numbers.back());
  if (options.all && !numbers.empty()) {
    out.raw(" ALL ");
    auto sent = co_await write_sequence(session, numbers);
    if (!sent) co_return sent.error();
  }
  if (options.partial) {
    const std::span<const std::uint32_t> chosen = slice(options, numbers);
    out.raw(" PARTIAL (").raw(options.partial->to_string()).sp();
    if (chosen.empty()) out.raw("NIL");
    auto sent = co_await write_sequence(session, chosen);
    if (!sent) co_return sent.error();
    out.raw(")");
  }
  if (options.count) out.raw(" COUNT ").number(numbers.size());
  if (modseq && !numbers.empty()) out.raw(" MODSEQ ").number(*modseq);
  if (options.relevancy) write_relevancy(out, slice_scores(options, relevancy));
  co_return Result<void>{};
}

boost::asio::awaitable<Result<void>> write_numbers(Session& session, const std::vector<std::uint32_t>& numbers) {
  wire::Encoder out = session.out.encoder();
  for (const std::uint32_t number : numbers) {
    out.sp().number(number);
    if (session.out.buffered() < session.limits().out_buffer_octets) continue;
    auto sent = co_await session.out.relieve();
    if (!sent) co_return sent.error();
  }
  co_return Result<void>{};
}

}  // namespace cpm::imap
