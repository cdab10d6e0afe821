// FILTER keys of a search program replaced by the criteria stored under their names (RFC 5466 3.1), and those in them.
// A filter stands as one key, as if in parentheses (docs/decisions/0020-a-filter-is-one-key.md).
// Runs on: session strand; one short statement for some names, on a db thread.
#pragma once

#include "imap/grammar/search_program.h"
#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

namespace cpm::imap {

[[nodiscard]] bool uses_filters(const SearchNode& program);

struct Expansion {
  SearchNode program;        // without FILTER
  bool uses_modseq = false;  // one of the filters has MODSEQ
};
// Failure::no_filter: one is missing, uses itself, is nested too deep or is no search program (its text is the name);
// limit: all together are more than one command may hold.
boost::asio::awaitable<Result<Expansion>> expand_filters(Session& session, const SearchNode& program);

}  // namespace cpm::imap
