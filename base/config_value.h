// The value types of the configuration: how a text becomes a number, a size, a duration …, and back.
//   parse_size("256K") == 262144; parse_duration("30m") == 1800 (seconds)
// Runs on: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm {

enum class ValueType {
  flag,      // true, false
  number,    // 8
  size,      // octets: 4096, 256K, 1M, 2G
  duration,  // seconds: 90, 90s, 30m, 2h
  text,
  choice,     // one of a fixed list
  list,       // several texts
  endpoints,  // HOST:PORT, several separated by commas, or empty for none
};

struct Endpoint {
  std::string host;  // name or address without brackets; "*": every address of the machine
  std::uint16_t port = 0;
};

[[nodiscard]] std::optional<bool> parse_flag(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> parse_duration(std::string_view text);
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);  // "[::1]:143", "*:143"
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);     // at commas, blanks trimmed

[[nodiscard]] std::string format_size(std::uint64_t octets);  // the largest unit that is exact
[[nodiscard]] std::string format_duration(std::uint64_t seconds);
[[nodiscard]] std::string join_list(const std::vector<std::string>& items);

// Number of single-letter changes between two words: for "did you mean".
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace cpm
