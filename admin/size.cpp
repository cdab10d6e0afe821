#include "admin/size.h"

#include <array>
#include <cctype>
#include <cstdio>

namespace cpm::admin {

namespace {

constexpr std::string_view kUnits = "KMGT";
constexpr std::uint64_t kLargest = 1ULL << 62;  // a signed column holds it

std::string lower(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) out += static_cast<char>(std::tolower(c));
  return out;
}

bool no_limit(std::string_view text) { return lower(text) == "none" || lower(text) == "unlimited"; }

// Digits at the front of `text`, which are taken off; nullopt for none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    const auto digit = static_cast<std::uint64_t>(text[digits] - '0');
    if (value > (kLargest - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

// The exponent of 1024 of "", "B", "K", "KB", "KiB", …
std::optional<unsigned> unit_exponent(std::string_view unit) {
  if (unit.empty() || lower(unit) == "b") return 0;
  const std::size_t at = kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit.front()))));
  if (at == std::string_view::npos) return std::nullopt;
  const std::string rest = lower(unit.substr(1));
  if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
  return static_cast<unsigned>(at + 1);
}

std::optional<std::uint64_t> octets_of(std::string_view text) {
  const auto whole = take_number(text);
  if (!whole) return std::nullopt;
  long double fraction = 0;
  bool fractional = false;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    const std::size_t before = text.size();
    const auto digits = take_number(text);
    if (!digits) return std::nullopt;
    fraction = static_cast<long double>(*digits);
    for (std::size_t i = text.size(); i < before; ++i) fraction /= 10;
    fractional = true;
  }
  const auto exponent = unit_exponent(text);
  if (!exponent || (fractional && *exponent == 0)) return std::nullopt;
  const std::uint64_t unit = 1ULL << (10 * *exponent);
  if (*whole > kLargest / unit - 1) return std::nullopt;
  return *whole * unit + static_cast<std::uint64_t>(fraction * static_cast<long double>(unit));
}

}  // namespace

Result<std::optional<std::uint64_t>> parse_size_limit(std::string_view text) {
  if (no_limit(text)) return std::optional<std::uint64_t>();
  const auto octets = octets_of(text);
  if (!octets) {
    return fail(Failure::invalid,
                "\"" + std::string(text) + "\" is not a size\nWrite 10G, 500M, 1.5G, a number of octets, or none");
  }
  return octets;
}

Result<std::optional<std::uint64_t>> parse_count_limit(std::string_view text) {
  if (no_limit(text)) return std::optional<std::uint64_t>();
  std::string_view rest = text;
  const auto count = take_number(rest);
  if (!count || !rest.empty()) {
    return fail(Failure::invalid, "\"" + std::string(text) + "\" is not a number of messages\nWrite 100000, or none");
  }
  return count;
}

std::string size_text(std::uint64_t octets) {
  if (octets < 1024) return std::to_string(octets) + " B";
  auto value = static_cast<double>(octets);
  std::size_t unit = 0;
  for (value /= 1024; value >= 1024 && unit + 1 < kUnits.size(); value /= 1024) ++unit;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.1f %ciB", value, kUnits[unit]);
  return text.data();
}

std::string size_text(const std::optional<std::uint64_t>& limit) { return limit ? size_text(*limit) : "none"; }

std::string count_text(const std::optional<std::uint64_t>& limit) { return limit ? std::to_string(*limit) : "none"; }

}  // namespace cpm::admin
