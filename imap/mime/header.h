// Header blocks: fields with their exact octets, unfolding, RFC 2047 words, dates, and the subsets that
// BODY[HEADER.FIELDS] asks for (RFC 9051 6.4.5, RFC 5322 2.2). All views point into the given block.
// Runs on: any thread.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::mime {

struct HeaderField {
  std::string_view name;   // as written, without blanks before the colon; empty for a line that is no field
  std::string_view value;  // after the colon, still folded, without the last line end; a junk line is all value
  std::string_view raw;    // all octets of the field: name, folded lines, last line end
};

// The fields of a header block in order, up to the blank line or the end of `block`. Lines end with LF or CRLF. A line
// without a colon (mbox "From " line, garbage) becomes a field with an empty name, so that no octet is lost.
[[nodiscard]] std::vector<HeaderField> header_fields(std::string_view block);

// The first field called `name` (ASCII case-insensitive).
[[nodiscard]] std::optional<HeaderField> find_field(std::string_view block, std::string_view name);

// Removes the line ends of folding and the blanks around the value; everything else stays (RFC 5322 2.2.3).
[[nodiscard]] std::string unfold(std::string_view value);

// Exact octets of the fields whose name is in `names` (or, with `not_`, of all others) in their original order,
// followed by an empty line, also when the block has none (RFC 9051 6.4.5; RCS clients split there).
[[nodiscard]] std::string select_fields(std::string_view block, std::span<const std::string> names, bool not_);

// Unfolded header text as UTF-8: RFC 2047 encoded words decoded, raw 8-bit octets taken as UTF-8 with invalid ones
// replaced. Words in an unknown charset or encoding stay as they are.
[[nodiscard]] std::string decode_words(std::string_view unfolded);

// The same for texts that are put in order (RFC 5255 4.6): UTF-8 when every word and octet of it can be converted. If
// not, kUnconverted and then the octets as they are when only the encoding of the words is removed.
inline constexpr char kUnconverted = '\xff';
[[nodiscard]] std::string decode_words_for_sorting(std::string_view unfolded);

// Header text, folded or not, in pieces and in order: what is no encoded word as it stands, and runs of adjacent words
// of one charset whose octets belong together.
struct WordRun {
  std::string_view raw;      // as it stands; of a run with the blanks between its words
  std::string_view charset;  // empty: no encoded word
  std::string octets;        // decoded
  char encoding = 0;         // of the first word: 'b' or 'q'
};
[[nodiscard]] std::vector<WordRun> word_runs(std::string_view text);

struct HeaderDate {
  std::chrono::sys_days day;      // as written, time and zone disregarded (SENTON, SENTBEFORE, SENTSINCE)
  std::chrono::sys_seconds time;  // in UTC; an unknown zone counts as UTC, a missing time as midnight
};

// RFC 5322 dates with their obsolete forms; also asctime and ISO 8601 (CPIM DateTime). nullopt for anything else.
[[nodiscard]] std::optional<HeaderDate> parse_date(std::string_view value);
// Of the first Date field.
[[nodiscard]] std::optional<HeaderDate> header_date(std::string_view block);

// ASCII only, as header names compare.
[[nodiscard]] bool equals_ignore_case(std::string_view a, std::string_view b);
[[nodiscard]] std::string ascii_lower(std::string_view text);

}  // namespace cpm::imap::mime
