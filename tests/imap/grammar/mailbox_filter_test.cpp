#include "imap/grammar/mailbox_filter.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <string>

namespace cpm::imap::grammar {
namespace {

using wire::bad_text;
using wire::TestLexer;
using Kind = MailboxFilter::Kind;

MailboxFilter parse(std::string_view text) {
  TestLexer lexer(text);
  MailboxFilter filter = parse_mailbox_filter(*lexer);
  lexer->end();
  return filter;
}

TEST(MailboxFilter, KnowsEveryKind) {
  EXPECT_EQ(parse("selected").kind, Kind::selected);
  EXPECT_EQ(parse("Selected-Delayed").kind, Kind::selected_delayed);
  EXPECT_EQ(parse("inboxes").kind, Kind::inboxes);
  EXPECT_EQ(parse("personal").kind, Kind::personal);
  EXPECT_EQ(parse("subscribed").kind, Kind::subscribed);
  EXPECT_EQ(parse("subtree a").kind, Kind::subtree);
  EXPECT_EQ(parse("subtree-one a").kind, Kind::subtree_one);
  EXPECT_EQ(parse("mailboxes a").kind, Kind::mailboxes);
}

TEST(MailboxFilter, TakesOneNameOrMany) {
  EXPECT_EQ(parse("mailboxes INBOX").names, (std::vector<std::string>{"INBOX"}));
  EXPECT_EQ(parse("subtree (a \"b c\" &AOk-)").names, (std::vector<std::string>{"a", "b c", "&AOk-"}));
}

TEST(MailboxFilter, RefusesEverythingElse) {
  for (const char* text : {"all", "mailboxes", "mailboxes ()", "subtree-two a", "personal x", "mailboxes (a",
                           "(personal)", "mailboxes  a"}) {
    EXPECT_NE(bad_text([&] { parse(text); }), "") << text;
  }
}

}  // namespace
}  // namespace cpm::imap::grammar
