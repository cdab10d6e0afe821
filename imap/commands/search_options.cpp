#include "imap/commands/search_options.h"

#include "imap/registry.h"

#include <algorithm>
#include <string>

namespace cpm::imap {

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
    } else if (name == "PARTIAL" && context.registry.has("partial")) {
      if (options.partial) lexer.bad("PARTIAL given twice");
      lexer.sp();
      options.partial = grammar::parse_partial_range(lexer);
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

std::uint64_t reported_modseq(const SearchOptions& options, const SearchOutcome& outcome) {
  if (options.all || options.count || outcome.uids.empty()) return outcome.highest_modseq.value;
  std::uint64_t modseq = 0;
  for (const std::uint32_t uid : reported(options, outcome.uids).numbers()) {
    const std::size_t index = outcome.snapshot->index_of(uid);
    if (index != Snapshot::npos) modseq = std::max<std::uint64_t>(modseq, outcome.snapshot->modseqs[index]);
  }
  return modseq;
}

void write_search_items(wire::Encoder& out, const SearchOptions& options, const NumberSet& numbers,
                        std::optional<std::uint64_t> modseq) {
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
}

}  // namespace cpm::imap
