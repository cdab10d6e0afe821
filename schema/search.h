// SEARCH conditions that need the store: each leaf is answered by one paged statement over the candidate UIDs. Flags,
// UIDs and MODSEQs are answered from the session's snapshot and never come here. Text is matched as i;unicode-casemap
// substrings (RFC 5255 4.6): the stored text and `needle` are both normalised. The statement may over-select; the exact
// check (field boundaries, text beyond the stored part) is made before returning.
// Runs on: db thread.
#pragma once

#include "base/byte_source.h"
#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>

namespace cpm::schema {

enum class Compare { less, equal, greater, less_equal, greater_equal };

struct SizeIs {
  Compare compare;
  std::uint64_t octets;
};
struct InternalDateIs {
  Compare compare;
  std::chrono::sys_days day;
};  // in UTC
struct InternalTimeIs {
  Compare compare;
  std::chrono::sys_seconds time;
};  // WITHIN
struct SaveDateIs {
  Compare compare;
  std::chrono::sys_days day;
};
struct SentDateIs {
  Compare compare;
  std::chrono::sys_days day;
};  // no date: never matches
struct HeaderHas {
  std::string name;
  std::string needle;
};  // name normalised as the text; empty needle: has the field
struct AnyHeaderHas {
  std::string needle;
};
struct BodyHas {
  std::string needle;
};
struct TextHas {
  std::string needle;
};  // header or body
using SearchLeaf = std::variant<SizeIs, InternalDateIs, InternalTimeIs, SaveDateIs, SentDateIs, HeaderHas, AnyHeaderHas,
                                BodyHas, TextHas>;

// Answers whether the full decoded text of a message contains the needle, for messages whose stored text is cut short.
// `headers`: or those of its parts.
using FullTextCheck =
    std::function<bool(ByteSource& octets, const std::string& part_map, const std::string& needle, bool headers)>;

// The candidates that match. The caller pages candidates (some thousand a call) so that long searches yield.
// REQUIRES: grant holds kRead.
[[nodiscard]] Result<UidSet> match(Transaction& tx, const Grant& grant, const SearchLeaf& leaf,
                                   const UidSet& candidates, const FullTextCheck& full_text);

}  // namespace cpm::schema
