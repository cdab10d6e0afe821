// How well a text answers a search that asks for similarity (RFC 6203): words that are alike, in any order, some left
// out. Works on normalised text (search_text.h), so letters differ by neither case nor accents. Runs on: any thread.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::mime {

// Words beyond these bounds are left out: a search must not cost more because it is long.
inline constexpr std::size_t kMaxFuzzyWords = 32;
inline constexpr std::size_t kMaxFuzzyWord = 64;  // octets

class FuzzyText {
 public:
  // `needle` is normalised.
  explicit FuzzyText(std::string_view needle);

  // 0: no match. 1 to 100: the text holds the needle (100), or at least half of its words, or words that are like them:
  // of four letters or more one letter may differ, of eight or more two. Linear in the text for all practical words.
  [[nodiscard]] int score(std::string_view text) const;

 private:
  struct Word {
    std::u32string letters;
    std::string octets;
    std::size_t edits = 0;            // how many may differ
    std::vector<std::string> pieces;  // one of them stands unchanged in every word that is like it
  };
  [[nodiscard]] static int similarity(const Word& word, std::string_view text);

  std::string needle_;
  std::vector<Word> words_;
};

}  // namespace cpm::imap::mime
