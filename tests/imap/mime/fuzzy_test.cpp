#include "imap/mime/fuzzy.h"

#include "imap/mime/casemap.h"

#include <gtest/gtest.h>

#include <random>

namespace cpm::imap::mime {
namespace {

int score(std::string_view needle, std::string_view text) {
  return FuzzyText(unicode_casemap(needle)).score(unicode_casemap(text));
}

TEST(Fuzzy, TheWholeNeedleIsBest) {
  EXPECT_EQ(score("lunch at noon", "Re: Lunch at noon?"), 100);
  EXPECT_EQ(score("unc", "lunch"), 100) << "the exact search finds it too";
  EXPECT_EQ(score("", "anything"), 100);
}

TEST(Fuzzy, WordsInAnyOrder) {
  const int both = score("imap broken", "broken imap");
  EXPECT_GE(both, 90);
  EXPECT_LT(both, 100);
  const int half = score("imap break", "IMAP is broken");
  EXPECT_GT(half, 0);
  EXPECT_LT(half, both);
  EXPECT_EQ(score("one two three", "three times"), 0) << "less than half of the words";
}

TEST(Fuzzy, WordsThatAreAlike) {
  for (const char* text : {"hello", "help", "heo", "helo!", "ehlo", "hell"}) EXPECT_GT(score("helo", text), 0) << text;
  EXPECT_EQ(score("helo", "world"), 0);
  EXPECT_EQ(score("abc", "abd"), 0) << "short words must be right";
  EXPECT_GT(score("conversation", "convertsatoin"), 0);
  EXPECT_EQ(score("conversation", "convrtsatoinn"), 0);
  EXPECT_GT(score("caf\xc3\xa9s", "the caf\xc3\xa9 closes"), 0);
  EXPECT_GT(score("J\xc3\xb6rgen", "jorgen"), 0) << "an accent is one mark";
}

TEST(Fuzzy, BetterIsBetter) {
  const int word = score("menu x", "menu, y");
  const int beginning = score("menu x", "menus, y");
  const int inside = score("menu x", "submenus, y");
  const int alike = score("menu x", "mend, y");
  EXPECT_GT(word, beginning);
  EXPECT_GT(beginning, inside);
  EXPECT_GT(inside, alike);
  EXPECT_GT(alike, 0);
}

TEST(Fuzzy, NothingButSignsNeedsThePhrase) {
  EXPECT_EQ(score("?!", "what?!"), 100);
  EXPECT_EQ(score("?!", "what"), 0);
}

// One edit anywhere in a word of four letters or more, and two in one of eight.
TEST(Fuzzy, ForgivesEveryEdit) {
  std::mt19937 random(3);
  const auto letter = [&] { return static_cast<char>('A' + random() % 26); };
  for (int step = 0; step < 5000; ++step) {
    std::string word;
    const std::size_t length = 4 + random() % 12;
    while (word.size() < length) word += letter();
    std::string other = word;
    const std::size_t edits = length >= 8 ? 2 : 1;
    for (std::size_t edit = edits; edit > 0; --edit) {  // the last letters first; not two edits of one letter
      const std::size_t part = length / edits;
      const std::size_t at = part * (edit - 1) + random() % (part - 1);
      switch (random() % 4) {
        case 0: other[at] = letter(); break;
        case 1: other.erase(at, 1); break;
        case 2: other.insert(at, 1, letter()); break;
        default: std::swap(other[at], other[at + 1]);
      }
    }
    EXPECT_GT(FuzzyText(word).score("XX " + other + " YY"), 0) << word << " " << other;
  }
}

TEST(Fuzzy, HostileTextStaysCheap) {
  const std::string many(1 << 20, 'A');
  EXPECT_GT(score("aaaa", many), 0);
  EXPECT_EQ(score("abcdefgh", many), 0);
  std::string words;
  while (words.size() < 1 << 20) words += "AB CD EF GH ";
  EXPECT_EQ(score("abcdefgh", words), 0);
  std::string long_needle;
  for (int i = 0; i < 100000; ++i) long_needle += "word" + std::to_string(i) + " ";
  EXPECT_EQ(score(long_needle, "nothing"), 0);
  EXPECT_EQ(FuzzyText("\xff\xfe\xc3").score("\xff\x80"), 0);
}

}  // namespace
}  // namespace cpm::imap::mime
