// Header blocks in another charset, as CONVERT gives them (RFC 5259 6): encoded words (RFC 2047) and encoded parameters
// (RFC 2231) of the MIME fields are decoded and encoded again. All else stays octet for octet.
// Runs on: any thread.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap::mime {

// What cannot be decoded stays as it is. Failure::bad_charset: there is no such charset; Failure::invalid: it does not
// have a character that is needed, and there is no replacement or it does not have that.
[[nodiscard]] Result<std::string> convert_header(std::string_view block, std::string_view charset,
                                                 const std::optional<std::string>& replacement);

}  // namespace cpm::imap::mime
