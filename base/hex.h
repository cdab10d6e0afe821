// Octets as lower-case hexadecimal digits, two an octet.
// Runs on: any thread.
#pragma once

#include <string>
#include <string_view>

namespace cpm {

[[nodiscard]] std::string hex(std::string_view octets);

}  // namespace cpm
