// What SEARCH, SORT and ESEARCH share: RETURN (…) and the items of an ESEARCH response (RFC 4731, RFC 5182, RFC 5267,
// RFC 9394). Runs on: session strand; values.
#pragma once

#include "imap/extension.h"
#include "imap/grammar/partial_range.h"
#include "imap/session/search.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace cpm::imap {

struct SearchOptions {
  bool min = false, max = false, all = false, count = false, save = false;
  bool update = false;                             // the client is told how the results change (RFC 5267 4.3)
  std::shared_ptr<const FetchItems> update_fetch;  // … and this of new messages that are added (RFC 5465 7)
  bool context = false;                            // the client will ask for the same again (RFC 5267 4.2)
  bool relevancy = false;                          // scores of FUZZY (RFC 6203 4)
  std::optional<grammar::PartialRange> partial;

  // SAVE alone asks for no response (RFC 5182 2.1); any other option does, though it may be an empty one (RFC
  // 4731 3.1).
  [[nodiscard]] bool says_something() const {
    return min || max || all || count || partial || update || context || relevancy;
  }
};

// "(MIN MAX …)", the word RETURN is taken. Empty parentheses are ALL.
[[nodiscard]] SearchOptions parse_search_return(wire::Lexer& lexer, const ParseContext& context);

// What the command looks for: the search program, and what parsing it found.
struct SearchCriteria {
  std::shared_ptr<const SearchNode> program;
  bool bad_charset = false;
  bool uses_modseq = false;
  bool uses_fuzzy = false;
};
// search-program of SEARCH, or search-criteria of SORT and THREAD, which begin with a charset; up to the end.
enum class Charset { may_be_given, comes_first };
[[nodiscard]] SearchCriteria parse_criteria(wire::Lexer& lexer, const ParseContext& context, Charset charset);
// RELEVANCY needs FUZZY (RFC 6203 4): refuses it without.
void check_relevancy(wire::Lexer& lexer, const SearchOptions& options, const SearchCriteria& criteria);

// Before the search: puts stored filters in place, enables CONDSTORE for MODSEQ. A value is the refusal of the command:
// an unknown charset or filter, or message numbers in a filter after ENABLE UIDONLY.
boost::asio::awaitable<std::optional<Done>> make_ready(Session& session, SearchCriteria& criteria);

// The messages that MIN, MAX and PARTIAL name, or all when something else is asked: what SAVE keeps (RFC 5182 2.4, RFC
// 9394 3.2).
[[nodiscard]] UidSet reported(const SearchOptions& options, const UidSet& uids);
// The same of results in the order of a SORT.
[[nodiscard]] UidSet reported(const SearchOptions& options, const std::vector<std::uint32_t>& sorted);

// The MODSEQ of the reply: the greatest of the messages that are reported (RFC 7162 3.1.5, RFC 4731 3.2).
[[nodiscard]] std::uint64_t reported_modseq(const SearchOptions& options, const SearchOutcome& outcome);
[[nodiscard]] std::uint64_t highest_modseq(const Snapshot& snapshot, const UidSet& uids);

// " MIN 3 ALL 3:5 …": the items for `numbers`, as they are numbered in the reply.
// `relevancy`: a score for each of them, when the search was fuzzy.
void write_search_items(wire::Encoder& out, const SearchOptions& options, const NumberSet& numbers,
                        std::optional<std::uint64_t> modseq, const std::vector<std::uint8_t>& relevancy);

// The same of results in the order of a SORT, sent in pieces. REQUIRES: Session::mid_response.
boost::asio::awaitable<Result<void>> write_sorted_items(Session& session, const SearchOptions& options,
                                                        const std::vector<std::uint32_t>& numbers,
                                                        std::optional<std::uint64_t> modseq,
                                                        const std::vector<std::uint8_t>& relevancy);
// " 2 84 882", sent in pieces. REQUIRES: Session::mid_response.
boost::asio::awaitable<Result<void>> write_numbers(Session& session, const std::vector<std::uint32_t>& numbers);

}  // namespace cpm::imap
