// What SEARCH, UID SEARCH and ESEARCH share: RETURN (…) and the items of an ESEARCH response (RFC 4731, RFC 5182, RFC
// 9394).
// Runs on: session strand; values.
#pragma once

#include "imap/extension.h"
#include "imap/grammar/partial_range.h"
#include "imap/session/search.h"

#include <cstdint>
#include <optional>

namespace cpm::imap {

struct SearchOptions {
  bool min = false, max = false, all = false, count = false, save = false;
  std::optional<grammar::PartialRange> partial;

  [[nodiscard]] bool says_something() const { return min || max || all || count || partial; }
};

// "(MIN MAX …)", the word RETURN is taken. Empty parentheses are ALL.
[[nodiscard]] SearchOptions parse_search_return(wire::Lexer& lexer, const ParseContext& context);

// The messages that MIN, MAX and PARTIAL name, or all when something else is asked: what SAVE keeps (RFC 5182 2.4, RFC
// 9394 3.2).
[[nodiscard]] UidSet reported(const SearchOptions& options, const UidSet& uids);

// The MODSEQ of the reply: the greatest of the messages that are reported (RFC 7162 3.1.5, RFC 4731 3.2).
[[nodiscard]] std::uint64_t reported_modseq(const SearchOptions& options, const SearchOutcome& outcome);

// " MIN 3 ALL 3:5 …": the items for `numbers`, as they are numbered in the reply.
void write_search_items(wire::Encoder& out, const SearchOptions& options, const NumberSet& numbers,
                        std::optional<std::uint64_t> modseq);

}  // namespace cpm::imap
