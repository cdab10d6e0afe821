// section and partial of FETCH BODY[…]<…> and BINARY[…]<…> (RFC 9051 9, RFC 3516), and how the reply spells them.
// Runs on: any thread.
#pragma once

#include "imap/wire/encoder.h"
#include "imap/wire/lexer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cpm::imap::grammar {

struct Section {
  enum class Text { all, header, header_fields, header_fields_not, text, mime };
  std::vector<std::uint32_t> parts;  // empty: the message itself
  Text text = Text::all;
  std::vector<std::string> fields;  // as sent
  bool operator==(const Section&) const = default;
};

struct Partial {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // not 0
  bool operator==(const Partial&) const = default;
};

[[nodiscard]] Section parse_section(wire::Lexer& lexer);                       // "[" … "]"
[[nodiscard]] Section parse_binary_section(wire::Lexer& lexer);                // part numbers only
[[nodiscard]] std::optional<Partial> parse_partial(wire::Lexer& lexer);        // "<" offset "." length ">"
void write_section(wire::Encoder& out, const Section& section);                // "[1.2.HEADER]"
void write_origin(wire::Encoder& out, const std::optional<Partial>& partial);  // "<0>", nothing without a partial

}  // namespace cpm::imap::grammar
