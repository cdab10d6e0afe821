// How cpmctl speaks: tables for people, JSON for programs, exit codes for scripts.
//   0 ok · 1 failure · 2 usage · 3 not found · 4 exists already · 5 unavailable, try again
// Runs on: the main thread.
#pragma once

#include "admin/context.h"
#include "base/error.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::admin {

using Json = nlohmann::ordered_json;

enum ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2, kNotFound = 3, kExists = 4, kUnavailable = 5 };
[[nodiscard]] int exit_code(Failure failure) noexcept;

// Columns as wide as their content; a column named with a leading '>' is set right.
class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print(std::ostream& out) const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
};

void print_json(std::ostream& out, const Json& value);  // octets that are not UTF-8 are replaced
// One line of a change that was made: as JSON {"ok":true, …facts}, else the sentence.
void print_done(Context& context, const std::string& sentence, const Json& facts = Json::object());

// Without control characters, so that stored text cannot play with a terminal.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] std::string time_text(std::chrono::sys_seconds time);  // 2026-01-31T08:00:00Z
[[nodiscard]] Json limit_json(const std::optional<std::uint64_t>& limit);

// The error with a sentence that says what to do next.
[[nodiscard]] Error with_hint(Error error, const std::string& hint);
// Failure::not_found only.
[[nodiscard]] Error hint_missing_user(Error error);

// Asks a yes/no question; `yes` answers it beforehand. Failure::invalid when nobody can answer, denied on "no".
[[nodiscard]] Result<void> confirm(Context& context, bool yes, const std::string& question);

}  // namespace cpm::admin
