// A moment with the offset it was written with: RFC 3339 in, the spellings of stored objects out.
// Runs on: any thread. A value type.
#pragma once

#include "base/result.h"

#include <chrono>
#include <string>
#include <string_view>

namespace cpm::deposit {

struct Timestamp {
  std::chrono::sys_seconds utc{};
  std::chrono::minutes offset{};
  bool zulu = true;  // written with Z

  // "2026-11-02T09:14:05Z", "2026-11-02T10:14:05.250+01:00"; fractions are dropped. Failure::invalid.
  [[nodiscard]] static Result<Timestamp> parse(std::string_view text);

  [[nodiscard]] std::string header_date() const;    // Mon, 02 Nov 2026 10:14:05 +0100
  [[nodiscard]] std::string internal_date() const;  // 02-Nov-2026 10:14:05 +0100 (RFC 9051 date-time, without quotes)
  [[nodiscard]] std::string iso() const;            // 2026-11-02T10:14:05+01:00, or …Z as it was written
  [[nodiscard]] std::string iso_numeric(bool colon) const;  // always with a numeric offset: +01:00 or +0100
  [[nodiscard]] std::string iso_utc() const;                // …Z
};

}  // namespace cpm::deposit
