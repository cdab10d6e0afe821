// Lexer: the tokens of RFC 9051 9 over one CommandInput. Its methods consume what they name or throw BadSyntax, the one
// exception of the protocol layer: the dispatcher catches it and answers BAD (docs/decisions/0003-bad-syntax.md).
// Runs on: session strand; no I/O.
#pragma once

#include "base/limits.h"
#include "imap/wire/command_input.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap::wire {

struct BadSyntax {
  std::string text;          // for the client
  std::size_t position = 0;  // octet of the command's text, for the log
  std::string code;          // response code of the BAD; empty for none
};

class Lexer {
 public:
  // `utf8`: the session has UTF-8 enabled; for grammar that differs then (utf8()). Quoted strings may hold UTF-8
  // always, as a server that offers UTF8=ACCEPT must take it from everybody (RFC 6855 3). REQUIRES: input and limits
  // outlive the lexer.
  Lexer(CommandInput& input, const Limits& limits, bool utf8);

  [[nodiscard]] bool eof() const { return position_ >= text_.size(); }
  [[nodiscard]] char peek() const { return eof() ? '\0' : text_[position_]; }
  [[nodiscard]] char peek_at(std::size_t ahead) const;
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] bool utf8() const { return utf8_; }
  // UIDONLY is enabled: grammar that takes message numbers calls refuse_numbers() where it meets one (RFC 9586 3).
  void forbid_numbers() { numbers_forbidden_ = true; }
  void refuse_numbers() const;
  [[nodiscard]] const Limits& limits() const { return limits_; }

  void take(char expected);
  bool try_take(char wanted);
  void sp() { take(' '); }
  bool try_sp() { return try_take(' '); }
  void skip_spaces();
  // The command must end here; one trailing blank is tolerated.
  void end();

  [[nodiscard]] std::string tag();
  [[nodiscard]] std::string atom();  // 1*ATOM-CHAR, as written
  [[nodiscard]] std::string word();  // atom in upper case
  // Name of a FETCH item in upper case: an atom that ends before "[" and "<", which are ATOM-CHARs.
  [[nodiscard]] std::string item_name();
  [[nodiscard]] std::string_view peek_word() const;  // atom ahead, not consumed; may be empty
  bool try_word(std::string_view upper);             // consumes the atom when it equals, ignoring case
  void expect_word(std::string_view upper);
  [[nodiscard]] std::string astring();
  [[nodiscard]] std::string string();  // quoted or literal without NUL
  [[nodiscard]] std::optional<std::string> nstring();
  [[nodiscard]] std::string list_mailbox();  // list-char string or string
  [[nodiscard]] Literal literal();           // any literal, spool and all; NUL only in a literal8
  [[nodiscard]] std::string base64();        // SASL initial response as written: base64 or a lone "="
  [[nodiscard]] bool at_literal() const;
  [[nodiscard]] bool at_string() const { return peek() == '"' || at_literal(); }
  [[nodiscard]] std::uint32_t number();  // 0 … 2^32-1
  [[nodiscard]] std::uint32_t nz_number();
  [[nodiscard]] std::uint64_t number64();  // 0 … 2^63-1
  [[nodiscard]] std::string rest();        // everything to the end of the text

  // "(" item *(SP item) ")"; `may_be_empty` allows "()".
  template <class Item>
  void list(bool may_be_empty, Item item) {
    take('(');
    const Nest nest(*this);
    if (may_be_empty && try_take(')')) return;
    for (;;) {
      item();
      if (try_take(')')) return;
      sp();
    }
  }

  // Bounds recursion; throws BadSyntax above Limits::nesting.
  class Nest {
   public:
    explicit Nest(Lexer& lexer);
    ~Nest() { --lexer_.depth_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    Lexer& lexer_;
  };

  [[noreturn]] void bad(std::string text, std::string code = {}) const;

 private:
  [[nodiscard]] std::string run(bool (*accept)(unsigned char), const char* what);
  [[nodiscard]] std::string quoted();
  [[nodiscard]] std::uint64_t digits(std::uint64_t max);

  CommandInput& input_;
  std::string_view text_;
  const Limits& limits_;
  const bool utf8_;
  bool numbers_forbidden_ = false;
  std::size_t position_ = 0;
  std::size_t next_literal_ = 0;
  std::size_t depth_ = 0;
};

[[nodiscard]] bool is_atom_char(unsigned char c) noexcept;
[[nodiscard]] bool is_astring_char(unsigned char c) noexcept;
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
[[nodiscard]] std::string upper(std::string_view text);
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;  // ASCII only

}  // namespace cpm::imap::wire
