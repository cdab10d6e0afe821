// LIST patterns with `*` and `%` (RFC 9051 6.3.9).
// Runs on: any thread. A value type.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::grammar {

inline constexpr char kDelimiter = '/';

// Reference and pattern of LIST joined, in canonical form. A pattern that starts with the delimiter takes no reference.
// INBOX matches in any case, as the whole name and as first component. Without `utf8` a 7-bit pattern is modified
// UTF-7.
class ListPattern {
 public:
  ListPattern(std::string_view reference, std::string_view pattern, bool utf8);
  // One pass over the name; 64 octets of the pattern cost one machine word a step, whatever its wildcards.
  [[nodiscard]] bool matches(std::string_view path) const;
  [[nodiscard]] const std::string& text() const { return pattern_; }

 private:
  using Word = std::uint64_t;

  [[nodiscard]] bool steps(std::string_view path) const;

  std::string pattern_;       // runs of wildcards are one: `*` if they hold one
  std::size_t literals_ = 0;  // octets of pattern_ that are no wildcards: no shorter name can match
  std::size_t words_ = 0;
  // Bit i belongs to pattern_[i]. class_of_ gives an octet's row in literal_; row 0 is for octets not in the pattern.
  std::array<std::uint16_t, 256> class_of_{};
  std::vector<Word> literal_;
  std::vector<Word> star_;
  std::vector<Word> percent_;
};

}  // namespace cpm::imap::grammar
