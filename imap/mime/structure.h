// The tree of a MIME message with exact octet ranges (RFC 2045, 2046; sections as RFC 9051 6.4.5). The message is read
// once, in blocks; bodies are scanned for boundaries and never held, so memory depends on the headers only.
// Nothing is an error: what cannot be understood stays opaque text of its parent.
// Runs on: the thread of the ByteSource.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "imap/mime/content_type.h"
#include "imap/mime/decode.h"
#include "imap/mime/envelope.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cpm::imap::mime {

enum class Kind : std::uint8_t {
  leaf,       // no children
  multipart,  // at least one child, in order
  message,    // message/rfc822 or message/global: exactly one child, the head of the nested message
};

// A body part, and also the whole message: the head of a message (top or nested) is the part that its header describes.
// A head that is no multipart is its own part 1.
struct Part {
  Kind kind = Kind::leaf;
  bool head = false;  // of the whole or of a nested message; then `envelope` is set

  std::uint64_t header_begin = 0;
  std::uint64_t header_end = 0;  // with the blank line, if there is one; == body_begin
  std::uint64_t body_begin = 0;
  std::uint64_t body_end = 0;  // without the line end that belongs to the following boundary
  std::uint64_t lines = 0;     // line ends (LF) in the body

  // As it is to be treated: a multipart without any part is text/plain here, an encoded or too deeply nested multipart
  // or message/rfc822 is application/octet-stream (RFC 2045 5.2, 6.4).
  std::string type = "text";  // as written
  std::string subtype = "plain";
  Parameters parameters;

  std::optional<std::string> id;  // unfolded raw values
  std::optional<std::string> description;
  std::optional<std::string> md5;
  std::optional<std::string> location;
  std::optional<Disposition> disposition;
  std::vector<std::string> languages;
  std::string transfer_encoding = "7BIT";  // as written, or the default
  Encoding encoding = Encoding::identity;

  std::optional<Envelope> envelope;
  std::vector<Part> children;

  [[nodiscard]] bool is(std::string_view type_, std::string_view subtype_) const;  // case-insensitive
};

// Reads the whole of `source`. Beyond limits.mime_parts, mime_nesting and header_octets content stays opaque.
[[nodiscard]] Part parse_structure(ByteSource& source, const Limits& limits);

}  // namespace cpm::imap::mime
