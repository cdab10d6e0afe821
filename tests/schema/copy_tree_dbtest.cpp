#include "schema/copy_tree.h"

#include "schema/metadata.h"
#include "tests/schema/object_fixture.h"

namespace cpm::schema {
namespace {

class CopyTree : public Objects {
 protected:
  Result<CopiedTree> copy(std::string_view from, std::string_view to) { return copy_as(alice_, from, to); }
  Result<CopiedTree> copy_as(const Principal& who, std::string_view from, std::string_view to) {
    return in_transaction([&](Transaction& tx) { return copy_tree(tx, who, from, to, limits_); });
  }
  std::vector<std::string> paths() {
    std::vector<std::string> out;
    for (const MailboxRow& row : in_transaction([&](Transaction& tx) { return list_mailboxes(tx, alice_); }).value())
      out.push_back(row.path);
    return out;
  }
  void annotate(std::string_view path, const std::string& value) {
    in_transaction([&](Transaction& tx) -> Result<std::int64_t> {
      CPM_TRY(grant, authorize(tx, alice_, path, kRead));
      CPM_TRY(access, metadata_of(alice_, grant));
      return set_metadata(tx, access, {{MetadataEntry("/private/comment"), value}}, limits_);
    }).value();
  }
  std::string annotation(std::string_view path) {
    return in_transaction([&](Transaction& tx) -> Result<std::string> {
             CPM_TRY(grant, authorize(tx, alice_, path, kRead));
             CPM_TRY(access, metadata_of(alice_, grant));
             CPM_TRY(values, read_metadata(tx, access, {"/private/comment"}));
             return values.empty() ? std::string("none") : values[0].value;
           })
        .value();
  }
};

using Paths = std::vector<std::string>;

TEST_F(CopyTree, Mss15AWholeConversationHistory) {
  make("Default/c/k1/deep");
  make("Default/c/k2");
  put("Default/c", {.kind = ObjectKind::group_state, .conversation = "c", .octets = "state"});
  put("Default/c/k1", {.conversation = "c", .imdn = "m1", .flags = {kSeen | kForwarded, {"blue"}}});
  put("Default/c/k1", {.conversation = "c", .imdn = "m2", .at = 7});
  append("Default/c/k1/deep", 3);
  annotate("Default/c/k1", "a trip");
  const auto copied = copy("Default/c", "Kept/c");
  ASSERT_TRUE(copied.has_value()) << copied.error().text << copied.error().detail;
  ASSERT_EQ(copied->mailboxes.size(), 4U);
  EXPECT_EQ(copied->mailboxes[0].from_path, "Default/c");
  EXPECT_EQ(copied->mailboxes[0].to_path, "Kept/c");
  EXPECT_EQ(copied->mailboxes[1].to_path, "Kept/c/k1");
  EXPECT_EQ(copied->mailboxes[1].messages, 2U);
  EXPECT_EQ(copied->mailboxes[1].uidvalidity, row("Kept/c/k1").uidvalidity);
  EXPECT_EQ(copied->messages, 6U);
  EXPECT_EQ(paths(), (Paths{"INBOX", "Default", "Default/c", "Default/c/k1", "Default/c/k1/deep", "Default/c/k2",
                            "Kept", "Kept/c", "Kept/c/k1", "Kept/c/k1/deep", "Kept/c/k2"}));
  EXPECT_EQ(annotation("Kept/c/k1"), "a trip");
  EXPECT_EQ(annotation("Kept/c"), "none");
  const ChangeSet target = changes("Kept/c/k1");
  ASSERT_EQ(target.changed.size(), 2U);
  EXPECT_EQ(target.changed[0].bits, kSeen | kForwarded);
  EXPECT_EQ(*target.keywords.name(target.changed[0].keywords.at(0)), "blue");
  EXPECT_EQ(counts("c"), "6 4 2");
  EXPECT_EQ(account_value("used_messages"), "12");
  expect_consistent();
}

TEST_F(CopyTree, RefusesWithoutTrace) {
  make("Default/c/k1");
  append("Default/c/k1", 2);
  const Paths before = paths();
  EXPECT_EQ(copy("Default/none", "x").error().failure, Failure::not_found);
  EXPECT_EQ(copy("Default/c", "INBOX").error().failure, Failure::exists);
  EXPECT_EQ(copy("Default/c", "Default").error().failure, Failure::exists);
  EXPECT_EQ(copy("Default/c", "Default/c").error().failure, Failure::exists);
  EXPECT_EQ(copy("Default/c", "Default/c/k1").error().failure, Failure::invalid);
  EXPECT_EQ(copy("Default/c", "Default/c/new").error().failure, Failure::invalid);
  EXPECT_EQ(copy("Default/c", "a//b").error().failure, Failure::invalid);
  EXPECT_EQ(copy("Default/c", std::string(limits_.mailbox_name_octets - 1, 'x')).error().failure, Failure::limit);
  limits_.mailboxes = 5;
  EXPECT_EQ(copy("Default/c", "x").error().failure, Failure::limit);
  limits_ = {};
  EXPECT_EQ(paths(), before);
  EXPECT_TRUE(copy("Default/c", "Default/cc").has_value());  // no part of its own subtree
  expect_consistent();
}

TEST_F(CopyTree, Mss15TheLimitsOfTheAccountHoldForTheWhole) {
  make("Default/c/k1");
  make("Default/c/k2");
  append("Default/c/k1", 3);
  append("Default/c/k2", 3);
  const Paths before = paths();
  const std::string account = " where account_id = " + std::to_string(alice_.account.value);
  test_.execute("update account set limit_messages = 11" + account);
  EXPECT_EQ(copy("Default/c", "x").error().failure, Failure::over_quota);
  test_.execute("update account set limit_messages = 12, limit_bytes = 119" + account);
  EXPECT_EQ(copy("Default/c", "x").error().failure, Failure::over_quota);
  EXPECT_EQ(paths(), before);
  EXPECT_EQ(account_value("used_messages || ' ' || used_bytes"), "6 60");
  test_.execute("update account set limit_bytes = 120" + account);
  EXPECT_TRUE(copy("Default/c", "x").has_value());
  EXPECT_EQ(account_value("used_messages || ' ' || used_bytes"), "12 120");
  expect_consistent();
}

TEST_F(CopyTree, InboxWithWhatIsBelowIt) {
  make("INBOX/sub");
  append("INBOX", 2);
  append("INBOX/sub", 1);
  EXPECT_EQ(copy("INBOX", "INBOX/x").error().failure, Failure::invalid);
  ASSERT_TRUE(copy("INBOX", "Old").has_value());
  EXPECT_EQ(row("Old").messages, 2U);
  EXPECT_EQ(row("Old/sub").messages, 1U);
  EXPECT_EQ(row("INBOX").messages, 2U);
  expect_consistent();
}

TEST_F(CopyTree, SpecialUseStaysWhereItIs) {
  in_transaction([&](Transaction& tx) {
    return create_mailbox(tx, alice_, "Gone", SpecialUse::trash, limits_);
  }).value();
  ASSERT_EQ(copy("Gone", "Copy").error().detail, "");
  EXPECT_EQ(row("Gone").use, SpecialUse::trash);
  EXPECT_EQ(row("Copy").use, SpecialUse::none);
}

TEST_F(CopyTree, ADepositorMayCopyAndItsFlagsArePruned) {
  append("Default", 1, {kSeen | kDeleted, {}});
  Principal service = alice_;
  service.role = Role::deposit;
  ASSERT_TRUE(copy_as(service, "Default", "Copy").has_value());
  EXPECT_EQ(changes("Copy").changed.at(0).bits, std::uint32_t{kSeen});
  expect_consistent();
}

}  // namespace
}  // namespace cpm::schema
