// Stored SEARCH criteria, called filters (RFC 5466): their names, and their text, which is search-criteria in UTF-8 and
// may hold literals as a command does.
// Runs on: any thread. Values.
#pragma once

#include "base/result.h"
#include "imap/extension.h"
#include "imap/grammar/search_program.h"

#include <cstddef>
#include <string_view>

namespace cpm::imap::grammar {

// filter-name: 1*<any ATOM-CHAR except "/">.
[[nodiscard]] bool is_filter_name(std::string_view name);

struct StoredFilter {
  SearchNode program;
  bool uses_modseq = false;
  std::size_t keys = 0;  // search keys, with those counted before
};
// `keys`: search keys that count already towards Limits::search_keys. Failure::invalid for what is no search-criteria.
[[nodiscard]] Result<StoredFilter> parse_stored_filter(std::string_view text, const ParseContext& context,
                                                       std::size_t keys = 0);

}  // namespace cpm::imap::grammar
