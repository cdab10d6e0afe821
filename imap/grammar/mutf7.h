// Modified UTF-7 of mailbox names (RFC 3501 5.1.3).
// Runs on: any thread.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace cpm::imap::grammar {

// Strict: Failure::invalid for 8-bit octets, needlessly encoded ASCII, unterminated or empty shifts, lone surrogates,
// stray bits.
[[nodiscard]] Result<std::string> decode_mutf7(std::string_view text);
// REQUIRES: `utf8` is valid UTF-8.
[[nodiscard]] std::string encode_mutf7(std::string_view utf8);

}  // namespace cpm::imap::grammar
