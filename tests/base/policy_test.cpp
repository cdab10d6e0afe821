// The table of policies: every default is allowed, values have one spelling, wrong ones are refused with what is
// possible.
#include "base/policy.h"

#include <gtest/gtest.h>

#include <set>

namespace cpm {
namespace {

std::string value(const char* key, std::string_view text) {
  const PolicyKey* known = find_policy(key);
  if (known == nullptr) return "no such key";
  const auto done = canonical_policy(*known, text);
  return done ? *done : done.error().text;
}

TEST(PolicyTable, DefaultsAreAllowedAndNamesAreUnique) {
  std::set<std::string> names;
  for (const PolicyKey& key : policy_table()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_EQ(key.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-"), std::string::npos) << key.name;
    const auto same = canonical_policy(key, key.fallback);
    ASSERT_TRUE(same) << key.name;
    EXPECT_EQ(*same, key.fallback) << key.name;
    EXPECT_FALSE(key.help.empty());
  }
}

// An upgrade must delete nothing.
TEST(PolicyTable, NothingIsSweptByDefault) {
  std::size_t found = 0;
  for (const PolicyKey& key : policy_table()) {
    if (!key.name.starts_with(kRetentionPrefix)) continue;
    ++found;
    EXPECT_FALSE(policy_period(key.fallback)) << key.name;
  }
  EXPECT_EQ(found, 5U);
}

TEST(PolicyValue, HasOneSpelling) {
  EXPECT_EQ(value("retention.inbox", "720h"), "30d");
  EXPECT_EQ(value("retention.inbox", "8W"), "56d");
  EXPECT_EQ(value("retention.inbox", "90"), "90s");
  EXPECT_EQ(value("RETENTION.Inbox", "Forever"), "forever");
  EXPECT_EQ(value("store.messages", "false"), "off");
  EXPECT_EQ(value("store.deferred", "Discard"), "discard");
  EXPECT_EQ(policy_period("30d"), std::chrono::hours(720));
  EXPECT_EQ(policy_period("forever"), std::nullopt);
}

TEST(PolicyValue, WrongOnesAreRefused) {
  EXPECT_EQ(value("retention.nothing", "1d"), "no such key");
  for (const char* wrong : {"", "0", "never", "1y", "-1d", "1 d", "99999999999999999999d", "36501d", "d", "w", "1dd"}) {
    EXPECT_NE(value("retention.inbox", wrong).find("allowed: forever, or 1s to 36500d"), std::string::npos) << wrong;
  }
  EXPECT_NE(value("sync.interval", "forever").find("allowed: 10s to 7d"), std::string::npos);
  EXPECT_NE(value("store.unavailable", "drop").find("allowed: store, keep"), std::string::npos);
  EXPECT_NE(value("store.messages", "perhaps").find("allowed: on, off"), std::string::npos);
  EXPECT_NE(value("store.messages", std::string_view("on\0", 3)).find("allowed"), std::string::npos);
}

}  // namespace
}  // namespace cpm
