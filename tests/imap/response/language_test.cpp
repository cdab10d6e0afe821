#include "imap/response/language.h"

#include "imap/wire/lexer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cpm::imap {
namespace {

std::string found(std::string_view range, std::string_view preferred = "i-default") {
  const Language* language = find_language(range, preferred);
  return language == nullptr ? "" : std::string(language->tag());
}

TEST(LanguageFind, LooksUpFromTheSpecialToTheGeneral) {
  EXPECT_EQ(found("de"), "de");
  EXPECT_EQ(found("DE"), "de");
  EXPECT_EQ(found("de-AT"), "de");
  EXPECT_EQ(found("de-Latn-DE-1996"), "de");
  EXPECT_EQ(found("en-a-bbb-x-a-ccc"), "en") << "single letters go with what follows them";
  EXPECT_EQ(found("i-default"), "i-default");
  EXPECT_EQ(found("I-Default"), "i-default");
  EXPECT_EQ(found("i"), "i-default") << "a basic range is a prefix";
  EXPECT_EQ(found("fr"), "");
  EXPECT_EQ(found("d"), "");
  EXPECT_EQ(found("den"), "");
  EXPECT_EQ(found("mul"), "");
}

TEST(LanguageFind, DefaultIsThePreferred) {
  EXPECT_EQ(found("default"), "i-default");
  EXPECT_EQ(found("default", "de"), "de");
  EXPECT_EQ(found("DEFAULT", "en"), "en");
  EXPECT_EQ(found("*", "de"), "de");
}

TEST(LanguageRange, FollowsTheGrammar) {
  for (const char* range : {"*", "de", "de-AT", "i-default", "default", "zh-Hant-TW", "x-private", "de-1996"}) {
    EXPECT_TRUE(is_language_range(range)) << range;
  }
  for (const char* range : {"", "-", "de-", "-de", "de--AT", "deutschland", "de-Oesterreich", "d1", "de_AT", "de *",
                            "**", "de-*", "d\xc3\xa4"}) {
    EXPECT_FALSE(is_language_range(range)) << range;
  }
}

TEST(LanguageSay, KeepsWhatThePlaceholderStandsFor) {
  const Language& german = *find_language("de", "en");
  EXPECT_EQ(german.say("SEARCH completed"), "SEARCH ausgeführt");
  EXPECT_EQ(german.say("STORE completed, no messages"), "STORE ausgeführt, keine Nachrichten");
  EXPECT_EQ(german.say("Completed"), "Ausgeführt");
  EXPECT_EQ(german.say(" completed"), " completed") << "the placeholder is not empty";
  EXPECT_EQ(german.say("Unknown search key X%Y"), "Unbekannter Suchbegriff X%Y");
  EXPECT_EQ(german.say("Mailbox name may not contain % or *"), "Ein Postfachname darf % und * nicht enthalten");
  EXPECT_EQ(german.say("no translation of this"), "no translation of this");
  EXPECT_EQ(find_language("en", "en")->say("SEARCH completed"), "SEARCH completed");
}

TEST(LanguageSay, TextsFitTheGrammar) {
  for (const Language::Phrase& phrase : detail::german()) {
    EXPECT_TRUE(wire::is_utf8(phrase.other)) << phrase.english;
    EXPECT_FALSE(phrase.other.empty()) << phrase.english;
    EXPECT_EQ(std::count(phrase.english.begin(), phrase.english.end(), '%'),
              std::count(phrase.other.begin(), phrase.other.end(), '%'))
        << phrase.english;
    EXPECT_LE(std::count(phrase.english.begin(), phrase.english.end(), '%'), 1) << phrase.english;
    EXPECT_NE(phrase.other.front(), '[') << phrase.english;
    EXPECT_TRUE(std::none_of(phrase.other.begin(), phrase.other.end(), [](char c) { return c >= 0 && c < ' '; }))
        << phrase.english;
  }
}

}  // namespace
}  // namespace cpm::imap
