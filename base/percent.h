// Percent-encoding: RFC 3986 2.1.
// Runs on: any thread.
#pragma once

#include <string>
#include <string_view>

namespace cpm {

// Everything but unreserved characters (RFC 3986 2.3) as %XX, so that the text is one path segment.
[[nodiscard]] std::string percent_encode(std::string_view text);

// A % that no two hex digits follow stands for itself.
[[nodiscard]] std::string percent_decode(std::string_view text);

}  // namespace cpm
