#include "imap/mime/fuzzy.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace cpm::imap::mime {

namespace {

constexpr int kPhrase = 100;    // the whole needle
constexpr int kWord = 95;       // a word of its own
constexpr int kBeginning = 85;  // a longer word begins with it
constexpr int kInside = 70;     // a longer word holds it
constexpr int kOneEdit = 60;
constexpr int kTwoEdits = 45;

// Accents are letters' marks in decomposed text.
bool in_word(char32_t c) {
  return u_isalnum(static_cast<UChar32>(c)) != 0 ||
         (c >= 0x80 && (U_MASK(u_charType(static_cast<UChar32>(c))) & (U_GC_M_MASK | U_GC_CO_MASK)) != 0);
}

bool in_word_at(std::string_view text, std::size_t at) {
  const auto octet = static_cast<unsigned char>(text[at]);
  if (octet < 0x80) return (octet >= '0' && octet <= '9') || ((octet | 0x20) >= 'a' && (octet | 0x20) <= 'z');
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80) --at;
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(text.data(), at, text.size(), c);
  return c != 0xfffd && in_word(static_cast<char32_t>(c));
}

std::u32string letters_of(std::string_view utf8) {
  std::u32string out;
  for (std::size_t at = 0; at < utf8.size();) {
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(utf8.data(), at, utf8.size(), c);
    out += static_cast<char32_t>(c);
  }
  return out;
}

std::string octets_of(std::u32string_view letters) {
  std::string out;
  for (const char32_t letter : letters) {
    std::array<char, U8_MAX_LENGTH> octets;
    std::size_t length = 0;
    U8_APPEND_UNSAFE(octets.data(), length, letter);
    out.append(octets.data(), length);
  }
  return out;
}

// Whether one becomes the other by at most `most` letters added, left out, changed, or two neighbours exchanged.
std::size_t distance(std::u32string_view a, std::u32string_view b, std::size_t most) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > most) return most + 1;
  constexpr std::size_t kWidth = kMaxFuzzyWord + 8;
  std::array<std::size_t, kWidth> before_last{}, last{}, row{};
  for (std::size_t i = 0; i <= a.size(); ++i) last[i] = i;
  for (std::size_t j = 1; j <= b.size(); ++j) {
    row[0] = j;
    std::size_t best = row[0];
    for (std::size_t i = 1; i <= a.size(); ++i) {
      row[i] = std::min({last[i] + 1, row[i - 1] + 1, last[i - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[i] = std::min(row[i], before_last[i - 2] + 1);
      best = std::min(best, row[i]);
    }
    if (best > most) return most + 1;
    before_last = last;
    last = row;
  }
  return last[a.size()];
}

std::size_t find(std::string_view text, std::string_view what, std::size_t from) {
  const void* at = ::memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

// The word of the text around `at`, at most kMaxFuzzyWord octets to each side.
std::string_view word_around(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  std::size_t end = at;
  while (begin > 0 && at - begin < kMaxFuzzyWord && in_word_at(text, begin - 1)) --begin;
  while (end < text.size() && end - at < kMaxFuzzyWord && in_word_at(text, end)) ++end;
  return text.substr(begin, end - begin);
}

}  // namespace

FuzzyText::FuzzyText(std::string_view needle) : needle_(needle) {
  for (std::size_t at = 0; at < needle.size() && words_.size() < kMaxFuzzyWords;) {
    if (!in_word_at(needle, at)) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < needle.size() && in_word_at(needle, end)) ++end;
    const std::string_view octets = needle.substr(at, end - at);
    at = end;
    if (octets.size() > kMaxFuzzyWord) continue;
    Word word;
    word.octets = octets;
    word.letters = letters_of(octets);
    word.edits = word.letters.size() >= 8 ? 2 : word.letters.size() >= 4 ? 1 : 0;
    // Exchanged neighbours may touch two pieces, so there are two more pieces than edits.
    const std::size_t count = word.edits == 0 ? 1 : 2 * word.edits + 1;
    const std::u32string_view letters = word.letters;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t from = letters.size() * i / count;
      word.pieces.push_back(octets_of(letters.substr(from, letters.size() * (i + 1) / count - from)));
    }
    words_.push_back(std::move(word));
  }
}

int FuzzyText::similarity(const Word& word, std::string_view text) {
  int best = 0;
  for (std::size_t at = find(text, word.octets, 0); at != std::string_view::npos;
       at = find(text, word.octets, at + 1)) {
    const bool begins = at == 0 || !in_word_at(text, at - 1);
    const std::size_t end = at + word.octets.size();
    const bool ends = end == text.size() || !in_word_at(text, end);
    best = std::max(best, begins && ends ? kWord : begins ? kBeginning : kInside);
    if (best == kWord) return best;
  }
  if (best > 0 || word.edits == 0) return best;
  std::string_view seen;
  for (const std::string& piece : word.pieces) {
    if (piece.empty()) continue;
    for (std::size_t at = find(text, piece, 0); at != std::string_view::npos; at = find(text, piece, at + 1)) {
      const std::string_view other = word_around(text, at);
      if (other.data() == seen.data()) continue;
      seen = other;
      if (other.size() > kMaxFuzzyWord || other.size() + 8 < word.octets.size()) continue;
      const std::size_t edits = distance(word.letters, letters_of(other), word.edits);
      if (edits <= word.edits) best = std::max(best, edits <= 1 ? kOneEdit : kTwoEdits);
      if (best == kOneEdit) return best;
    }
  }
  return best;
}

int FuzzyText::score(std::string_view text) const {
  if (needle_.empty()) return kPhrase;
  if (find(text, needle_, 0) != std::string_view::npos) return kPhrase;
  if (words_.empty()) return 0;
  int sum = 0;
  std::size_t found = 0;
  for (const Word& word : words_) {
    const int one = similarity(word, text);
    sum += one;
    found += one > 0 ? 1 : 0;
  }
  if (2 * found < words_.size() || found == 0) return 0;
  return std::max(1, sum / static_cast<int>(words_.size()));
}

}  // namespace cpm::imap::mime
