#include "admin/moment.h"

#include "base/policy.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace cpm::admin {

namespace {

using std::chrono::sys_seconds;

constexpr auto kMost = std::chrono::hours(24) * 366 * 100;

std::optional<int> number(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<sys_seconds> day_from(std::string_view text) {
  const auto year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
  if (!year || !month || !day || *year < 1 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return sys_seconds(std::chrono::sys_days(date));
}

std::optional<std::chrono::minutes> offset_from(std::string_view zone) {
  if (zone == "Z" || zone == "z") return std::chrono::minutes(0);
  const auto hours = number(zone, 1, 2), minutes = number(zone, 4, 2);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !hours || !minutes || *hours > 23 ||
      *minutes > 59) {
    return std::nullopt;
  }
  return std::chrono::minutes(*hours * 60 + *minutes) * (zone[0] == '-' ? -1 : 1);
}

std::optional<sys_seconds> moment_from(std::string_view text) {
  const auto day = day_from(text);
  if (!day || text.size() == 10) return day;
  constexpr std::size_t kZone = 19;  // where the offset begins
  const auto hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
  if (!hour || !minute || !second || text.size() <= kZone || *hour > 23 || *minute > 59 || *second > 59)
    return std::nullopt;
  if ((text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') return std::nullopt;
  const auto offset = offset_from(text.substr(kZone));
  if (!offset) return std::nullopt;
  return *day + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second) - *offset;
}

}  // namespace

Result<std::optional<sys_seconds>> expiry_from(std::string_view text, sys_seconds now) {
  if (text == "never") return std::optional<sys_seconds>();
  if (const auto moment = moment_from(text)) return std::optional(*moment);
  const std::string_view period = text.starts_with('+') ? text.substr(1) : text;
  const bool unit = !period.empty() && (period.back() < '0' || period.back() > '9');
  const auto length = unit ? policy_period(period) : std::nullopt;
  if (length && *length <= kMost) return std::optional(now + *length);
  return fail(Failure::invalid,
              "\"" + std::string(text) + "\" is not a time: write 2026-12-31T23:59:59Z, 2026-12-31, 30d, 12h or never");
}

Result<std::int64_t> moment_from(const std::string& text) {
  using namespace std::chrono;
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
  char end = '\0';
  const int read = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%c", &y, &mo, &d, &h, &mi, &s, &end);
  if (read == 3 || (read >= 6 && (read == 6 || end == 'Z'))) {
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
    if (date.ok() && h >= 0 && h < 24 && mi >= 0 && mi < 60 && s >= 0 && s < 61) {
      const auto time = sys_days(date) + hours(h) + minutes(mi) + seconds(s);
      return duration_cast<microseconds>(time.time_since_epoch()).count();
    }
  }
  const std::string units = "smhd";
  const std::int64_t factors[] = {1, 60, 3600, 86400};
  const auto unit = text.empty() ? std::string::npos : units.find(text.back());
  const std::string digits = text.substr(0, text.empty() ? 0 : text.size() - 1);
  if (unit != std::string::npos && !digits.empty() && digits.size() < 10 &&
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    return now - std::stoll(digits) * factors[unit] * 1'000'000;
  }
  return fail(Failure::invalid,
              "\"" + text + "\" is no time\nAs 2026-11-30, 2026-11-30T12:00:00Z, or a time ago: 2h, 7d");
}

}  // namespace cpm::admin
