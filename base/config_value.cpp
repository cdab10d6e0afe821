#include "base/config_value.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

namespace cpm {

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct Unit {
  char letter;
  std::uint64_t factor;
};

// A number with an optional unit letter in either case.
template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const Unit (&units)[N]) {
  std::uint64_t factor = 1;
  if (!text.empty()) {
    const char last = static_cast<char>(text.back() | 0x20);
    for (const Unit& unit : units) {
      if (last != unit.letter) continue;
      factor = unit.factor;
      text.remove_suffix(1);
      break;
    }
  }
  const auto number = parse_number(text);
  if (!number || *number > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
  return *number * factor;
}

template <std::size_t N>
std::string format_with_unit(std::uint64_t value, const Unit (&units)[N], bool upper) {
  for (const Unit& unit : units) {
    if (value == 0 || value % unit.factor != 0) continue;
    const char letter = upper ? static_cast<char>(unit.letter - 0x20) : unit.letter;
    return std::to_string(value / unit.factor) + letter;
  }
  return std::to_string(value);
}

constexpr Unit kSizes[] = {{'g', 1ULL << 30}, {'m', 1ULL << 20}, {'k', 1ULL << 10}};
constexpr Unit kDurations[] = {{'h', 3600}, {'m', 60}, {'s', 1}};

}  // namespace

std::optional<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_size(std::string_view text) { return parse_with_unit(text, kSizes); }

std::optional<std::uint64_t> parse_duration(std::string_view text) { return parse_with_unit(text, kDurations); }

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = parse_number(text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // an IPv6 address needs brackets
  }
  if (host.find_first_of(" \t/@") != std::string_view::npos) return std::nullopt;
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (const auto item = trim(text.substr(0, comma)); !item.empty()) items.emplace_back(item);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return items;
}

std::string format_size(std::uint64_t octets) { return format_with_unit(octets, kSizes, true); }

std::string format_duration(std::uint64_t seconds) { return format_with_unit(seconds, kDurations, false); }

std::string join_list(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace cpm
