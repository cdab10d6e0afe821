#include "imap/grammar/date.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace cpm::imap::grammar {

namespace {

constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

using namespace std::chrono_literals;

constexpr std::chrono::sys_seconds kFirst = std::chrono::sys_days{1y / 1 / 1};
constexpr std::chrono::sys_seconds kLast = std::chrono::sys_days{9999y / 12 / 31} + 23h + 59min + 59s;

class Cursor {
 public:
  Cursor(const wire::Lexer& lexer, std::string_view text) : lexer_(lexer), text_(text) {}

  int digits(std::size_t least, std::size_t most) {
    int value = 0;
    std::size_t n = 0;
    while (n < most && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + (text_[at_++] - '0');
      ++n;
    }
    if (n < least) lexer_.bad("Malformed date");
    return value;
  }
  void take(char c) {
    if (!try_take(c)) lexer_.bad("Malformed date");
  }
  bool try_take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  unsigned month() {
    for (unsigned i = 0; i < 12; ++i) {
      if (wire::iequals(text_.substr(at_, 3), kMonths[i])) {
        at_ += 3;
        return i + 1;
      }
    }
    lexer_.bad("Unknown month");
  }
  std::chrono::sys_days day_month_year(bool fixed_day) {
    const bool padded = fixed_day && try_take(' ');
    const int day = digits(padded || !fixed_day ? 1 : 2, padded ? 1 : 2);
    take('-');
    const unsigned m = month();
    take('-');
    const int year = digits(4, 4);
    const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{m},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok() || year == 0) lexer_.bad("No such date");
    return std::chrono::sys_days{date};
  }
  void end() {
    if (at_ != text_.size()) lexer_.bad("Malformed date");
  }

 private:
  const wire::Lexer& lexer_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::chrono::sys_days parse_date(wire::Lexer& lexer) {
  const std::string text = lexer.peek() == '"' ? lexer.string() : lexer.atom();
  Cursor cursor(lexer, text);
  const auto day = cursor.day_month_year(false);
  cursor.end();
  return day;
}

std::chrono::sys_seconds parse_date_time(wire::Lexer& lexer) {
  if (lexer.peek() != '"') lexer.bad("Expected a quoted date-time");
  const std::string text = lexer.string();
  Cursor cursor(lexer, text);
  const auto day = cursor.day_month_year(true);
  cursor.take(' ');
  const int hour = cursor.digits(2, 2);
  cursor.take(':');
  const int minute = cursor.digits(2, 2);
  cursor.take(':');
  const int second = cursor.digits(2, 2);
  cursor.take(' ');
  const bool minus = cursor.try_take('-');
  if (!minus) cursor.take('+');
  const int zone = cursor.digits(4, 4);
  cursor.end();
  if (hour > 23 || minute > 59 || second > 60 || zone % 100 > 59 || zone > 2359) lexer.bad("No such time");
  const auto offset = std::chrono::minutes(zone / 100 * 60 + zone % 100);
  const std::chrono::sys_seconds local =
      day + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  const std::chrono::sys_seconds time = minus ? local + offset : local - offset;
  if (time < kFirst || time > kLast) lexer.bad("No such time");
  return time;
}

std::string format_date_time(std::chrono::sys_seconds time) {
  time = std::clamp(time, kFirst, kLast);
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:2}-{}-{:04} {:02}:{:02}:{:02} +0000", static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace cpm::imap::grammar
