#include "imap/mime/casemap.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf8.h>

#include <array>
#include <cstdint>

namespace cpm::imap::mime {

namespace {

const UNormalizer2* nfkd() {
  static const UNormalizer2* const instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    return unorm2_getNFKDInstance(&status);
  }();
  return instance;
}

void append_utf8(std::string& out, UChar32 c) {
  std::array<char, U8_MAX_LENGTH> octets;
  std::size_t length = 0;
  U8_APPEND_UNSAFE(octets.data(), length, c);
  out.append(octets.data(), length);
}

void append_code_point(std::string& out, UChar32 c) {
  c = u_totitle(c);
  // The longest decomposition (U+FDFA) has 18 code points, all of the BMP.
  std::array<UChar, 40> wide;
  UErrorCode status = U_ZERO_ERROR;
  const int32_t length = unorm2_getDecomposition(nfkd(), c, wide.data(), static_cast<int32_t>(wide.size()), &status);
  if (length < 0 || U_FAILURE(status)) {
    append_utf8(out, c);
    return;
  }
  for (int32_t i = 0; i < length;) {
    UChar32 part = 0;
    U16_NEXT(wide.data(), i, length, part);
    append_utf8(out, part);
  }
}

}  // namespace

void append_casemap(std::string& out, std::string_view utf8) {
  out.reserve(out.size() + utf8.size());
  std::size_t at = 0;
  while (at < utf8.size()) {
    const auto octet = static_cast<unsigned char>(utf8[at]);
    if (octet < 0x80) {
      out += static_cast<char>(octet >= 'a' && octet <= 'z' ? octet - 'a' + 'A' : octet);
      ++at;
      continue;
    }
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(utf8.data(), at, utf8.size(), c);
    append_code_point(out, c);
  }
}

std::string unicode_casemap(std::string_view utf8) {
  std::string out;
  append_casemap(out, utf8);
  return out;
}

void append_folded(std::string& out, std::string_view utf8, Collation collation) {
  switch (collation) {
    case Collation::unicode_casemap: append_casemap(out, utf8); break;
    case Collation::ascii_casemap:
      for (const char c : utf8) out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
      break;
    case Collation::octet: out += utf8; break;
  }
}

std::string folded(std::string_view utf8, Collation collation) {
  std::string out;
  append_folded(out, utf8, collation);
  return out;
}

std::size_t utf8_boundary(std::string_view bytes) {
  std::size_t at = bytes.size();
  // Back over at most three continuation octets to the lead octet they belong to.
  for (int steps = 0; at > 0 && steps < 4; ++steps) {
    --at;
    const auto octet = static_cast<unsigned char>(bytes[at]);
    if (octet < 0x80) return bytes.size();
    if (octet < 0xC0) continue;
    const std::size_t length = octet >= 0xF0 ? 4 : octet >= 0xE0 ? 3 : 2;
    return at + length <= bytes.size() ? bytes.size() : at;
  }
  return bytes.size();
}

}  // namespace cpm::imap::mime
