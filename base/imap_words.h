// Words of IMAP that more layers than the protocol look at.
// Runs on: any thread.
#pragma once

#include <string>
#include <string_view>

namespace cpm {

// RFC 9051 9: ATOM-CHAR and atom, which a flag-keyword is.
[[nodiscard]] bool is_atom_char(unsigned char c) noexcept;
[[nodiscard]] bool is_atom(std::string_view text) noexcept;

// RFC 9051 5.1: "inbox" → "INBOX", "inbox/x" → "INBOX/x"; other names stay.
void capitalise_inbox(std::string& path);

}  // namespace cpm
