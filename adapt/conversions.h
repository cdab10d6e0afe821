// The conversions that exist (RFC 5259 5): which source becomes which target, with which parameters. The server answers
// CONVERSIONS from this table and the worker follows it.
// Runs on: any thread.
#pragma once

#include "adapt/task.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace cpm::adapt {

// A target that asks only what the octets are: Converted::found, and no octets. It takes no parameters; the beginning
// of a source is enough for it.
inline constexpr std::string_view kWhatItIs = "*/*";
inline constexpr std::size_t kBeginning = 256 * 1024;  // octets of a source that decide what it is

struct Parameter {
  std::string_view name;  // of the registry of media features where that has one (RFC 2534, 2987, 5259 12.1)
  bool number = false;    // a decimal number within [least, most]; otherwise text of at most `most` octets
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string_view standard;  // what holds when it is not given, in words or a number
};

struct Conversion {
  std::string_view source;  // canonical: see canonical_type()
  std::string_view target;
  std::span<const Parameter> parameters;
  bool by_default = false;  // the target when none is named
};

// Sorted by source, then target. The table is constant.
[[nodiscard]] std::span<const Conversion> conversions();
// nullptr: not offered. Types are canonical; an empty target asks for the default.
[[nodiscard]] const Conversion* find_conversion(std::string_view source, std::string_view target);
// The names that a type goes by: "image/jpg" and "image/pjpeg" are "image/jpeg". Lower case.
[[nodiscard]] std::string canonical_type(std::string_view type);
[[nodiscard]] bool has_parameter(const Conversion& conversion, std::string_view name);
// Which of the parameters are unknown to this conversion or out of range, by name; empty: all are good.
[[nodiscard]] std::vector<std::string> wrong_parameters(const Conversion& conversion, const Parameters& parameters);

}  // namespace cpm::adapt
