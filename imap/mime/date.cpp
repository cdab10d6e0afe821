// Dates of header fields: RFC 5322 3.3 and 4.3, asctime, ISO 8601.
#include "imap/mime/header.h"

#include <array>
#include <charconv>

namespace cpm::imap::mime {

namespace {

using namespace std::chrono;

// Words and numbers of a date without comments, commas and blanks: "12", "May", "09:15:00", "+0200".
std::vector<std::string> date_tokens(std::string_view value) {
  std::vector<std::string> tokens;
  std::string token;
  int comment = 0;
  // "09 : 55" is one token (RFC 5322 4.3).
  const auto end_token = [&] {
    if (token.empty()) return;
    if (!tokens.empty() && (token.front() == ':' || tokens.back().back() == ':')) {
      tokens.back() += token;
    } else {
      tokens.push_back(token);
    }
    token.clear();
  };
  for (const char c : value) {
    if (c == '(') ++comment;
    const bool separator = comment > 0 || c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
    if (c == ')' && comment > 0) --comment;
    if (!separator) {
      token += c;
      continue;
    }
    end_token();
    if (tokens.size() > 16) return tokens;
  }
  end_token();
  return tokens;
}

std::optional<unsigned> number(std::string_view text, std::size_t min_digits, std::size_t max_digits) {
  if (text.size() < min_digits || text.size() > max_digits) return std::nullopt;
  unsigned n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::optional<unsigned> month_number(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kNames = {"january",   "february", "march",    "april",
                                                              "may",       "june",     "july",     "august",
                                                              "september", "october",  "november", "december"};
  if (text.size() < 3) return std::nullopt;
  if (text.back() == '.') text.remove_suffix(1);
  for (unsigned i = 0; i < kNames.size(); ++i)
    if (text.size() >= 3 && text.size() <= kNames[i].size() &&
        equals_ignore_case(text, kNames[i].substr(0, text.size())))
      return i + 1;
  return std::nullopt;
}

// RFC 5322 4.3: two digits 00-49 are 20xx, 50-99 and three digits count from 1900.
std::optional<int> year_number(std::string_view text) {
  const auto n = number(text, 2, 4);
  if (!n) return std::nullopt;
  if (text.size() == 4) return static_cast<int>(*n);
  if (text.size() == 2 && *n < 50) return static_cast<int>(*n) + 2000;
  return static_cast<int>(*n) + 1900;
}

// "9:15", "09:15:00", "09.15.00", "09:15:00.123"
std::optional<seconds> time_of_day(std::string_view text) {
  std::array<unsigned, 3> part{};
  std::size_t count = 0;
  while (count < 3) {
    const auto end = text.find_first_of(":.");
    const auto n = number(text.substr(0, end), 1, 2);
    if (!n) return std::nullopt;
    part[count++] = *n;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (count < 2 || part[0] > 23 || part[1] > 59 || part[2] > 60) return std::nullopt;
  return hours(part[0]) + minutes(part[1]) + seconds(std::min(part[2], 59U));
}

// "+0200", "+02:00", "-5", "GMT", "EST", "Z"; nullopt if this is no zone. Unknown names and military letters mean UTC
// (RFC 5322 4.3).
std::optional<minutes> zone_offset(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text[0] == '+' || text[0] == '-') {
    std::string digits;
    for (const char c : text.substr(1))
      if (c != ':') digits += c;
    if (digits.size() <= 2) digits += "00";
    const auto n = number(digits, 3, 4);
    if (!n || *n % 100 > 59 || *n / 100 > 24) return std::nullopt;
    const minutes offset = hours(*n / 100) + minutes(*n % 100);
    return text[0] == '-' ? -offset : offset;
  }
  struct Named {
    std::string_view name;
    int hours;
  };
  static constexpr std::array<Named, 8> kZones = {
      {{"est", -5}, {"edt", -4}, {"cst", -6}, {"cdt", -5}, {"mst", -7}, {"mdt", -6}, {"pst", -8}, {"pdt", -7}}};
  for (const auto& zone : kZones)
    if (equals_ignore_case(zone.name, text)) return hours(zone.hours);
  for (const char c : text)
    if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) return std::nullopt;
  return minutes(0);
}

std::optional<HeaderDate> make_date(int year, unsigned month, unsigned day_of_month, seconds time, minutes zone) {
  const year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day_of_month)};
  if (!date.ok()) return std::nullopt;
  const sys_days day(date);
  return HeaderDate{day, sys_seconds(day) + time - zone};
}

// "2020-05-12T09:15:00+02:00", "2020-05-12 09:15"; also with "/" between the numbers.
std::optional<HeaderDate> parse_iso(const std::vector<std::string>& tokens) {
  const std::string_view first = tokens[0];
  if (first.size() < 10 || (first[4] != '-' && first[4] != '/') || first[7] != first[4]) return std::nullopt;
  const auto year = number(first.substr(0, 4), 4, 4);
  const auto month = number(first.substr(5, 2), 2, 2);
  const auto day = number(first.substr(8, 2), 2, 2);
  if (!year || !month || !day) return std::nullopt;
  std::string rest;
  if (first.size() > 10) {
    if (first[10] != 'T' && first[10] != 't') return std::nullopt;
    rest = first.substr(11);
  } else if (tokens.size() > 1) {
    rest = tokens[1];
  }
  std::string zone;
  if (const auto at = rest.find_first_of("+-Zz"); at != std::string::npos) {
    zone = rest.substr(at);
    rest.resize(at);
  } else if (tokens.size() > 1 && tokens.back() != rest) {
    zone = tokens.back();
  }
  const auto time = time_of_day(rest).value_or(seconds(0));
  return make_date(static_cast<int>(*year), *month, *day, time, zone_offset(zone).value_or(minutes(0)));
}

// "4-May-2020" and "4/May/2020" become three tokens.
void split_compact_date(std::vector<std::string>& tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto first = tokens[i].find_first_of("-/");
    if (first == std::string::npos || first == 0 || first > 2) continue;
    const auto second = tokens[i].find(tokens[i][first], first + 1);
    if (second == std::string::npos) continue;
    const std::string whole = tokens[i];
    tokens[i] = whole.substr(second + 1);
    tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(i),
                  {whole.substr(0, first), whole.substr(first + 1, second - first - 1)});
    return;
  }
}

}  // namespace

std::optional<HeaderDate> parse_date(std::string_view value) {
  auto tokens = date_tokens(value);
  if (tokens.empty()) return std::nullopt;
  if (auto iso = parse_iso(tokens)) return iso;
  split_compact_date(tokens);

  std::size_t month_at = 0;
  std::optional<unsigned> month;
  for (; month_at < tokens.size(); ++month_at)
    if ((month = month_number(tokens[month_at]))) break;
  if (!month) return std::nullopt;

  // Day before the month ("4 May 2020") or behind it ("May 4 2020", asctime "May  4 08:30:00 2020").
  std::optional<unsigned> day;
  std::size_t next = month_at + 1;
  if (month_at > 0) day = number(tokens[month_at - 1], 1, 2);
  if (!day && next < tokens.size()) day = number(tokens[next++], 1, 2);
  if (!day) return std::nullopt;

  std::optional<int> year;
  std::optional<seconds> time;
  std::optional<minutes> zone;
  for (; next < tokens.size(); ++next) {
    const std::string& token = tokens[next];
    if (!time && token.find_first_of(":.") != std::string::npos && token[0] != '+' && token[0] != '-') {
      time = time_of_day(token);
    } else if (!year && (year = year_number(token))) {
      continue;
    } else if (!zone) {
      zone = zone_offset(token);
    }
  }
  if (!year) return std::nullopt;
  return make_date(*year, *month, *day, time.value_or(seconds(0)), zone.value_or(minutes(0)));
}

std::optional<HeaderDate> header_date(std::string_view block) {
  const auto field = find_field(block, "Date");
  return field ? parse_date(field->value) : std::nullopt;
}

}  // namespace cpm::imap::mime
