// What SEARCH compares: header fields and body text decoded to UTF-8 and normalised with unicode_casemap. Needles are
// normalised the same way, then matching is plain substring search (RFC 9051 6.4.4, RFC 5255 4.6).
// Runs on: the thread of the ByteSource.
#pragma once

#include "base/byte_source.h"
#include "base/collation.h"
#include "imap/mime/part_map.h"
#include "imap/mime/structure.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace cpm::imap::mime {

// One line a field, in order: normalised name, ":", a blank if one stands there, normalised decoded value, "\n". Valid
// UTF-8 without NUL; values hold no line end.
// A line of the block that is no field has an empty name.
[[nodiscard]] std::string header_text(std::string_view header_block);

struct BodyText {
  std::string text;
  bool complete = true;  // false: cut at the limit
};

// The normalised text of the body: all textual parts and the headers of nested messages (as header_text gives them), in
// order, separated by "\n", without NUL. Textual: text/*, message/* that is not descended into (CPIM, delivery
// reports), XML, JSON, SDP and the CPM object types. `limit` in octets.
[[nodiscard]] BodyText body_text(ByteSource& source, const PartMap& parts, std::size_t limit);
[[nodiscard]] BodyText body_text(ByteSource& source, const Part& message, std::size_t limit);

// The MIME headers of the parts likewise (TEXT searches them, RFC 9051 6.4.4), each line after a blank, so that it is
// not taken for a field of the message. `limit` in octets of headers.
[[nodiscard]] BodyText part_headers_text(ByteSource& source, const PartMap& parts, std::size_t limit);

// Answers from the octets, without any limit and in bounded memory; `needle` is folded as the collation demands.
// Whether the text of the body contains the needle; those of MIME headers; the header of the message; a field of it
// called `name` (normalised as in header_text).
[[nodiscard]] bool body_contains(ByteSource& source, const PartMap& parts, std::string_view needle,
                                 Collation collation = Collation::unicode_casemap);
[[nodiscard]] bool body_contains(ByteSource& source, const Part& message, std::string_view needle);
[[nodiscard]] bool part_headers_contain(ByteSource& source, const PartMap& parts, std::string_view needle,
                                        Collation collation = Collation::unicode_casemap);
[[nodiscard]] bool header_contains(ByteSource& source, const PartMap& parts, std::string_view needle,
                                   Collation collation);
[[nodiscard]] bool field_contains(ByteSource& source, const PartMap& parts, std::string_view name,
                                  std::string_view needle, Collation collation);

}  // namespace cpm::imap::mime
