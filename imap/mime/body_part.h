// Parts of a stored BODYSTRUCTURE, as octets, without reading the message again: for BODYPARTSTRUCTURE (RFC 5524 3.2).
// Runs on: any thread. The octets are those of bodystructure.h; with others the answer may be none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cpm::imap::mime {

// The `body` of a part by its section number; the empty path is the message's own. Part 1 of what is no multipart is
// itself.
[[nodiscard]] std::optional<std::string_view> body_part(std::string_view body, std::span<const std::uint32_t> path);

// The `body` of the message in a message/rfc822 part.
[[nodiscard]] std::optional<std::string_view> nested_body(std::string_view part);

// A part that is no multipart, as it is without its transfer encoding.
[[nodiscard]] std::optional<std::string> decoded_body(std::string_view part, std::uint64_t octets, std::uint64_t lines);

// A whole message as message/rfc822; `envelope` and `body` are its own.
[[nodiscard]] std::string message_body(std::string_view envelope, std::string_view body, std::string_view encoding,
                                       std::uint64_t octets, std::uint64_t lines);

// A header as text/rfc822-headers (RFC 6522 4).
[[nodiscard]] std::string header_body(std::string_view header);

}  // namespace cpm::imap::mime
