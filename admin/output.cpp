#include "admin/output.h"

#include <algorithm>
#include <ctime>
#include <iostream>

namespace cpm::admin {

namespace {

// Characters, not octets: good enough for columns.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void print_row(std::ostream& out, const std::vector<std::string>& row, const std::vector<std::size_t>& widths,
               const std::vector<bool>& right) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string fill(widths[i] - std::min(widths[i], width_of(row[i])), ' ');
    if (i != 0) line += "  ";
    line += right[i] ? fill + row[i] : row[i] + fill;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << '\n';
}

}  // namespace

int exit_code(Failure failure) noexcept {
  switch (failure) {
    case Failure::not_found:
    case Failure::try_create:
    case Failure::expunged: return kNotFound;
    case Failure::exists: return kExists;
    case Failure::unavailable:
    case Failure::in_doubt:
    case Failure::timeout: return kUnavailable;
    case Failure::invalid:
    case Failure::bad_syntax: return kUsage;
    default: return kFailed;
  }
}

void Table::print(std::ostream& out) const {
  std::vector<std::string> titles;
  std::vector<bool> right;
  std::vector<std::size_t> widths;
  for (const std::string& column : columns_) {
    right.push_back(column.starts_with('>'));
    titles.push_back(right.back() ? column.substr(1) : column);
    widths.push_back(width_of(titles.back()));
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  print_row(out, titles, widths, right);
  for (const auto& row : rows_) print_row(out, row, widths, right);
}

void print_json(std::ostream& out, const Json& value) {
  out << value.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

void print_done(Context& context, const std::string& sentence, const Json& facts) {
  if (!context.json) {
    context.io.out << sentence << '\n';
    return;
  }
  Json object = Json::object();
  object["ok"] = true;
  object.update(facts);
  print_json(context.io.out, object);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // The C1 controls are two octets in UTF-8.
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c < 0x20 || c == 0x7f || c1) {
      out += '?';
      if (c1) ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string time_text(std::chrono::sys_seconds time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

Json limit_json(const std::optional<std::uint64_t>& limit) { return limit ? Json(*limit) : Json(nullptr); }

Error with_hint(Error error, const std::string& hint) {
  error.text += "\n" + hint;
  return error;
}

Error hint_missing_user(Error error) {
  if (error.failure != Failure::not_found) return error;
  return with_hint(std::move(error), "See who is there: cpmctl user list");
}

Result<void> confirm(Context& context, bool yes, const std::string& question) {
  if (yes) return {};
  if (!context.io.in_terminal) {
    return fail(Failure::invalid, "this cannot be undone, and there is no terminal to ask\nAdd --yes if it is meant");
  }
  context.io.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(context.io.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return fail(Failure::denied, "nothing was changed");
}

}  // namespace cpm::admin
