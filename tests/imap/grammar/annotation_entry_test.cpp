#include "imap/grammar/annotation_entry.h"

#include <gtest/gtest.h>

namespace cpm::imap::grammar {
namespace {

template <class Parse>
auto parsed(const std::string& text, Parse parse) {
  static const Limits limits;
  wire::CommandInput input;
  input.text = text;
  wire::Lexer lexer(input, limits, false);
  auto out = parse(lexer);
  lexer.end();
  return out;
}

bool settable(const std::string& entry) {
  try {
    static_cast<void>(parsed("(" + entry + " (value.priv \"1\"))", parse_annotation_settings));
    return true;
  } catch (const wire::BadSyntax&) {
    return false;
  }
}

TEST(AnnotationEntry, TakesNames) {
  const Limits limits;
  for (const char* name :
       {"/comment", "/altsubject", "/vendor/foobar/label.priv", "/1/comment", "/1.2.3/flags/seen", "/x y"}) {
    EXPECT_EQ(annotation_fault(name, limits), "") << name;
  }
}

TEST(AnnotationEntry, RefusesTheRest) {
  const Limits limits;
  for (const std::string& name : {std::string(),
                                  std::string("/"),
                                  std::string("comment"),
                                  std::string("/comment/"),
                                  std::string("//comment"),
                                  std::string("/a//b"),
                                  std::string("/a*"),
                                  std::string("/%"),
                                  std::string("/\xc3\xa4"),
                                  std::string("/a\tb"),
                                  std::string("/a\0b", 4),
                                  std::string("/flags"),
                                  std::string("/flags/seen"),
                                  std::string("/0/comment"),
                                  std::string("/1./comment"),
                                  std::string("/1..2/comment"),
                                  std::string("/01/comment"),
                                  std::string("/1a/comment"),
                                  std::string("/9999999999/comment"),
                                  "/" + std::string(limits.metadata_entry_octets, 'x')}) {
    EXPECT_NE(annotation_fault(name, limits), "") << name;
  }
}

TEST(AnnotationEntry, SetsOnlyWhatIsRegistered) {
  for (const char* name : {"/comment", "/altsubject", "/vendor/x", "/vendor/x/y/z", "/1/comment", "/2.1/flags/seen",
                           "/1/flags/answered", "/1/flags/flagged", "/1/flags/forwarded", "/1/vendor/x"}) {
    EXPECT_TRUE(settable(name)) << name;
  }
  for (const char* name :
       {"/Comment", "/other", "/vendor", "/1", "/1/altsubject", "/1/flags", "/1/flags/draft", "/flags/seen"}) {
    EXPECT_FALSE(settable(name)) << name;
  }
}

TEST(AnnotationEntry, KnowsThePart) {
  EXPECT_TRUE(annotated_part("/comment").empty());
  EXPECT_EQ(annotated_part("/1.20/comment"), (std::vector<std::uint32_t>{1, 20}));
  EXPECT_FALSE(part_check({"/comment", "/vendor/1/x"}));
  EXPECT_TRUE(part_check({"/comment", "/1/comment"}));
}

TEST(EntryMatch, WildcardsStandForOneOrMoreCharacters) {
  struct Case {
    const char* pattern;
    const char* entry;
    bool matches;
  };
  for (const Case& one :
       {Case{"/%", "/comment", true}, Case{"/%", "/1/comment", false}, Case{"/*", "/1/comment", true},
        Case{"*", "/comment", true}, Case{"/comment*", "/comment", false}, Case{"/com%", "/comment", true},
        Case{"/%/%", "/1/comment", true}, Case{"/%/%", "/vendor/a/b", false}, Case{"/*/b", "/vendor/a/b", true},
        Case{"/**", "/ab", true}, Case{"/**", "/a", false}, Case{"%", "/comment", false},
        Case{"/c*t", "/comment", true}, Case{"/c*t", "/ct", false}, Case{"/comment", "/comment", true},
        Case{"/comment", "/Comment", false}, Case{"/*%", "/a/b", true}, Case{"/%*", "/a/b", true}}) {
    EXPECT_EQ(EntryMatch(one.pattern).matches(one.entry), one.matches) << one.pattern << ' ' << one.entry;
  }
}

TEST(AnnotationAttributes, WithoutSuffixBothAreMeant) {
  std::vector<AnnotationAttribute> attributes;
  const auto add = [&](const std::string& text) {
    parsed(text, [&](wire::Lexer& lexer) {
      parse_annotation_attribute(lexer, attributes);
      return true;
    });
  };
  add("size.shared");
  add("value");
  add("size");
  std::string names;
  for (const AnnotationAttribute& one : attributes) names += one.name() + ' ';
  EXPECT_EQ(names, "size.shared value.priv value.shared size.priv ");
  for (const char* wrong : {"Value", "value.", "value.all", "priv", "size.priv.x"}) {
    EXPECT_THROW(add(wrong), wire::BadSyntax) << wrong;
  }
}

TEST(AnnotationSettings, TheLastOfTwoCounts) {
  const auto settings =
      parsed("(/comment (value.priv \"a\" value.shared NIL) /comment (value.priv \"b\"))", parse_annotation_settings);
  ASSERT_EQ(settings.settings.size(), 2U);
  EXPECT_TRUE(settings.settings[0].shared);
  EXPECT_FALSE(settings.settings[0].value.has_value());
  EXPECT_EQ(settings.settings[1].value, "b");
  const auto changes = settings.changes(AccountId{7});
  EXPECT_EQ(changes[0].owner.value, 0);
  EXPECT_EQ(changes[1].owner.value, 7);
  EXPECT_FALSE(settings.too_long);
}

}  // namespace
}  // namespace cpm::imap::grammar
