// Which mailbox has which retention.
#include "imap/deliver/retention.h"

#include <gtest/gtest.h>

namespace cpm::imap {
namespace {

using std::chrono::hours;

TEST(Retention, FollowsTheKindOfTheMailbox) {
  Retention retention;
  retention.inbox = hours(1);
  retention.conversations = hours(2);
  retention.sessions = hours(3);
  retention.folders = hours(4);
  retention.deleted = hours(5);
  const std::vector<std::string> roots{"Default", "cpmdefault"};
  const auto age = [&](std::string_view path) {
    const schema::SweepRule rule = sweep_rule(retention, path, roots);
    EXPECT_EQ(rule.grace, hours(5)) << path;
    return *rule.age / hours(1);
  };
  EXPECT_EQ(age("INBOX"), 1);
  EXPECT_EQ(age("Default/tel:+33600000002"), 2);
  EXPECT_EQ(age("cpmdefault/conv1"), 2);
  EXPECT_EQ(age("cpmdefault/conv1/sess11"), 3);
  EXPECT_EQ(age("Default"), 4);
  EXPECT_EQ(age("INBOX/Sub"), 4);
  EXPECT_EQ(age("RCSMessageStore/x"), 4);
  EXPECT_TRUE(sweep_rule(retention, "Default/c/s", roots).keeps_session_objects);
  EXPECT_FALSE(sweep_rule(retention, "Default/c", roots).keeps_session_objects);
  EXPECT_FALSE(sweep_rule({}, "INBOX", roots).age);
}

TEST(Retention, IsReadFromThePolicies) {
  std::vector<schema::PolicyInForce> policies;
  for (const PolicyKey& key : policy_table()) policies.push_back({&key, key.fallback, {}, {}, {}, {}});
  EXPECT_FALSE(retention_of(policies).finite());
  for (schema::PolicyInForce& policy : policies) {
    if (policy.key->name == "retention.deleted") policy.value = "30d";
  }
  const Retention retention = retention_of(policies);
  EXPECT_TRUE(retention.finite());
  EXPECT_EQ(retention.deleted, hours(720));
  EXPECT_FALSE(retention.inbox || retention.folders || retention.sessions || retention.conversations);
}

}  // namespace
}  // namespace cpm::imap
