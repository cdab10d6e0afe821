#include "imap/wire/lexer.h"

#include "base/imap_words.h"

#include <algorithm>

namespace cpm::imap::wire {

namespace {

char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_tag_char(unsigned char c) { return is_astring_char(c) && c != '+'; }
bool is_list_char(unsigned char c) { return is_astring_char(c) || c == '%' || c == '*'; }
bool is_item_char(unsigned char c) { return is_atom_char(c) && c != '[' && c != '<'; }

bool is_base64(std::string_view token) {
  if (token == "=") return true;
  if (token.size() % 4 != 0) return false;
  const std::size_t padding = token.ends_with("==") ? 2 : token.ends_with('=') ? 1 : 0;
  token.remove_suffix(padding);
  return std::all_of(token.begin(), token.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
  });
}

}  // namespace

bool is_atom_char(unsigned char c) noexcept { return cpm::is_atom_char(c); }

bool is_astring_char(unsigned char c) noexcept { return c == ']' || is_atom_char(c); }

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = 1;
    std::uint32_t code = lead;
    if (lead >= 0x80) {
      if (lead < 0xc2 || lead > 0xf4) return false;
      length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      if (text.size() - i < length) return false;
      code = lead & (0x7f >> length);
      for (std::size_t k = 1; k < length; ++k) {
        const auto c = static_cast<unsigned char>(text[i + k]);
        if ((c & 0xc0) != 0x80) return false;
        code = code << 6 | (c & 0x3f);
      }
      constexpr std::uint32_t kLowest[] = {0, 0, 0x80, 0x800, 0x10000};
      if (code < kLowest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    }
    i += length;
  }
  return true;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_upper);
  return out;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return to_upper(x) == to_upper(y); });
}

Lexer::Lexer(CommandInput& input, const Limits& limits, bool utf8)
    : input_(input), text_(input.text), limits_(limits), utf8_(utf8) {}

void Lexer::bad(std::string text, std::string code) const {
  throw BadSyntax{std::move(text), position_, std::move(code)};
}

void Lexer::refuse_numbers() const {
  if (numbers_forbidden_) bad("No message numbers after ENABLE UIDONLY: use UIDs", "UIDREQUIRED");
}

char Lexer::peek_at(std::size_t ahead) const {
  return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
}

void Lexer::take(char expected) {
  if (eof()) {
    bad(expected == ' ' ? "Missing argument" : std::string("Missing ") + expected);
  }
  if (text_[position_] != expected) {
    bad(expected == ' ' ? "Expected a space" : std::string("Expected ") + expected);
  }
  ++position_;
}

bool Lexer::try_take(char wanted) {
  if (eof() || text_[position_] != wanted) return false;
  ++position_;
  return true;
}

void Lexer::skip_spaces() {
  while (try_take(' ')) {
  }
}

void Lexer::end() {
  try_sp();
  if (!eof()) bad("Unexpected text at the end of the command");
}

std::string Lexer::run(bool (*accept)(unsigned char), const char* what) {
  const std::size_t begin = position_;
  while (!eof() && accept(static_cast<unsigned char>(text_[position_]))) ++position_;
  if (begin == position_) bad(std::string("Expected ") + what);
  return std::string(text_.substr(begin, position_ - begin));
}

std::string Lexer::tag() { return run(is_tag_char, "a tag"); }
std::string Lexer::atom() { return run(is_atom_char, "an atom"); }
std::string Lexer::word() { return upper(atom()); }
std::string Lexer::item_name() { return upper(run(is_item_char, "an item name")); }

std::string_view Lexer::peek_word() const {
  std::size_t end = position_;
  while (end < text_.size() && is_atom_char(static_cast<unsigned char>(text_[end]))) ++end;
  return text_.substr(position_, end - position_);
}

bool Lexer::try_word(std::string_view wanted) {
  if (!iequals(peek_word(), wanted)) return false;
  position_ += wanted.size();
  return true;
}

void Lexer::expect_word(std::string_view wanted) {
  if (!try_word(wanted)) bad("Expected " + std::string(wanted));
}

std::string Lexer::astring() { return at_string() ? string() : run(is_astring_char, "a string"); }
std::string Lexer::list_mailbox() { return at_string() ? string() : run(is_list_char, "a mailbox pattern"); }

bool Lexer::at_literal() const { return peek() == '{' || (peek() == '~' && peek_at(1) == '{'); }

std::string Lexer::string() {
  if (peek() == '"') return quoted();
  if (!at_literal()) bad("Expected a string");
  Literal value = literal();
  std::string text = value.data.text();
  if (text.find('\0') != std::string::npos) bad("NUL is not allowed in this argument");
  return text;
}

std::optional<std::string> Lexer::nstring() {
  if (at_string()) return string();
  if (try_word("NIL")) return std::nullopt;
  bad("Expected a string or NIL");
}

std::string Lexer::quoted() {
  take('"');
  std::string out;
  for (;;) {
    if (eof()) bad("Unterminated quoted string");
    const char c = text_[position_++];
    if (c == '"') break;
    if (c == '\\') {
      const char escaped = peek();
      if (eof() || (escaped != '"' && escaped != '\\')) bad("Only \\\" and \\\\ may be escaped");
      out += escaped;
      ++position_;
    } else if (c == '\r' || c == '\n' || c == '\0') {
      bad("Control character in a quoted string");
    } else {
      out += c;
    }
  }
  const bool ascii = std::all_of(out.begin(), out.end(), [](char c) { return (c & 0x80) == 0; });
  if (!ascii && !is_utf8(out)) bad("Quoted string is not valid UTF-8");
  return out;
}

Literal Lexer::literal() {
  if (!at_literal()) bad("Expected a literal");
  std::size_t at = position_ + (peek() == '~' ? 2 : 1);
  const std::size_t begin = at;
  while (at < text_.size() && is_digit(text_[at])) ++at;
  const bool any = at > begin;
  if (at < text_.size() && text_[at] == '+') ++at;
  // What the reader took for an announcement stands at a line's end; anything else is only text in braces.
  if (!any || text_.substr(at, 3) != "}\r\n" || next_literal_ >= input_.literals.size()) bad("Malformed literal");
  Literal& value = input_.literals[next_literal_];
  if (!value.binary && value.has_nul) bad("NUL is only allowed in a literal8");
  position_ = at + 3;
  ++next_literal_;
  return std::move(value);
}

std::string Lexer::base64() {
  const std::size_t begin = position_;
  while (!eof() && text_[position_] != ' ') ++position_;
  const std::string_view token = text_.substr(begin, position_ - begin);
  if (token.empty() || !is_base64(token)) {
    position_ = begin;
    bad("Expected base64");
  }
  return std::string(token);
}

std::uint64_t Lexer::digits(std::uint64_t max) {
  if (!is_digit(peek())) bad("Expected a number");
  std::uint64_t value = 0;
  while (is_digit(peek())) {
    const auto digit = static_cast<std::uint64_t>(peek() - '0');
    if (value > (max - digit) / 10) bad("Number too large");
    value = value * 10 + digit;
    ++position_;
  }
  return value;
}

std::uint32_t Lexer::number() { return static_cast<std::uint32_t>(digits(0xffffffffULL)); }

std::uint32_t Lexer::nz_number() {
  const std::uint32_t value = number();
  if (value == 0) bad("Number must not be zero");
  return value;
}

std::uint64_t Lexer::number64() { return digits(0x7fffffffffffffffULL); }

std::string Lexer::rest() {
  std::string all(text_.substr(position_));
  position_ = text_.size();
  return all;
}

Lexer::Nest::Nest(Lexer& lexer) : lexer_(lexer) {
  if (lexer_.depth_ >= lexer_.limits_.nesting) lexer_.bad("Nested too deeply");
  ++lexer_.depth_;
}

}  // namespace cpm::imap::wire
