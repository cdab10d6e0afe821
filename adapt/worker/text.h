// Textual conversions: charsets by ICU, HTML by libxml2's parser, vCard (RFC 6350, 2426) and CPIM (RFC 3862) by hand.
// Results have CRLF line ends.
// Runs on: one thread.
#pragma once

#include "adapt/task.h"

#include <string>
#include <string_view>

namespace cpm::adapt::worker {

void prepare_text();

// A textual source of one of our types, to text/plain.
[[nodiscard]] Converted convert_text(const Task& task, const std::string& found);

// The steps, each from UTF-8 to UTF-8 with LF line ends.
[[nodiscard]] std::string html_to_text(std::string_view html);
[[nodiscard]] std::string vcard_to_text(std::string_view card);

// To UTF-8. `declared` may be empty or unknown: then by a byte order mark, then UTF-8 if it is that, then windows-1252.
// What cannot be read becomes U+FFFD. `used` says which charset it was.
[[nodiscard]] std::string to_utf8(std::string_view octets, const std::string& declared, std::string& used);

// Of the head of an HTML document; empty: none is said.
[[nodiscard]] std::string html_charset(std::string_view html);

}  // namespace cpm::adapt::worker
