// Patterns for text search: a needle as LIKE pattern and as regular expression, everything special escaped. RFC
// 9051 6.4.4.
// Runs on: any thread. Not for other layers.
#pragma once

#include <string>
#include <string_view>

namespace cpm::schema {

// Whether stored text can contain it at all: valid UTF-8 without NUL.
[[nodiscard]] bool searchable(std::string_view needle);
// Searchable, and without line ends: those stand between header fields, never in one.
[[nodiscard]] bool one_line(std::string_view needle);

// "%needle%"
[[nodiscard]] std::string like_pattern(std::string_view needle);
// "%name:%needle%": finds more than the field, which field_expression() then decides.
[[nodiscard]] std::string like_field(std::string_view name, std::string_view needle);
// A PostgreSQL ARE that matches a line `name:…needle…`.
[[nodiscard]] std::string field_expression(std::string_view name, std::string_view needle);

}  // namespace cpm::schema
