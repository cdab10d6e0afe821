#include "schema/directory.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr Query kAccountOf{"address_account", "select account_id from address where address = $1"};
constexpr Query kTakeName{
    "address_take", "insert into address (address, account_id, position) values ($1, $2, $3) on conflict do nothing"};

// An entry of an index must fit on a page, with room to spare.
constexpr std::size_t kNameOctets = 512;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

// The next code point of valid UTF-8, advancing `at`; none when it is not valid (RFC 3629).
std::optional<char32_t> next_code_point(std::string_view text, std::size_t& at) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = octet(at);
  std::size_t length = 1;
  char32_t point = first;
  if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    point = first & 0x07U;
  } else if (first >= 0xe0 && first < 0xf0) {
    length = 3;
    point = first & 0x0fU;
  } else if (first >= 0xc2 && first < 0xe0) {
    length = 2;
    point = first & 0x1fU;
  } else if (first >= 0x80) {
    return std::nullopt;
  }
  if (at + length > text.size()) return std::nullopt;
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(at + i) & 0xc0U) != 0x80) return std::nullopt;
    point = point << 6 | (octet(at + i) & 0x3fU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
  at += length;
  return point;
}

// Control characters, and everything Unicode calls white space.
bool blank_or_control(char32_t c) {
  return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

// Length of "scheme:" at the beginning, 0 when there is none (RFC 3986 3.1).
std::size_t scheme_length(std::string_view text) {
  if (text.empty() || !letter(text.front())) return 0;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return 0;
  const std::string_view scheme = text.substr(0, colon);
  const bool good = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
  return good ? colon + 1 : 0;
}

}  // namespace

Result<std::string> canonical_address(std::string_view text) {
  if (text.empty()) return fail(Failure::invalid, "an address is empty");
  if (text.size() > kNameOctets) return fail(Failure::invalid, "an address is too long");
  for (std::size_t at = 0; at < text.size();) {
    const auto point = next_code_point(text, at);
    if (!point) return fail(Failure::invalid, "an address is not UTF-8");
    if (blank_or_control(*point)) return fail(Failure::invalid, "an address has a blank or a control character");
  }
  std::string out(text);
  const auto lower_range = [&out](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) out[i] = lower(out[i]);
  };
  lower_range(0, scheme_length(text));
  // The parameters of a URI are left as they are.
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    lower_range(at + 1, std::min(text.find_first_of(";?", at), text.size()));
  }
  return out;
}

Result<AccountId> account_of(Transaction& tx, std::string_view address) {
  const auto name = canonical_address(address);
  if (name) {
    const pqxx::result rows = tx.exec(kAccountOf, *name);
    if (!rows.empty() && !rows[0][0].is_null()) return AccountId{rows[0][0].as<std::int64_t>()};
  }
  return fail(Failure::not_found, "no such account");
}

Result<void> take_name(Transaction& tx, const std::string& name, std::optional<AccountId> account, int position) {
  const auto id = account ? std::optional(account->value) : std::nullopt;
  if (tx.exec(kTakeName, name, id, position).affected_rows() == 0)
    return fail(Failure::exists, name + " is already in use");
  return {};
}

std::optional<ScramKeys> keys_from(const pqxx::row& row, int first) {
  if (row[first].is_null()) return std::nullopt;
  return ScramKeys{from_bytea(row[first]), row[first + 1].as<std::uint32_t>(), from_bytea(row[first + 2]),
                   from_bytea(row[first + 3])};
}

bool matches_pattern(std::string_view pattern, std::string_view text) noexcept {
  // Greedy with one place to come back to: linear in practice, quadratic at worst, never exponential.
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace cpm::schema
