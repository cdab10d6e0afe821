#include "admin/moment.h"

#include "base/policy.h"

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

}  // namespace cpm::admin
