#include "base/imap_words.h"
#include "base/hex.h"

#include <gtest/gtest.h>

namespace cpm {
namespace {

TEST(ImapWords, AnAtomHasNoSpecialsAndIsNotEmpty) {
  EXPECT_TRUE(is_atom("$Forwarded"));
  EXPECT_TRUE(is_atom("a}[b"));
  EXPECT_FALSE(is_atom(""));
  for (const char* text : {"a b", "a(", "a)", "a{", "a%", "a*", "a\"", "\\Seen", "a]", "a\x7f", "a\n", "\xc3\xa4"})
    EXPECT_FALSE(is_atom(text)) << text;
}

TEST(ImapWords, InboxIsCapitalisedAsTheFirstLevelOnly) {
  const auto capitalised = [](std::string path) {
    capitalise_inbox(path);
    return path;
  };
  EXPECT_EQ(capitalised("inbox"), "INBOX");
  EXPECT_EQ(capitalised("InBoX/inbox"), "INBOX/inbox");
  for (const char* path : {"inboxes", "inbo", "", "a/inbox", "INBOX", "INBOX/x"}) EXPECT_EQ(capitalised(path), path);
}

TEST(Hex, TwoLowerDigitsAnOctet) {
  EXPECT_EQ(hex(""), "");
  EXPECT_EQ(hex(std::string_view("\0\x7f\xff z", 5)), "007fff207a");
}

}  // namespace
}  // namespace cpm
