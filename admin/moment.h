// Moments as an administrator writes them: "2026-12-31T23:59:59Z" (RFC 3339, with any offset, without fractions of a
// second), "2026-12-31" (its beginning, UTC), "30d" or "+30d" from now, "never". Runs on: any thread.
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::admin {

// None: never. Failure::invalid.
[[nodiscard]] Result<std::optional<std::chrono::sys_seconds>> expiry_from(
    std::string_view text,
    std::chrono::sys_seconds now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));

// For searches in what was: "2026-11-30", "2026-11-30T12:00:00Z", or a time ago: "90s", "15m", "2h", "7d". Microseconds
// since 1970. Failure::invalid.
[[nodiscard]] Result<std::int64_t> moment_from(const std::string& text);

}  // namespace cpm::admin
