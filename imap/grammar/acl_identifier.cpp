#include "imap/grammar/acl_identifier.h"

#include "schema/credentials.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace cpm::imap::grammar {

namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// date-time of RFC 3339 5.6, without fractions of a second.
std::optional<sys_seconds> moment_from(std::string_view text) {
  constexpr std::size_t kZone = 19;  // where the offset begins
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text.size() <= kZone) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't' || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1 || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  std::chrono::minutes offset{0};
  const std::string_view zone = text.substr(kZone);
  if (zone != "Z" && zone != "z") {
    const auto hours = digits(zone, 1, 2), minutes = digits(zone, 4, 2);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !hours || !minutes || *hours > 23 ||
        *minutes > 59) {
      return std::nullopt;
    }
    offset = std::chrono::minutes(*hours * 60 + *minutes) * (zone[0] == '-' ? -1 : 1);
  }
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(*second) -
         offset;
}

Result<std::optional<sys_seconds>> expiry_from(std::string_view text, sys_seconds now) {
  if (text == "never") return std::optional<sys_seconds>();
  if (text.starts_with('+')) {
    constexpr std::int64_t kMost = 100LL * 366 * 24 * 3600;
    std::int64_t count = 0;
    const char* end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data() + 1, end, count);
    if (error != std::errc() || read != end || count < 0 || count > kMost) {
      return fail(Failure::invalid, "The expiry is not a number of seconds");
    }
    return std::optional(now + seconds(count));
  }
  const auto moment = moment_from(text);
  if (!moment) return fail(Failure::invalid, "The expiry is not like 2026-12-31T23:59:59Z, +SECONDS or never");
  return std::optional(*moment);
}

}  // namespace

Result<AclIdentifierText> read_acl_identifier(std::string_view text, sys_seconds now) {
  AclIdentifierText out;
  if (text.starts_with('-')) {
    out.negative = true;
    text.remove_prefix(1);
  }
  constexpr std::string_view kExpires = ";expires=";
  constexpr std::string_view kReason = ";reason=";
  // The reason is the rest of the text, and the expiry stands before it.
  if (const std::size_t at = text.find(kReason); at != std::string_view::npos) {
    out.reason = std::string(text.substr(at + kReason.size()));
    text = text.substr(0, at);
  }
  if (const std::size_t at = text.find(kExpires); at != std::string_view::npos) {
    CPM_TRY(expires, expiry_from(text.substr(at + kExpires.size()), now));
    out.expires = expires;
    text = text.substr(0, at);
  }
  auto prepared = schema::saslprep(text, schema::Saslprep::query);
  if (!prepared || prepared->empty()) return fail(Failure::invalid, "No such user or group");
  out.name = std::move(*prepared);
  return out;
}

std::string moment_text(sys_seconds moment) {
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(moment - day);
  std::array<char, 96> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return out.data();
}

}  // namespace cpm::imap::grammar
