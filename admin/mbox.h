// mbox files: "From " lines between messages, ">From " quoting as mboxrd (one ">" is added or taken off), and the
// Status fields that mail programs leave in them.
// Runs on: the main thread.
#pragma once

#include "admin/import_source.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::admin {

// A "From " line as it stands between messages, without its line end: an address and a date. Text that merely
// begins with the word From has no time of day and no year, and is none.
struct FromLine {
  std::string sender;
  std::optional<std::chrono::sys_seconds> date;  // in UTC when the line names no zone
};
[[nodiscard]] std::optional<FromLine> parse_from_line(std::string_view line);
[[nodiscard]] std::string from_line(std::string_view sender, std::chrono::sys_seconds date);  // with LF

// Whether the line needs a ">" when written (^>*From ), or may lose one when read (^>+From ).
[[nodiscard]] bool needs_quote(std::string_view line) noexcept;
[[nodiscard]] bool has_quote(std::string_view line) noexcept;

// Flags from the Status and X-Status fields of a header block: R seen, A answered, F flagged, T draft, D deleted.
[[nodiscard]] schema::FlagSet status_flags(std::string_view header_block);

[[nodiscard]] Result<std::unique_ptr<ImportSource>> open_mbox(const std::string& path, const Limits& limits);

}  // namespace cpm::admin
