#include "imap/mime/decode.h"

#include "imap/mime/header.h"

#include <algorithm>
#include <array>

namespace cpm::imap::mime {

namespace {

constexpr std::size_t kMaxHeld = 1024;  // blanks before a line end, or one uuencoded line (62 octets when well-formed)

constexpr std::array<std::int8_t, 256> make_base64_values() {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}
constexpr auto kBase64Values = make_base64_values();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

Encoding parse_encoding(std::string_view token) {
  struct Named {
    std::string_view name;
    Encoding encoding;
  };
  static constexpr std::array<Named, 12> kNames = {{
      {"", Encoding::identity},
      {"7bit", Encoding::identity},
      {"8bit", Encoding::identity},
      {"binary", Encoding::identity},
      {"7-bit", Encoding::identity},
      {"8-bit", Encoding::identity},
      {"base64", Encoding::base64},
      {"quoted-printable", Encoding::quoted_printable},
      {"x-uuencode", Encoding::uuencode},
      {"x-uue", Encoding::uuencode},
      {"uuencode", Encoding::uuencode},
      {"x-uu", Encoding::uuencode},
  }};
  for (const auto& named : kNames)
    if (equals_ignore_case(named.name, token)) return named.encoding;
  return Encoding::unknown;
}

void TransferDecoder::feed(std::string_view in, std::string& out) {
  switch (encoding_) {
    case Encoding::base64: return feed_base64(in, out);
    case Encoding::quoted_printable: return feed_quoted_printable(in, out);
    case Encoding::uuencode: return feed_uuencode(in, out);
    case Encoding::identity:
    case Encoding::unknown: out += in; return;
  }
}

void TransferDecoder::finish(std::string& out) {
  switch (encoding_) {
    case Encoding::base64: feed_base64("=", out); break;
    case Encoding::quoted_printable:
      // Blanks at the very end are padding as well, and "=" there is a soft line break.
      if (!held_.empty() && (held_[0] == '=' ? hex_value(held_.back()) >= 0 : held_.back() == '\r')) out += held_;
      break;
    case Encoding::uuencode: uuencode_line(out); break;
    case Encoding::identity:
    case Encoding::unknown: break;
  }
  bits_ = 0;
  sextets_ = 0;
  held_.clear();
  inside_ = false;
}

// Padding ends a quantum, not the data: some senders join several encoded pieces.
void TransferDecoder::feed_base64(std::string_view in, std::string& out) {
  out.reserve(out.size() + in.size() / 4 * 3 + 3);
  for (const char c : in) {
    const int value = kBase64Values[static_cast<unsigned char>(c)];
    if (value >= 0) {
      bits_ = bits_ << 6 | static_cast<std::uint32_t>(value);
      if (++sextets_ < 4) continue;
      out += static_cast<char>(bits_ >> 16);
      out += static_cast<char>(bits_ >> 8);
      out += static_cast<char>(bits_);
    } else if (c == '=') {
      if (sextets_ >= 2) out += static_cast<char>(bits_ >> (sextets_ == 2 ? 4 : 10));
      if (sextets_ == 3) out += static_cast<char>(bits_ >> 2);
    } else {
      continue;
    }
    bits_ = 0;
    sextets_ = 0;
  }
}

// held_ is empty, or blanks, or blanks and CR, or "=" and what followed it so far: "=", "=4", "= ", "=\r".
void TransferDecoder::feed_quoted_printable(std::string_view in, std::string& out) {
  out.reserve(out.size() + in.size());
  for (const char c : in) {
    if (!held_.empty() && held_[0] == '=') {
      const char last = held_.back();
      if (c == '\n') {  // soft line break, perhaps with blanks or CR before the LF
        if (held_.size() == 1 || is_blank(last) || last == '\r') {
          held_.clear();
          continue;
        }
      } else if ((last == '=' || is_blank(last)) && (is_blank(c) || c == '\r') && held_.size() < kMaxHeld) {
        held_ += c;
        continue;
      } else if (hex_value(c) >= 0 && last == '=') {
        held_ += c;
        continue;
      } else if (held_.size() == 2 && hex_value(last) >= 0 && hex_value(c) >= 0) {
        out += static_cast<char>(hex_value(last) * 16 + hex_value(c));
        held_.clear();
        continue;
      }
      out += held_;  // no escape after all: keep what was written
      held_.clear();
    }
    if (!held_.empty() && held_.back() == '\r') {
      out += c == '\n' ? std::string_view("\r") : std::string_view(held_);
      held_.clear();
    }
    if (c == '\n') held_.clear();  // blanks before a line end were added in transport (RFC 2045 6.7, rule 3)
    if (is_blank(c) || c == '\r') {
      if (held_.size() >= kMaxHeld) {
        out += held_;
        held_.clear();
      }
      held_ += c;
      continue;
    }
    out += held_;
    held_.clear();
    if (c == '=') {
      held_ = "=";
    } else {
      out += c;
    }
  }
}

void TransferDecoder::feed_uuencode(std::string_view in, std::string& out) {
  for (const char c : in) {
    if (c == '\n') {
      uuencode_line(out);
      held_.clear();
    } else if (held_.size() < kMaxHeld) {
      held_ += c;
    }
  }
}

void TransferDecoder::uuencode_line(std::string& out) {
  if (!held_.empty() && held_.back() == '\r') held_.pop_back();
  const std::string_view line = held_;
  if (!inside_) {
    inside_ = line.starts_with("begin ");
    return;
  }
  if (line.empty()) return;
  if (line == "end") {
    inside_ = false;
    return;
  }
  const auto value = [](char c) { return static_cast<std::uint32_t>((static_cast<unsigned char>(c) - 0x20) & 0x3F); };
  std::size_t length = value(line[0]);
  for (std::size_t at = 1; length > 0 && at < line.size(); at += 4) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) bits = bits << 6 | (at + i < line.size() ? value(line[at + i]) : 0);
    for (int shift = 16; shift >= 0 && length > 0; shift -= 8, --length) out += static_cast<char>(bits >> shift);
  }
}

std::uint64_t decoded_size(ByteSource& source, std::uint64_t begin, std::uint64_t end, Encoding encoding) {
  if (encoding == Encoding::identity || encoding == Encoding::unknown) return end - begin;
  std::uint64_t size = 0;
  decode_range(source, begin, end, encoding, [&](std::string_view piece) {
    size += piece.size();
    return true;
  });
  return size;
}

}  // namespace cpm::imap::mime
