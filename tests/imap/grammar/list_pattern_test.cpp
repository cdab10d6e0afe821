#include "imap/grammar/list_pattern.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace cpm::imap::grammar {
namespace {

bool match(std::string_view pattern, std::string_view path, bool utf8 = true) {
  return ListPattern("", pattern, utf8).matches(path);
}

struct Case {
  const char* pattern;
  const char* path;
  bool matches;
};

const Case kCases[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "a", true},
    {"a", "b", false},
    {"a", "", false},
    {"a", "aa", false},
    {"A", "a", false},
    {"*", "", true},
    {"*", "a/b/c", true},
    {"%", "abc", true},
    {"%", "a/b", false},
    {"%", "", true},
    {"%/%", "a/b", true},
    {"%/%", "a/b/c", false},
    {"a/%", "a/", true},
    {"a/%", "a/b", true},
    {"a/%", "a/b/c", false},
    {"a/*", "a/b/c", true},
    {"a/*", "a", false},
    {"a*", "a", true},
    {"a*", "a/b", true},
    {"a%", "a/b", false},
    {"*c", "a/b/c", true},
    {"*c", "a/b/d", false},
    {"%c", "a/c", false},
    {"*/b", "a/b", true},
    {"*/b", "b", false},
    {"a*b*c", "aXbYc", true},
    {"a*b*c", "abcbc", true},
    {"a*b*c", "acb", false},
    {"a%b%c", "aXbYc", true},
    {"a%b%c", "aX/bYc", false},
    {"*%", "a/b", true},
    {"%*", "a/b", true},
    {"**", "a/b", true},
    {"%%", "ab", true},
    {"%%", "a/b", false},
    {"%*%", "a/b/c", true},
    {"a%*b", "a/x/b", true},
    {"%b*", "ab/c", true},
    {"%b*", "a/b", false},
    {"*a%", "b/ca", true},
    {"*a%", "a/b", false},
    {"*a%", "a/ba", true},
    {"%/b%/c", "a/bx/c", true},
    {"%/b%/c", "a/b/x/c", false},
    {"?", "a", false},
    {"[a]", "a", false},
    {"a.b", "axb", false},
    {"Default/*", "Default/tel:+33600000002", true},
    {"cpmdefault/%", "cpmdefault/conv1/sess", false},
    {"*ab", "aab", true},
    {"*aab", "aaaab", true},
    {"*abac", "ababac", true},
};

TEST(ListPattern, Matches) {
  for (const Case& c : kCases) EXPECT_EQ(match(c.pattern, c.path), c.matches) << c.pattern << " against " << c.path;
}

TEST(ListPattern, InboxMatchesInAnyCase) {
  for (const char* pattern : {"inbox", "InBoX", "inb*", "%nbox", "*BOX", "i%X", "IN%"})
    EXPECT_TRUE(match(pattern, "INBOX")) << pattern;
  for (const char* pattern : {"inbox/%", "inb*", "*box/x", "inbox*x", "%/x"})
    EXPECT_TRUE(match(pattern, "INBOX/x")) << pattern;
  EXPECT_FALSE(match("inbox/X", "INBOX/x"));
  EXPECT_FALSE(match("inboxes", "INBOXES"));
  EXPECT_FALSE(match("a/inbox", "a/INBOX"));
  EXPECT_FALSE(match("inbox", "INBOX/x"));
}

TEST(ListPattern, JoinsReferenceAndPattern) {
  EXPECT_EQ(ListPattern("a/", "b%", true).text(), "a/b%");
  EXPECT_EQ(ListPattern("a", "b", true).text(), "ab");
  EXPECT_EQ(ListPattern("a/", "/b", true).text(), "b");
  EXPECT_EQ(ListPattern("inbox", "/b", true).text(), "b");
  EXPECT_EQ(ListPattern("inbox/", "b", true).text(), "INBOX/b");
  EXPECT_EQ(ListPattern("*", "%**%%a%%*", true).text(), "*a*");
  EXPECT_EQ(ListPattern("", "a%%b", true).text(), "a%b");
}

TEST(ListPattern, DecodesModifiedUtf7) {
  EXPECT_TRUE(match("Entw&APw-r*", "Entw\u00fcrfe", false));
  EXPECT_FALSE(match("Entw&APw-r*", "Entw\u00fcrfe", true));
  EXPECT_TRUE(match("Entw\u00fcr*", "Entw\u00fcrfe", true));
  EXPECT_TRUE(match("Entw\u00fcr*", "Entw\u00fcrfe", false));
  EXPECT_TRUE(match("R&-D", "R&D", false));
  EXPECT_FALSE(match("&AGE-", "a", false));
}

// The definition, by trying everything.
bool matches_slowly(std::string_view pattern, std::string_view path) {
  if (pattern.empty()) return path.empty();
  if (pattern.front() == '*' || pattern.front() == '%') {
    if (matches_slowly(pattern.substr(1), path)) return true;
    return !path.empty() && (pattern.front() == '*' || path.front() != '/') && matches_slowly(pattern, path.substr(1));
  }
  return !path.empty() && pattern.front() == path.front() && matches_slowly(pattern.substr(1), path.substr(1));
}

TEST(ListPattern, AgreesWithTheDefinitionOnAllShortPatterns) {
  const std::string_view pattern_octets = "a/*%";
  const std::string_view path_octets = "ab/";
  const auto word = [](std::string_view octets, unsigned number, unsigned length) {
    std::string text;
    for (unsigned i = 0; i < length; ++i, number /= static_cast<unsigned>(octets.size()))
      text += octets[number % octets.size()];
    return text;
  };
  for (unsigned p = 0; p < 4 * 4 * 4 * 4; ++p) {
    const std::string pattern = "b" + word(pattern_octets, p, 4);
    const ListPattern compiled("", pattern, true);
    for (unsigned n = 0; n < 3 * 3 * 3 * 3 * 3; ++n) {
      const std::string path = "b" + word(path_octets, n, 5);
      ASSERT_EQ(compiled.matches(path), matches_slowly(pattern, path)) << pattern << " against " << path;
    }
  }
}

TEST(ListPattern, CrossesMachineWords) {
  const std::string long_a(200, 'a');
  for (const std::size_t at : {0U, 62U, 63U, 64U, 65U, 126U, 127U, 128U, 199U}) {
    std::string pattern = long_a;
    pattern[at] = '*';
    EXPECT_TRUE(match(pattern, long_a)) << at;
    EXPECT_TRUE(match(pattern, long_a + "a")) << at;
    EXPECT_FALSE(match(pattern + "c", long_a + "b")) << at;
    pattern[at] = '%';
    std::string path = long_a;
    EXPECT_TRUE(match(pattern, path)) << at;
    path[at] = '/';
    EXPECT_FALSE(match(pattern, path)) << at;
    path[at] = 'b';
    EXPECT_TRUE(match(pattern, path)) << at;
  }
}

TEST(ListPattern, HostilePatternsStayCheap) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a%a";
  pattern += "b";
  EXPECT_FALSE(match(pattern, std::string(1024, 'a')));
  // Longer than any name: refused before a step is made.
  EXPECT_FALSE(match(std::string(60000, 'a') + "*", std::string(1024, 'a')));
  EXPECT_TRUE(match(std::string(60000, '*'), std::string(1024, 'a')));
}

}  // namespace
}  // namespace cpm::imap::grammar
