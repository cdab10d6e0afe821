// The arguments of CONVERT and CONVERSIONS (RFC 5259 10).
// Runs on: any thread.
#pragma once

#include "imap/grammar/section.h"
#include "imap/wire/encoder.h"
#include "imap/wire/lexer.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cpm::imap::grammar {

// Names in lower case: they are compared without case (RFC 5259 7). Values as sent.
using ConvertParameters = std::vector<std::pair<std::string, std::string>>;

struct ConvertTo {
  std::optional<std::string> type;  // in lower case; none: NIL, the default conversion
  ConvertParameters parameters;
};

struct ConvertItem {
  enum class Kind { uid, available, structure, size, header, binary };  // in the order in which they are answered
  Kind kind = Kind::uid;
  Section section;  // of `header`: with HEADER or MIME
  std::optional<Partial> partial;
  bool operator==(const ConvertItem&) const = default;
};

// type "/" subtype of RFC 4288 4.2, in any case.
[[nodiscard]] bool is_media_type(std::string_view text);
// The same, "type/*" or "*".
[[nodiscard]] bool is_media_range(std::string_view text);
// Both in lower case.
[[nodiscard]] bool in_media_range(std::string_view type, std::string_view range);

[[nodiscard]] ConvertTo parse_convert_params(wire::Lexer& lexer);  // "(" … ")"
// convert-att or a list of them: each once, `uid` first, literals last.
[[nodiscard]] std::vector<ConvertItem> parse_convert_items(wire::Lexer& lexer);

// "BINARY[2]<0>", as the answer names it.
void write_convert_item(wire::Encoder& out, const ConvertItem& item);
// ("charset" "utf-8" …); REQUIRES: not empty.
void write_convert_parameters(wire::Encoder& out, const ConvertParameters& parameters);

}  // namespace cpm::imap::grammar
