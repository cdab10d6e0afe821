#include "adapt/worker/facts.h"

#include <nlohmann/json.hpp>

#include <charconv>

namespace cpm::adapt::worker {

std::string facts_as_json(const std::string& type, const Parameters& facts) {
  nlohmann::ordered_json json;
  json["type"] = type;
  for (const auto& [name, value] : facts) {
    double number = 0;
    std::int64_t whole = 0;
    const char* const end = value.data() + value.size();
    if (const auto read = std::from_chars(value.data(), end, whole); read.ec == std::errc() && read.ptr == end)
      json[name] = whole;
    else if (const auto parsed = std::from_chars(value.data(), end, number);
             parsed.ec == std::errc() && parsed.ptr == end)
      json[name] = number;
    else
      json[name] = value;
  }
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\r\n";
}

}  // namespace cpm::adapt::worker
