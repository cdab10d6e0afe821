// Message identifiers in Message-ID, References and In-Reply-To (RFC 5322 3.6.4), in the normal form in which RFC 5256
// compares them: without angle brackets, quoting, comments and blanks.
// Runs on: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::mime {

// The valid identifiers of an unfolded value in order, at most `most`; what is none is skipped. Linear in its length.
[[nodiscard]] std::vector<std::string> message_ids(std::string_view unfolded, std::size_t most);

}  // namespace cpm::imap::mime
