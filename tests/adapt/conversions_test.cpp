// The table of conversions, and its page.
#include "adapt/conversions.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace {

using namespace cpm::adapt;

TEST(Conversions, TheTableIsInOrder) {
  std::pair<std::string_view, std::string_view> before;
  std::set<std::string_view> with_default;
  for (const Conversion& c : conversions()) {
    EXPECT_LT(before, std::pair(c.source, c.target));
    before = {c.source, c.target};
    EXPECT_EQ(canonical_type(c.source), c.source);
    EXPECT_EQ(canonical_type(c.target), c.target);
    if (c.by_default) {
      EXPECT_TRUE(with_default.insert(c.source).second);
    }
  }
  for (const Conversion& c : conversions()) EXPECT_TRUE(with_default.contains(c.source)) << c.source;
}

// RFC 5259 7.1.
TEST(Conversions, WhatMustBeThereIsThere) {
  const Conversion* text = find_conversion("text/plain", "text/plain");
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(find_conversion("text/plain", ""), text);
  EXPECT_TRUE(wrong_parameters(*text, {{"charset", "utf-8"}, {"unknown-character-replacement", "?"}}).empty());
  EXPECT_EQ(wrong_parameters(*text, {{"charset", ""}, {"pix-x", "5"}}), (std::vector<std::string>{"charset", "pix-x"}));
  EXPECT_EQ(find_conversion("text/plain", "image/png"), nullptr);
  EXPECT_EQ(find_conversion("image/svg+xml", ""), nullptr);
}

TEST(Conversions, ThePageListsThemAll) {
  std::ifstream file(std::string(CPMSTORE_SOURCE_DIR) + "/docs/conversions.md");
  std::ostringstream text;
  text << file.rdbuf();
  for (const Conversion& c : conversions()) {
    const std::string row =
        "| " + std::string(c.source) + " | " + std::string(c.target) + (c.by_default ? " * |" : " |");
    EXPECT_NE(text.str().find(row), std::string::npos) << row << " is not in docs/conversions.md: ./dev docs";
  }
}

}  // namespace
