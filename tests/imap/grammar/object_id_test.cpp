#include "imap/grammar/object_id.h"

#include <gtest/gtest.h>

#include <set>

namespace cpm::imap {
namespace {

schema::MailboxRow mailbox(std::int64_t account, std::int32_t id, std::uint32_t uidvalidity) {
  schema::MailboxRow row;
  row.account = AccountId{account};
  row.id = MailboxId{id};
  row.uidvalidity = UidValidity{uidvalidity};
  return row;
}

std::string parsed(std::string text) {
  wire::CommandInput input;
  input.text = std::move(text);
  const Limits limits;
  wire::Lexer lexer(input, limits, false);
  try {
    return grammar::parse_object_id(lexer);
  } catch (const wire::BadSyntax& error) {
    return "BAD " + error.text;
  }
}

TEST(ObjectIdMailbox, DiffersByAccountMailboxAndValidityAndByNothingElse) {
  const std::string id = mailbox_object_id(mailbox(77, 5, 1000));
  std::set<std::string> all{id};
  for (const auto& other : {mailbox(78, 5, 1000), mailbox(77, 6, 1000), mailbox(77, 5, 1001), mailbox(7, 75, 1000),
                            mailbox(77, 51, 0), mailbox(77, 5, 10001)}) {
    EXPECT_TRUE(all.insert(mailbox_object_id(other)).second);
  }
  auto renamed = mailbox(77, 5, 1000);
  renamed.path = "elsewhere";
  renamed.uidnext = Uid{9};
  EXPECT_EQ(mailbox_object_id(renamed), id);
  EXPECT_EQ(id.size(), 33U);
  EXPECT_EQ(id.front(), 'F');
}

// Once given out it never changes, whatever release gives it.
TEST(ObjectIdMailbox, StaysOverReleases) {
  EXPECT_EQ(mailbox_object_id(mailbox(0x0123456789abcdef, 5, 1000)), "F9725f2ed5b414fe8afbdbb3fd22695a4");
}

TEST(ObjectIdEmail, CanBeReadBack) {
  for (const std::int64_t number : {std::int64_t{1}, std::int64_t{0x0123456789abcdef}, INT64_MAX}) {
    const std::string id = email_object_id(ContentId{number});
    EXPECT_EQ(id.size(), 17U);
    const auto content = content_named(id);
    ASSERT_TRUE(content) << id;
    EXPECT_EQ(content->value, number);
    EXPECT_FALSE(thread_named(id));
    EXPECT_EQ(thread_named(thread_object_id(number)), number);
    EXPECT_FALSE(content_named(thread_object_id(number)));
  }
}

TEST(ObjectIdEmail, NamesNothingInAnyOtherSpelling) {
  for (const char* id : {"", "M", "m0123456789abcdef", "M0123456789ABCDEF", "M0123456789abcde", "M0123456789abcdef0",
                         "M+123456789abcdef", "M-123456789abcdef", "M 123456789abcdef", "M0x23456789abcdef",
                         "Mffffffffffffffff", "M8000000000000000"}) {
    EXPECT_FALSE(content_named(id)) << id;
  }
}

TEST(ObjectIdParse, TakesWhatTheGrammarAllows) {
  EXPECT_EQ(parsed("M-_aZ09"), "M-_aZ09");
  EXPECT_EQ(parsed("x rest"), "x");
  EXPECT_EQ(parsed(std::string(255, 'a')), std::string(255, 'a'));
  for (const std::string& text : {std::string(), std::string(256, 'a'), std::string("\"a\""), std::string("a.b"),
                                  std::string("a+b"), std::string("(a)"), std::string("a=")}) {
    EXPECT_TRUE(parsed(text).starts_with("BAD ")) << text;
  }
}

}  // namespace
}  // namespace cpm::imap
