#include "admin/deposit/timestamp.h"

#include "admin/deposit/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace cpm::deposit {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct Fields {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<seconds> time;
  unsigned weekday;
};

Fields fields(std::chrono::sys_seconds moment) {
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss<seconds>(moment - day),
          std::chrono::weekday(day).c_encoding()};
}

std::string offset_text(minutes offset, const char* colon) {
  const auto whole = std::abs(offset.count());
  return fmt::format("{}{:02}{}{:02}", offset.count() < 0 ? '-' : '+', whole / 60, colon, whole % 60);
}

std::string clock_text(const Fields& at) {
  return fmt::format("{:02}:{:02}:{:02}", at.time.hours().count(), at.time.minutes().count(),
                     at.time.seconds().count());
}

std::string iso_time(std::chrono::sys_seconds moment) {
  const Fields at = fields(moment);
  return fmt::format("{:04}-{:02}-{:02}T{}", static_cast<int>(at.date.year()), static_cast<unsigned>(at.date.month()),
                     static_cast<unsigned>(at.date.day()), clock_text(at));
}

const char* month_name(const Fields& at) { return kMonths[static_cast<unsigned>(at.date.month()) - 1]; }

// The digits at `at` as a number; -1 when there are others.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

bool is_at(std::string_view text, std::size_t at, const char* any_of) {
  return at < text.size() && std::string_view(any_of).find(text[at]) != std::string_view::npos;
}

}  // namespace

Result<Timestamp> Timestamp::parse(std::string_view text) {
  const Error wrong = fail(Failure::invalid, "\"" + bounded(std::string(text)) +
                                                 "\" is not a date and time as 2026-11-02T09:14:05Z or "
                                                 "2026-11-02T10:14:05+01:00");
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (year < 1 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return wrong;
  if (!is_at(text, 4, "-") || !is_at(text, 7, "-") || !is_at(text, 10, "Tt ") || !is_at(text, 13, ":") ||
      !is_at(text, 16, ":")) {
    return wrong;
  }
  const auto date = std::chrono::year(year) / static_cast<unsigned>(month) / static_cast<unsigned>(day);
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return wrong;
  std::size_t at = 19;
  if (is_at(text, at, ".")) {
    ++at;
    if (digits(text, at, 1) < 0) return wrong;
    while (digits(text, at, 1) >= 0) ++at;
  }
  Timestamp moment;
  moment.zulu = is_at(text, at, "Zz");
  if (moment.zulu ? at + 1 != text.size() : at + 6 != text.size()) return wrong;
  if (!moment.zulu) {
    const int hours = digits(text, at + 1, 2), rest = digits(text, at + 4, 2);
    if (!is_at(text, at, "+-") || !is_at(text, at + 3, ":") || hours < 0 || hours > 23 || rest < 0 || rest > 59)
      return wrong;
    moment.offset = minutes((text[at] == '-' ? -1 : 1) * (hours * 60 + rest));
  }
  moment.utc = std::chrono::sys_days(date) + std::chrono::hours(hour) + minutes(minute) +
               seconds(std::min(second, 59)) - moment.offset;
  return moment;
}

std::string Timestamp::header_date() const {
  const Fields at = fields(utc + offset);
  return fmt::format("{}, {:02} {} {:04} {} {}", kDays[at.weekday], static_cast<unsigned>(at.date.day()),
                     month_name(at), static_cast<int>(at.date.year()), clock_text(at), offset_text(offset, ""));
}

std::string Timestamp::internal_date() const {
  const Fields at = fields(utc + offset);
  return fmt::format("{:02}-{}-{:04} {} {}", static_cast<unsigned>(at.date.day()), month_name(at),
                     static_cast<int>(at.date.year()), clock_text(at), offset_text(offset, ""));
}

std::string Timestamp::iso() const { return zulu ? iso_utc() : iso_numeric(true); }

std::string Timestamp::iso_numeric(bool colon) const {
  return iso_time(utc + offset) + offset_text(offset, colon ? ":" : "");
}

std::string Timestamp::iso_utc() const { return iso_time(utc) + "Z"; }

}  // namespace cpm::deposit
