// Content-Transfer-Encoding decoders that work on pieces (RFC 2045 6, RFC 3516 BINARY). Tolerant: octets that cannot
// belong to the encoding are skipped (base64) or kept as they are (quoted-printable).
// Runs on: any thread; one decoder, one user.
#pragma once

#include "base/byte_source.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace cpm::imap::mime {

enum class Encoding : std::uint8_t {
  identity,  // 7bit, 8bit, binary, or no field
  base64,
  quoted_printable,
  uuencode,  // x-uuencode, x-uue, uuencode
  unknown,   // BINARY answers UNKNOWN-CTE
};

// From the token of the header field; empty means 7bit.
[[nodiscard]] Encoding parse_encoding(std::string_view token);

class TransferDecoder {
 public:
  // Encoding::unknown passes octets through unchanged.
  explicit TransferDecoder(Encoding encoding) : encoding_(encoding) {}

  // Appends to `out` what can be decoded so far. Memory is bounded whatever the input.
  void feed(std::string_view in, std::string& out);
  // Appends the rest. The decoder is then as new.
  void finish(std::string& out);

 private:
  void feed_base64(std::string_view in, std::string& out);
  void feed_quoted_printable(std::string_view in, std::string& out);
  void feed_uuencode(std::string_view in, std::string& out);
  void uuencode_line(std::string& out);

  Encoding encoding_;
  std::uint32_t bits_ = 0;  // base64: gathered sextets
  unsigned sextets_ = 0;
  std::string held_;     // quoted-printable: blanks or an escape that may continue; uuencode: the current line
  bool inside_ = false;  // uuencode: after the begin line
};

// Reads [begin, end) of `source`, decoded, and gives each piece to `take(std::string_view) -> bool`; false stops.
template <class Take>
void decode_range(ByteSource& source, std::uint64_t begin, std::uint64_t end, Encoding encoding, Take&& take) {
  TransferDecoder decoder(encoding);
  std::string block(16 * 1024, '\0');
  std::string out;
  for (std::uint64_t at = begin; at < end;) {
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), end - at));
    const std::size_t got = source.read(at, block.data(), want);
    if (got == 0) break;
    at += got;
    out.clear();
    decoder.feed(std::string_view(block.data(), got), out);
    if (!out.empty() && !take(std::string_view(out))) return;
  }
  out.clear();
  decoder.finish(out);
  if (!out.empty()) take(std::string_view(out));
}

// Octets that decode_range would give (BINARY.SIZE).
[[nodiscard]] std::uint64_t decoded_size(ByteSource& source, std::uint64_t begin, std::uint64_t end, Encoding encoding);

}  // namespace cpm::imap::mime
