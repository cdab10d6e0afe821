// How texts compare in SEARCH, SORT and THREAD (RFC 5255 4, RFC 4790).
// Runs on: any thread.
#pragma once

namespace cpm {

enum class Collation {
  unicode_casemap,  // i;unicode-casemap (RFC 5051), the default
  ascii_casemap,    // i;ascii-casemap: only a-z and A-Z are alike
  octet,            // i;octet
};

}  // namespace cpm
