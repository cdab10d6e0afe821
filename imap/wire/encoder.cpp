#include "imap/wire/encoder.h"

#include "imap/grammar/date.h"
#include "imap/grammar/mutf7.h"
#include "imap/wire/lexer.h"

#include <algorithm>
#include <charconv>

namespace cpm::imap::wire {

namespace {
constexpr std::size_t kLongestQuoted = 1000;  // longer text goes as a literal (RFC 2683 3.2.1.5 line lengths)
}

Encoder& Encoder::number(std::uint64_t value) {
  char digits[20];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}

bool Encoder::quotable(std::string_view text) const {
  if (text.size() > kLongestQuoted) return false;
  bool ascii = true;
  for (const char c : text) {
    if (c == '\r' || c == '\n' || c == '\0') return false;
    if (c & 0x80) ascii = false;
  }
  return ascii || (utf8_ && is_utf8(text));
}

Encoder& Encoder::quoted(std::string_view text) {
  out_ += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out_ += '\\';
    out_ += c;
  }
  out_ += '"';
  return *this;
}

Encoder& Encoder::string(std::string_view text) {
  if (quotable(text)) return quoted(text);
  literal_head(text.size());
  return raw(text);
}

Encoder& Encoder::nstring(const std::optional<std::string>& text) { return text ? string(*text) : raw("NIL"); }

Encoder& Encoder::astring(std::string_view text) {
  const bool atom =
      !text.empty() && text.size() < kLongestQuoted && !iequals(text, "NIL") &&
      std::all_of(text.begin(), text.end(), [](char c) { return is_astring_char(static_cast<unsigned char>(c)); });
  return atom ? raw(text) : string(text);
}

Encoder& Encoder::literal_head(std::uint64_t octets, bool binary) {
  if (binary) out_ += '~';
  out_ += '{';
  number(octets);
  out_ += "}\r\n";
  return *this;
}

Encoder& Encoder::date_time(std::chrono::sys_seconds time) {
  out_ += '"';
  out_ += grammar::format_date_time(time);
  out_ += '"';
  return *this;
}

Encoder& Encoder::flags(const std::vector<std::string>& names) {
  out_ += '(';
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out_ += ' ';
    out_ += names[i];
  }
  out_ += ')';
  return *this;
}

Encoder& Encoder::mailbox_quoted(std::string_view path) {
  const std::string name = utf8_ ? std::string(path) : grammar::encode_mutf7(path);
  return quotable(name) ? quoted(name) : string(name);
}

Encoder& Encoder::mailbox_atom(std::string_view path) {
  return astring(utf8_ ? std::string(path) : grammar::encode_mutf7(path));
}

}  // namespace cpm::imap::wire
