// Structured logs through spdlog: one line an event, text or JSON, a level per area. A line never
// holds message content, passwords or tokens. Each session line carries its session id.
//   log::info("imap", "session=7f3a login", {{"user", "alice@example.net"}})
// Runs on: any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace cpm::log {

enum class Level { trace, debug, info, warn, error, off };

struct Field {
  std::string_view key;
  std::string value;
};

struct Settings {
  bool json = false;
  Level level = Level::info;
  std::string area_levels;  // "imap=debug,db=warn"
};

void configure(const Settings& settings);  // before other threads start, and on reload
[[nodiscard]] bool enabled(std::string_view area, Level level) noexcept;
void write(Level level, std::string_view area, std::string_view message, std::initializer_list<Field> fields = {});

// Warnings and errors of this process so far, also those that no level shows: for metrics.
struct Counts {
  std::uint64_t warnings = 0, errors = 0;
};
[[nodiscard]] Counts counts() noexcept;
void count(Level level) noexcept;

inline void debug(std::string_view area, std::string_view message, std::initializer_list<Field> fields = {}) {
  if (enabled(area, Level::debug)) write(Level::debug, area, message, fields);
}
inline void info(std::string_view area, std::string_view message, std::initializer_list<Field> fields = {}) {
  if (enabled(area, Level::info)) write(Level::info, area, message, fields);
}
inline void warn(std::string_view area, std::string_view message, std::initializer_list<Field> fields = {}) {
  count(Level::warn);
  if (enabled(area, Level::warn)) write(Level::warn, area, message, fields);
}
inline void error(std::string_view area, std::string_view message, std::initializer_list<Field> fields = {}) {
  count(Level::error);
  if (enabled(area, Level::error)) write(Level::error, area, message, fields);
}

}  // namespace cpm::log
