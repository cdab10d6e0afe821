#include "imap/grammar/list_pattern.h"

#include "base/imap_words.h"
#include "imap/grammar/mutf7.h"

#include <algorithm>

namespace cpm::imap::grammar {

namespace {

constexpr std::string_view kInbox = "INBOX";
constexpr std::size_t kWordBits = 64;

bool wildcard(char c) { return c == '*' || c == '%'; }

std::string join(std::string_view reference, std::string_view pattern) {
  if (pattern.starts_with(kDelimiter)) return std::string(pattern.substr(1));
  return std::string(reference) + std::string(pattern);
}

std::string fold_wildcards(std::string_view pattern) {
  std::string folded;
  for (const char c : pattern) {
    if (!wildcard(c) || folded.empty() || !wildcard(folded.back())) {
      folded += c;
    } else if (c == '*') {
      folded.back() = '*';
    }
  }
  return folded;
}

}  // namespace

ListPattern::ListPattern(std::string_view reference, std::string_view pattern, bool utf8) {
  std::string joined = join(reference, pattern);
  if (!utf8) {
    // Text that is no modified UTF-7 stays as it is: it may be UTF-8 (RFC 6855 3), else it matches nothing.
    if (auto decoded = decode_mutf7(joined)) joined = std::move(*decoded);
  }
  pattern_ = fold_wildcards(joined);
  capitalise_inbox(pattern_);

  words_ = pattern_.size() / kWordBits + 1;  // one bit more than octets: the end
  star_.assign(words_, 0);
  percent_.assign(words_, 0);
  literal_.assign(words_, 0);
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    const char c = pattern_[i];
    const Word bit = Word{1} << (i % kWordBits);
    if (wildcard(c)) {
      (c == '*' ? star_ : percent_)[i / kWordBits] |= bit;
      continue;
    }
    ++literals_;
    std::uint16_t& row = class_of_[static_cast<unsigned char>(c)];
    if (row == 0) {
      row = static_cast<std::uint16_t>(literal_.size() / words_);
      literal_.resize(literal_.size() + words_, 0);
    }
    literal_[row * words_ + i / kWordBits] |= bit;
  }
}

bool ListPattern::matches(std::string_view path) const {
  if (literals_ > path.size()) return false;
  if (literals_ == pattern_.size() && path == pattern_) return true;
  return steps(path);
}

// The set of pattern positions that the octets so far can lead to, as bits.
bool ListPattern::steps(std::string_view path) const {
  std::vector<Word> now(words_, 0);
  // A wildcard may stand for nothing: whoever reaches it reaches its successor, which is never a wildcard itself.
  const auto close = [&] {
    Word carry = 0;
    for (std::size_t w = 0; w < words_; ++w) {
      const Word wild = now[w] & (star_[w] | percent_[w]);
      now[w] |= wild << 1 | carry;
      carry = wild >> (kWordBits - 1);
    }
  };
  const std::size_t inbox_end = path == kInbox || path.starts_with("INBOX/") ? kInbox.size() : 0;

  now[0] = 1;
  close();
  for (std::size_t at = 0; at < path.size(); ++at) {
    const char c = path[at];
    const Word* same = &literal_[class_of_[static_cast<unsigned char>(c)] * words_];
    const Word* lower = at < inbox_end ? &literal_[class_of_[static_cast<unsigned char>(c | 0x20)] * words_] : same;
    Word carry = 0;
    for (std::size_t w = 0; w < words_; ++w) {
      const Word stay = now[w] & (c == kDelimiter ? star_[w] : star_[w] | percent_[w]);
      const Word step = now[w] & (same[w] | lower[w]);
      now[w] = stay | step << 1 | carry;
      carry = step >> (kWordBits - 1);
    }
    close();
  }
  return (now[pattern_.size() / kWordBits] >> (pattern_.size() % kWordBits) & 1) != 0;
}

}  // namespace cpm::imap::grammar
