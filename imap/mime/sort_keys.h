// What SORT and THREAD compare, from the header of a message (RFC 5256, RFC 5957): derived once at deposit and kept as
// a value of its own, because headers are long and these are short. Runs on: any thread. Pure.
#pragma once

#include "base/collation.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::mime {

// Text is decoded UTF-8 as it was written: the session's comparator applies when it is compared. What cannot be
// converted begins with kUnconverted (header.h): it stands behind all text, by its octets. Values beyond kMaxSortText
// are cut.
struct SortKeys {
  std::string subject;                   // base subject (RFC 5256 2.1)
  bool reply_or_forward = false;         // making it took away "Re:", "Fwd:" or "(fwd)" (RFC 5256 3, REFERENCES)
  std::string from, to, cc;              // addr-mailbox of the first address, empty: none
  std::string display_from, display_to;  // RFC 5957 3
  std::string message_id;                // normal form (message_ids.h); empty: none that is valid
  // References, or else the first identifier of In-Reply-To. Of more than kMaxReferences the first and the last ones.
  std::vector<std::string> references;

  bool operator==(const SortKeys&) const = default;
};

inline constexpr std::size_t kMaxSortText = 2000;  // octets
inline constexpr std::size_t kMaxReferences = 10'000;

[[nodiscard]] SortKeys sort_keys(std::string_view header_block);

// A text of SortKeys as octets whose order is the collation's. What begins with kUnconverted stays as it is (RFC
// 5255 4.6).
void append_ordered(std::string& out, std::string_view text, Collation collation);

// As content_head.sort_keys keeps them: a version octet, then values with their lengths. Nothing for octets that are
// not such a value.
[[nodiscard]] std::string encode(const SortKeys& keys);
[[nodiscard]] std::optional<SortKeys> decode_sort_keys(std::string_view octets);

// What a message's thread is called (RFC 8474 THREADID) when its conversation has no name of its own: the first of its
// references, or its own Message-ID; empty when it has none. The same for a message and its answers, as long as
// answers name where they began.
[[nodiscard]] std::string thread_root(const SortKeys& keys);

}  // namespace cpm::imap::mime
