// Small readers of text that come up in every CPM object: bounded pieces of octets, values fit for a column, and the
// preview of a text. Runs on: the thread of the ByteSource, or any.
#pragma once

#include "base/byte_source.h"
#include "imap/mime/structure.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cpm::imap::cpm_objects {

inline constexpr std::size_t kFactOctets = 1000;         // longest text of a fact
inline constexpr std::size_t kPreviewCharacters = 200;   // of schema::ObjectFacts::preview
inline constexpr std::uint64_t kBodyOctets = 64 * 1024;  // what is read of one part

// Without blanks, tabs and line ends around it.
[[nodiscard]] std::string_view trim(std::string_view text);

// Valid UTF-8 without NUL, trimmed, at most kFactOctets: what is no UTF-8 becomes U+FFFD.
[[nodiscard]] std::string clean(std::string_view text);
// The same with every line end and control character as a blank, RFC 2047 words decoded: for texts that people read.
[[nodiscard]] std::string clean_words(std::string_view text);

// Octets [begin, end), at most `limit` of them.
[[nodiscard]] std::string read_octets(ByteSource& source, std::uint64_t begin, std::uint64_t end, std::uint64_t limit);
// The body of a part without its transfer encoding, at most `limit` octets.
[[nodiscard]] std::string read_body(ByteSource& source, const mime::Part& part, std::uint64_t limit = kBodyOctets);

// The beginning of a text: blanks, line ends and control characters collapsed to one blank each run, at most
// kPreviewCharacters characters, never a part of one.
[[nodiscard]] std::string preview_of(std::string_view utf8);
// Of a part of type text: transfer encoding and charset decoded, markup of text/html left out.
[[nodiscard]] std::string preview_of(ByteSource& source, const mime::Part& part);

}  // namespace cpm::imap::cpm_objects
