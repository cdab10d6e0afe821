#include "schema/mailbox_rows.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cpm::schema {
namespace {

TEST(MailboxPath, Splits) {
  EXPECT_EQ(split_path("a"), std::vector<std::string>{"a"});
  EXPECT_EQ(split_path("a/b/c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(split_path("/a/"), (std::vector<std::string>{"", "a", ""}));
}

TEST(MailboxPath, RefusesBadNamesAndBounds) {
  Limits limits;
  limits.mailbox_depth = 3;
  limits.mailbox_name_octets = 10;
  const auto failure = [&](std::string_view path) { return check_new_path(path, limits).error().failure; };
  EXPECT_TRUE(check_new_path("a/b/c", limits));
  EXPECT_TRUE(check_new_path("INBOX/b", limits));
  EXPECT_EQ(failure(""), Failure::invalid);
  EXPECT_EQ(failure("/a"), Failure::invalid);
  EXPECT_EQ(failure("a//b"), Failure::invalid);
  EXPECT_EQ(failure("a/"), Failure::invalid);
  EXPECT_EQ(failure("inbox"), Failure::invalid);
  EXPECT_EQ(failure("Inbox/b"), Failure::invalid);
  EXPECT_EQ(failure(std::string_view("a\0b", 3)), Failure::invalid);
  EXPECT_EQ(failure("a/b/c/d"), Failure::limit);
  EXPECT_EQ(failure("12345678901"), Failure::limit);
}

TEST(MailboxTree, BuildsPathsAndSeesDamage) {
  MailboxTree tree;
  tree.add(MailboxId{1}, MailboxId{}, "a");
  tree.add(MailboxId{2}, MailboxId{1}, "b");
  tree.add(MailboxId{3}, MailboxId{2}, "c");
  tree.add(MailboxId{4}, MailboxId{9}, "lost");
  tree.add(MailboxId{5}, MailboxId{6}, "ring");
  tree.add(MailboxId{6}, MailboxId{5}, "ring");
  EXPECT_EQ(tree.path(MailboxId{3}), "a/b/c");
  EXPECT_FALSE(tree.path(MailboxId{4}));
  EXPECT_FALSE(tree.path(MailboxId{5}));
  auto below = tree.below(MailboxId{1});
  std::sort(below.begin(), below.end());
  EXPECT_EQ(below, (std::vector<MailboxId>{MailboxId{2}, MailboxId{3}}));
}

TEST(SpecialUseName, RoundTrips) {
  for (int i = 1; i <= static_cast<int>(SpecialUse::important); ++i) {
    const auto use = static_cast<SpecialUse>(i);
    EXPECT_EQ(special_use_from(special_use_name(use)), use);
  }
  EXPECT_EQ(special_use_from("\\SENT"), SpecialUse::sent);
  EXPECT_FALSE(special_use_from(""));
  EXPECT_FALSE(special_use_from("\\Nonsense"));
}

}  // namespace
}  // namespace cpm::schema
