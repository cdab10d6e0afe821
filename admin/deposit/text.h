// Spellings that the objects and the commands need: base64, RFC 2047 words, XML text, parameters, mailbox names.
// Runs on: any thread. Pure.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cpm::deposit {

[[nodiscard]] std::string base64(std::string_view octets);  // on one line
// The size of `octets` in base64 with CRLF behind every 76 characters but the last line.
[[nodiscard]] std::uint64_t base64_lines_size(std::uint64_t octets) noexcept;

// A sentence that repeats what stands in a file: cut when that is long.
[[nodiscard]] std::string bounded(std::string sentence);

[[nodiscard]] bool is_ascii(std::string_view text) noexcept;
// Text without octets above 127 as it is, else encoded words of at most 75 characters (RFC 2047), on one line.
[[nodiscard]] std::string header_text(std::string_view text);
// "Zoë <sip:zoe@example.net>": only the name is encoded.
[[nodiscard]] std::string header_address(std::string_view address);
// name="value" (RFC 2045), or name*=utf-8''value (RFC 2231) when it is not ASCII.
[[nodiscard]] std::string parameter(std::string_view name, std::string_view value);

[[nodiscard]] std::string xml_text(std::string_view text);    // of an element or an attribute in double quotes
[[nodiscard]] std::string crlf_lines(std::string_view text);  // LF and lone CR become CRLF

// As an IMAP argument: modified UTF-7 (RFC 3501 5.1.3), quoted.
[[nodiscard]] std::string mailbox_argument(std::string_view path);

// "image/png" for "lake.PNG"; application/octet-stream when the ending says nothing.
[[nodiscard]] std::string type_of_name(std::string_view name);

}  // namespace cpm::deposit
