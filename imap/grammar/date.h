// Dates of commands and of INTERNALDATE (RFC 9051 9: date, date-time).
// Runs on: any thread.
#pragma once

#include "imap/wire/lexer.h"

#include <chrono>
#include <string>

namespace cpm::imap::grammar {

// Both throw BadSyntax, also for days that do not exist and moments outside the years 1 to 9999 in UTC.
// date = date-text / DQUOTE date-text DQUOTE; "1-Feb-1994".
[[nodiscard]] std::chrono::sys_days parse_date(wire::Lexer& lexer);
// date-time = DQUOTE "dd-MMM-yyyy HH:MM:SS +zzzz" DQUOTE.
[[nodiscard]] std::chrono::sys_seconds parse_date_time(wire::Lexer& lexer);
// " 4-May-2020 08:30:00 +0000", always in UTC, without quotes. Times outside the years 1 to 9999 become the nearest
// end.
[[nodiscard]] std::string format_date_time(std::chrono::sys_seconds time);

}  // namespace cpm::imap::grammar
