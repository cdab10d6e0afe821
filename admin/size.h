// Sizes and counts as an administrator types them: 10G, 500M, 1.5G, 4096, none.
// Runs on: any thread.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::admin {

// Octets; K, M, G, T are powers of 1024, alone or as KB, KiB; fractions need a unit. "none" or "unlimited": no limit.
// Failure::invalid says what is expected.
[[nodiscard]] Result<std::optional<std::uint64_t>> parse_size_limit(std::string_view text);
// A plain number, or none.
[[nodiscard]] Result<std::optional<std::uint64_t>> parse_count_limit(std::string_view text);

[[nodiscard]] std::string size_text(std::uint64_t octets);                       // "1.5 GiB", "812 B"
[[nodiscard]] std::string size_text(const std::optional<std::uint64_t>& limit);  // or "none"
[[nodiscard]] std::string count_text(const std::optional<std::uint64_t>& limit);

}  // namespace cpm::admin
