#include "imap/grammar/mutf7.h"

#include <cstdint>

namespace cpm::imap::grammar {

namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == ',') return 63;
  return -1;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

Error invalid() { return fail(Failure::invalid, "Mailbox name is not valid modified UTF-7"); }

// One `&…-` shift; `at` stands after the `&` and ends after the `-`.
Result<void> decode_shift(std::string_view text, std::size_t& at, std::string& out) {
  std::uint32_t bits = 0;
  int count = 0;
  std::uint32_t high = 0;
  bool any = false;
  for (; at < text.size() && text[at] != '-'; ++at) {
    const int value = value_of(text[at]);
    if (value < 0) return invalid();
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 16) continue;
    count -= 16;
    const std::uint32_t unit = bits >> count & 0xffff;
    bits &= (1U << count) - 1;
    any = true;
    if (high != 0) {
      if (unit < 0xdc00 || unit > 0xdfff) return invalid();
      append_utf8(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
      high = 0;
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
      high = unit;
    } else if ((unit >= 0xdc00 && unit <= 0xdfff) || (unit >= 0x20 && unit <= 0x7e)) {
      return invalid();
    } else {
      append_utf8(out, unit);
    }
  }
  if (at >= text.size() || !any || high != 0 || count >= 6 || bits != 0) return invalid();
  ++at;
  return {};
}

}  // namespace

Result<std::string> decode_mutf7(std::string_view text) {
  std::string out;
  bool after_shift = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c >= 0x7f) return invalid();
    ++at;
    if (c != '&') {
      out += static_cast<char>(c);
      after_shift = false;
    } else if (at < text.size() && text[at] == '-') {
      out += '&';
      ++at;
      after_shift = false;
    } else {
      if (after_shift) return invalid();  // two shifts in a row should have been one
      CPM_CHECK(decode_shift(text, at, out));
      after_shift = true;
    }
  }
  return out;
}

std::string encode_mutf7(std::string_view utf8) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  bool shifted = false;
  const auto unit = [&](std::uint32_t value) {
    bits = bits << 16 | value;
    count += 16;
    while (count >= 6) {
      count -= 6;
      out += kAlphabet[bits >> count & 0x3f];
    }
    bits &= (1U << count) - 1;
  };
  const auto close = [&] {
    if (!shifted) return;
    if (count > 0) out += kAlphabet[bits << (6 - count) & 0x3f];
    out += '-';
    bits = 0;
    count = 0;
    shifted = false;
  };
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    std::uint32_t code = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t k = 1; k < length && i + k < utf8.size(); ++k) {
      code = code << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3f);
    }
    i += length;
    if (code >= 0x20 && code <= 0x7e) {
      close();
      out += static_cast<char>(code);
      if (code == '&') out += '-';
      continue;
    }
    if (!shifted) out += '&';
    shifted = true;
    if (code >= 0x10000) {
      unit(0xd800 + ((code - 0x10000) >> 10));
      unit(0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      unit(code);
    }
  }
  close();
  return out;
}

}  // namespace cpm::imap::grammar
