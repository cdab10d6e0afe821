// SEARCH conditions that need the store: each leaf is answered by one paged statement over the candidate UIDs. Flags,
// UIDs and MODSEQs are answered from the session's snapshot and never come here. Text is matched as i;unicode-casemap
// substrings (RFC 5255 4.6): the stored text and `needle` are both normalised. The statement may over-select; the exact
// check (field boundaries, text beyond the stored part) is made before returning.
// Runs on: db thread.
#pragma once

#include "base/byte_source.h"
#include "base/collation.h"
#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

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
// `text`, folded by another collation than i;unicode-casemap, must be found too (RFC 5255 4): what that finds is a part
// of what i;unicode-casemap finds.
struct Stricter {
  Collation collation;
  std::string text;
};
struct HeaderHas {
  std::string name;    // normalised as the text
  std::string needle;  // empty: has the field
  std::optional<Stricter> stricter;
};
struct BodyHas {
  std::string needle;
  std::optional<Stricter> stricter;
};
struct TextHas {  // header or body
  std::string needle;
  std::optional<Stricter> stricter;
};
struct ContentIs {
  ContentId content;
};
struct ThreadIs {
  std::int64_t thread;  // content_head.thread_id
};
// A value of an annotation (RFC 5257 4.8).
struct AnnotationHas {
  std::string only;                             // the entry, when it is one
  std::function<bool(std::string_view)> entry;  // else: whether one is meant
  bool of_user = true, shared = true;
  std::function<bool(std::string_view)> value;  // whether it is one that is looked for; empty: messages without any
  AccountId user;                               // whose private values; set before the store is asked
};
using SearchLeaf = std::variant<SizeIs, InternalDateIs, InternalTimeIs, SaveDateIs, SentDateIs, HeaderHas, BodyHas,
                                TextHas, ContentIs, ThreadIs, AnnotationHas>;

// Answers from the octets whether a message matches, where the stored text does not decide: it is cut short, or the
// collation is not that of the stored text.
using FullTextCheck = std::function<bool(ByteSource& octets, const std::string& part_map, const SearchLeaf& leaf)>;

// The candidates that match. The caller pages candidates (some thousand a call) so that long searches yield.
// REQUIRES: grant holds kRead.
[[nodiscard]] Result<UidSet> match(Transaction& tx, const Grant& grant, const SearchLeaf& leaf,
                                   const UidSet& candidates, const FullTextCheck& full_text);

// Text that is matched by similarity (RFC 6203): what counts as similar the caller decides.
struct FuzzyHas {
  enum class In { field, body, text } in = In::text;
  std::string name;    // of the field, normalised as the text
  std::string needle;  // normalised
};
// From header_text and body_text (imap/mime/search_text.h; the latter is empty for a field): 0, or how well it matches,
// 1 to 100. Stored text that was cut short is taken as it is.
using Scorer = std::function<int(const FuzzyHas& leaf, std::string_view header_text, std::string_view body_text)>;
struct Scored {
  Uid uid;
  int score;
};
// The candidates that match, by rising UID. The caller pages candidates: up to 64 KiB of text are read for each.
// REQUIRES: grant holds kRead.
[[nodiscard]] Result<std::vector<Scored>> score(Transaction& tx, const Grant& grant, const FuzzyHas& leaf,
                                                const UidSet& candidates, const Scorer& scorer);

// Conversation-ID, Contribution-ID, IMDN-Message-ID and Message-ID stand in indexes, contents and threads are numbers.
// The contents of the account among which all are that match `leaf` (others too: match() decides), or nothing when the
// index would not narrow it down: then match() must see all candidates. REQUIRES: grant holds kRead; has_index().
[[nodiscard]] bool has_index(const SearchLeaf& leaf);
[[nodiscard]] Result<std::optional<std::vector<ContentId>>> contents_by_index(Transaction& tx, const Grant& grant,
                                                                              const SearchLeaf& leaf);

// The contents of the messages from `from` on, by rising UID. REQUIRES: grant holds kRead.
struct PlacedContent {
  Uid uid;
  ContentId content;
};
[[nodiscard]] Result<std::vector<PlacedContent>> placed_contents(Transaction& tx, const Grant& grant, Uid from);

}  // namespace cpm::schema
