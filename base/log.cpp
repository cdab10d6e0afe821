#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

namespace cpm::log {

namespace {

std::atomic<std::uint64_t> warnings_counted{0};
std::atomic<std::uint64_t> errors_counted{0};

struct State {
  std::shared_ptr<spdlog::logger> logger = spdlog::stderr_logger_mt("cpmstore");
  std::mutex mutex;
  std::map<std::string, Level, std::less<>> areas;  // protected by mutex
  std::atomic<Level> level{Level::info};
  std::atomic<Level> lowest{Level::info};  // of all areas: the fast way out
  std::atomic<bool> json{false};

  State() { apply_pattern(false); }
  void apply_pattern(bool as_json) {
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
    logger->set_pattern(as_json ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  }
};

State& state() {
  static State instance;
  return instance;
}

Level parse_level(std::string_view text) {
  if (text == "trace") return Level::trace;
  if (text == "debug") return Level::debug;
  if (text == "warn") return Level::warn;
  if (text == "error") return Level::error;
  if (text == "off") return Level::off;
  return Level::info;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace: return spdlog::level::trace;
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    case Level::off: return spdlog::level::off;
  }
  return spdlog::level::info;
}

const char* level_name(Level level) {
  switch (level) {
    case Level::trace: return "trace";
    case Level::debug: return "debug";
    case Level::warn: return "warn";
    case Level::error: return "error";
    default: return "info";
  }
}

// One event stays one line, whatever a peer put into a value.
std::string printable(std::string_view value) {
  std::string out;
  bool quote = value.empty();
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\x";
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      if (c == ' ' || c == '"' || c == '=') quote = true;
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return quote ? '"' + out + '"' : out;
}

std::string iso_now() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  return std::string(text, n) + fmt::format(".{:03}Z", ms);
}

}  // namespace

void configure(const Settings& settings) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.areas.clear();
  Level lowest = settings.level;
  std::string_view rest = settings.area_levels;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    if (const std::size_t eq = item.find('='); eq != std::string_view::npos) {
      const Level level = parse_level(item.substr(eq + 1));
      s.areas.emplace(item.substr(0, eq), level);
      lowest = std::min(lowest, level);
    }
  }
  s.level = settings.level;
  s.lowest = lowest;
  s.json = settings.json;
  s.apply_pattern(settings.json);
}

bool enabled(std::string_view area, Level level) noexcept {
  State& s = state();
  if (level < s.lowest.load(std::memory_order_relaxed)) return false;
  const std::lock_guard lock(s.mutex);
  const auto at = s.areas.find(area);
  return level >= (at == s.areas.end() ? s.level.load() : at->second);
}

Counts counts() noexcept { return {warnings_counted, errors_counted}; }

void count(Level level) noexcept { ++(level == Level::error ? errors_counted : warnings_counted); }

void write(Level level, std::string_view area, std::string_view message, std::initializer_list<Field> fields) {
  State& s = state();
  if (s.json) {
    nlohmann::ordered_json line;
    line["time"] = iso_now();
    line["level"] = level_name(level);
    line["area"] = area;
    line["message"] = message;
    for (const Field& field : fields) line[std::string(field.key)] = field.value;
    s.logger->log(to_spdlog(level), line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return;
  }
  std::string line(area);
  line += ": ";
  line += message;
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += printable(field.value);
  }
  s.logger->log(to_spdlog(level), line);
}

}  // namespace cpm::log
