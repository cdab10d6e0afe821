// Help for tests of commands on the wire: octets → CommandInput through the real reader, and a lexer over it.
#pragma once

#include "base/limits.h"
#include "imap/wire/command_reader.h"
#include "imap/wire/lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cpm::imap::wire {

inline const Limits& test_limits() {
  static const Limits limits;
  return limits;
}

// The one command that `octets` (without the last line end) hold; all literals are accepted.
inline CommandInput input_of(std::string_view octets, const Limits& limits = test_limits()) {
  CommandReader reader(limits);
  reader.feed(octets);
  reader.feed("\r\n");
  for (;;) {
    switch (reader.next()) {
      case CommandReader::Event::literal: reader.accept(Spool(std::string())); break;
      case CommandReader::Event::command: return reader.take();
      default: ADD_FAILURE() << "no command in: " << octets; return {};
    }
  }
}

// A lexer that owns its input.
class TestLexer {
 public:
  explicit TestLexer(std::string_view octets, bool utf8 = false, const Limits& limits = test_limits())
      : input_(input_of(octets, limits)), lexer_(input_, limits, utf8) {}
  Lexer* operator->() { return &lexer_; }
  Lexer& operator*() { return lexer_; }

 private:
  CommandInput input_;
  Lexer lexer_;
};

// The text of the BadSyntax that `parse` throws; empty when it does not.
template <class Parse>
std::string bad_text(Parse parse) {
  try {
    parse();
  } catch (const BadSyntax& bad) {
    return bad.text.empty() ? "(BadSyntax without a text)" : bad.text;
  }
  return {};
}

}  // namespace cpm::imap::wire
