// Identifiers of access control lists (RFC 4314 2): `-` before one makes its rights negative, and, ours alone,
// `;expires=…` and `;reason=…` behind one say until when and why (docs/sharing.md).
// Runs on: any thread.
#pragma once

#include "base/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap::grammar {

struct AclIdentifierText {
  std::string name;  // prepared with SASLprep (RFC 4314 3)
  bool negative = false;
  std::optional<std::optional<std::chrono::sys_seconds>> expires;  // inner none: `never`
  std::optional<std::string> reason;
};

// `expires`: 2026-12-31T23:59:59Z (RFC 3339, any offset), `+SECONDS` from `now` on, or `never`. Failure::invalid.
[[nodiscard]] Result<AclIdentifierText> read_acl_identifier(std::string_view text, std::chrono::sys_seconds now);

// "2026-12-31T23:59:59Z"
[[nodiscard]] std::string moment_text(std::chrono::sys_seconds moment);

}  // namespace cpm::imap::grammar
