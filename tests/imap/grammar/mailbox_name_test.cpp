#include "imap/grammar/mailbox_name.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <string>

namespace cpm::imap::grammar {
namespace {

using namespace std::string_literals;

std::string canonical(std::string_view name, bool utf8 = false, bool fresh = false,
                      const Limits& limits = wire::test_limits()) {
  const auto path = canonical_mailbox(name, utf8, fresh, limits);
  if (path) return *path;
  return std::string("!") + failure_name(path.error().failure);
}

TEST(MailboxName, SpellsInboxInCapitals) {
  EXPECT_EQ(canonical("inbox"), "INBOX");
  EXPECT_EQ(canonical("iNbOx/Sub"), "INBOX/Sub");
  EXPECT_EQ(canonical("inboxes"), "inboxes");
  EXPECT_EQ(canonical("x/inbox"), "x/inbox");
  EXPECT_EQ(canonical("inbox/inbox"), "INBOX/inbox");
}

TEST(MailboxName, TakesAddressesAsTheyAre) {
  for (const char* name :
       {"Default/tel:+33600000002", "sip:user@host", "RCSMessageStore/x", ".", "..", "a/../b", "a b", "~x", "a%b"}) {
    EXPECT_EQ(canonical(name), name);
  }
}

TEST(MailboxName, DecodesModifiedUtf7UnlessUtf8IsEnabled) {
  EXPECT_EQ(canonical("Entw&APw-rfe"), "Entw\u00fcrfe");
  EXPECT_EQ(canonical("Entw&APw-rfe", true), "Entw&APw-rfe");
  EXPECT_EQ(canonical("R&-D"), "R&D");
  EXPECT_EQ(canonical("R&D", true), "R&D");
  EXPECT_EQ(canonical("R&D"), "!invalid");
  EXPECT_EQ(canonical("Entw\u00fcrfe", true), "Entw\u00fcrfe");
  EXPECT_EQ(canonical("Entw\u00fcrfe"), "Entw\u00fcrfe");  // RFC 6855 3
}

TEST(MailboxName, RefusesWhatIsNoText) {
  for (const bool utf8 : {false, true}) {
    EXPECT_EQ(canonical("a\xe9", utf8), "!invalid");
    EXPECT_EQ(canonical("\xed\xa0\x80", utf8), "!invalid");
    EXPECT_EQ(canonical("a\tb", utf8), "!invalid");
    EXPECT_EQ(canonical("a\0b"s, utf8), "!invalid");
    EXPECT_EQ(canonical("a\r\nb", utf8), "!invalid");
    EXPECT_EQ(canonical("a\x7f", utf8), "!invalid");
    EXPECT_EQ(canonical("a\u0085z", utf8), "!invalid");
    EXPECT_EQ(canonical("a\u2028z", utf8), "!invalid");
    EXPECT_EQ(canonical("\u2029", utf8), "!invalid");
    EXPECT_EQ(canonical("a\u00a0z", utf8), "a\u00a0z");
  }
  EXPECT_EQ(canonical("a&AAk-b"), "!invalid");  // a tabulator in disguise
  EXPECT_EQ(canonical("a&AIU-b"), "!invalid");  // U+0085
  EXPECT_EQ(canonical("&ICg-"), "!invalid");    // U+2028
}

TEST(MailboxName, RefusesEmptyLevels) {
  for (const char* name : {"", "/", "/a", "a/", "a//b", "//"}) EXPECT_EQ(canonical(name), "!invalid") << name;
  for (const char* name : {"", "/", "/a", "a//", "a//b", "//"})
    EXPECT_EQ(canonical(name, false, true), "!invalid") << name;
}

TEST(MailboxName, DropsOneTrailingDelimiterOfNewNames) {
  EXPECT_EQ(canonical("a/b/", false, true), "a/b");
  EXPECT_EQ(canonical("inbox/", false, true), "INBOX");
}

TEST(MailboxName, NewNamesHoldNoWildcards) {
  EXPECT_EQ(canonical("a*b", false, true), "!invalid");
  EXPECT_EQ(canonical("a%b", false, true), "!invalid");
  EXPECT_EQ(canonical("a*b"), "a*b");  // a mailbox made elsewhere can still be named
}

TEST(MailboxName, BoundsLengthAndDepth) {
  Limits limits;
  limits.mailbox_name_octets = 10;
  limits.mailbox_depth = 3;
  EXPECT_EQ(canonical("0123456789", false, false, limits), "0123456789");
  EXPECT_EQ(canonical("0123456789x", false, false, limits), "!limit");
  EXPECT_EQ(canonical("\u00fc\u00fc\u00fc\u00fc\u00fc", true, false, limits), "\u00fc\u00fc\u00fc\u00fc\u00fc");
  EXPECT_EQ(canonical("a/b/c", false, false, limits), "a/b/c");
  EXPECT_EQ(canonical("a/b/c/d", false, false, limits), "!limit");
  EXPECT_EQ(canonical("a/b/c/", false, true, limits), "a/b/c");
}

TEST(MailboxParse, IsAnAstring) {
  EXPECT_EQ(parse_mailbox(*wire::TestLexer("Default/tel:+33600000002")), "Default/tel:+33600000002");
  EXPECT_EQ(parse_mailbox(*wire::TestLexer("\"Sent Items\"")), "Sent Items");
  EXPECT_EQ(parse_mailbox(*wire::TestLexer("{5}\r\ninbox")), "inbox");
  EXPECT_NE(wire::bad_text([] { (void)parse_mailbox(*wire::TestLexer("*a")); }), "");
}

}  // namespace
}  // namespace cpm::imap::grammar
