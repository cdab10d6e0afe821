// i;unicode-casemap (RFC 5051): the normal form in which SEARCH compares text. Code point by code point, so that
// casemap(a + b) == casemap(a) + casemap(b) and substrings stay substrings.
// Runs on: any thread.
#pragma once

#include "base/collation.h"

#include <string>
#include <string_view>

namespace cpm::imap::mime {

// Titlecased and fully decomposed UTF-8. Invalid sequences become U+FFFD.
[[nodiscard]] std::string unicode_casemap(std::string_view utf8);
void append_casemap(std::string& out, std::string_view utf8);

// The text such that octets that are equal, or a part, are what the collation calls equal, or a part. What is equal in
// any collation is so in i;unicode-casemap too.
[[nodiscard]] std::string folded(std::string_view utf8, Collation collation);
void append_folded(std::string& out, std::string_view utf8, Collation collation);

// Length of the longest prefix of `bytes` that does not end inside a UTF-8 sequence: where text may be cut.
[[nodiscard]] std::size_t utf8_boundary(std::string_view bytes);

}  // namespace cpm::imap::mime
