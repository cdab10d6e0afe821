// Policies on a real database: which value counts, what is passed over, what sessions hear of.
#include "schema/policy.h"

#include "schema/metadata.h"
#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

class Policies : public Store {
 protected:
  ~Policies() override { test_.execute("delete from site_policy"); }

  PolicyInForce one(std::string_view key) {
    auto all = in_transaction([&](Transaction& tx) { return read_policies(tx, alice_.account); }).value();
    EXPECT_EQ(all.size(), policy_table().size());
    for (PolicyInForce& policy : all) {
      if (policy.key->name == key) return policy;
    }
    ADD_FAILURE() << "no " << key;
    return {};
  }
  std::string in_force(std::string_view key) {
    const PolicyInForce policy = one(key);
    static constexpr std::array<const char*, 4> kNames{"account", "site", "user", "default"};
    return policy.value + " by " + kNames.at(static_cast<std::size_t>(policy.source));
  }
  bool account(std::string_view key, const std::optional<std::string>& value) {
    return in_transaction(
               [&](Transaction& tx) { return set_account_policy(tx, alice_.account, *find_policy(key), value); })
        .value();
  }
  bool site(std::string_view key, const std::optional<std::string>& value) {
    return in_transaction([&](Transaction& tx) { return set_site_policy(tx, *find_policy(key), value); }).value();
  }
  void prefer(std::string_view key, std::optional<std::string> value) {
    const auto done = in_transaction([&](Transaction& tx) {
      return set_metadata(tx, metadata_of_server(alice_),
                          {{MetadataEntry(std::string(kPolicyPreference) + std::string(key)), std::move(value)}},
                          limits_);
    });
    ASSERT_TRUE(done) << done.error().text;
  }
  std::string news(std::int64_t after) {
    std::string out;
    const auto page = in_transaction([&](Transaction& tx) {
      return metadata_news(tx, alice_, {after, std::numeric_limits<std::int32_t>::max(), {}});
    });
    for (const MetadataNewsItem& item : page.value().items) out += item.spelling + " ";
    return out;
  }
  std::int64_t newest() {
    return in_transaction([&](Transaction& tx) { return newest_metadata_change(tx, alice_); }).value();
  }
};

// MSS-47, MSS-73
TEST_F(Policies, TheStrongestCounts) {
  EXPECT_EQ(in_force("retention.inbox"), "forever by default");
  prefer("retention.inbox", "240h");
  EXPECT_EQ(in_force("retention.inbox"), "10d by user");
  EXPECT_TRUE(site("retention.inbox", "20d"));
  EXPECT_EQ(in_force("retention.inbox"), "20d by site");
  EXPECT_TRUE(account("retention.inbox", "30d"));
  EXPECT_EQ(in_force("retention.inbox"), "30d by account");
  const PolicyInForce all = one("retention.inbox");
  EXPECT_EQ(all.account, "30d");
  EXPECT_EQ(all.site, "20d");
  EXPECT_EQ(all.user, "10d");
  EXPECT_FALSE(account("retention.inbox", "30d"));
  EXPECT_TRUE(account("retention.inbox", std::nullopt));
  EXPECT_FALSE(account("retention.inbox", std::nullopt));
  EXPECT_TRUE(site("retention.inbox", std::nullopt));
  EXPECT_EQ(in_force("retention.inbox"), "10d by user");
  prefer("retention.inbox", std::nullopt);
  EXPECT_EQ(in_force("retention.inbox"), "forever by default");
}

TEST_F(Policies, BelongToTheirAccount) {
  const Principal bob = support::make_account(test_.database());
  account("store.messages", "off");
  const auto his = in_transaction([&](Transaction& tx) { return read_policies(tx, bob.account); }).value();
  for (const PolicyInForce& policy : his) EXPECT_EQ(policy.source, PolicySource::fallback) << policy.key->name;
}

// The check of SETMETADATA may have been off, and releases differ in their keys.
TEST_F(Policies, ImpossiblePreferencesArePassedOver) {
  prefer("retention.inbox", std::string("\0\xff", 2));
  prefer("retention.folders", "soon");
  prefer("retention.nothing", "1d");
  prefer("store.messages/x", "off");
  EXPECT_EQ(in_force("retention.inbox"), "forever by default");
  EXPECT_EQ(in_force("retention.folders"), "forever by default");
  test_.execute("insert into site_policy values ('store.nothing', 'on'), ('store.sessions', 'perhaps')");
  EXPECT_EQ(in_force("store.sessions"), "on by default");
  EXPECT_EQ(in_force("store.messages"), "on by default");
}

TEST_F(Policies, AChangeForTheAccountIsNews) {
  const std::int64_t before = newest();
  prefer("Store.Messages", "off");
  EXPECT_EQ(news(before),
            "/private/vendor/cpmstore/policy/Store.Messages /shared/vendor/cpmstore/policy/store.messages ");
  const std::int64_t then = newest();
  account("store.messages", "on");
  EXPECT_EQ(news(then), "/shared/vendor/cpmstore/policy/store.messages ");
  const std::int64_t later = newest();
  account("store.messages", "on");
  EXPECT_EQ(newest(), later);
}

}  // namespace
}  // namespace cpm::schema
