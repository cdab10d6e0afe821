#include "schema/conversions.h"
#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

using namespace std::chrono_literals;

const std::string kRequest(32, 'r');
const std::string kOther(32, 'o');

class Conversions : public Store {
 protected:
  ContentId content_of(std::uint32_t uid, std::string_view path = "INBOX") {
    return with(path,
                [&](Transaction& tx, const Grant& grant) {
                  return fetch_rows(tx, grant, {{uid, uid}}, 0, 0);
                })
        .value()
        .at(0)
        .content;
  }
  PartName part(std::uint32_t uid, std::string number = "1") {
    return {alice_.account, content_of(uid), std::move(number)};
  }
  static KeptConversion made(char source, std::size_t octets) {
    return {std::string(32, source), R"({"type":"image/jpeg"})", std::string(octets, '\0'), false};
  }
  std::uint64_t keep(const PartName& name, const KeptConversion& what, const std::string& request = kRequest,
                     std::uint64_t bound = 1 << 20) {
    return in_transaction([&](Transaction& tx) { return keep_conversion(tx, name, what, request, bound); }).value();
  }
  std::optional<KeptConversion> find(const PartName& name, const std::string& request = kRequest) {
    return in_transaction([&](Transaction& tx) { return find_conversion(tx, name, request); }).value();
  }
  void keep_previews_of(const std::vector<std::pair<ContentId, std::string>>& previews) {
    ASSERT_TRUE(
        in_transaction([&](Transaction& tx) { return keep_previews(tx, alice_.account, previews); }).has_value());
  }
  std::string rows(const std::string& table) {
    return test_.value("select count(*) from " + table + " where account_id = " + std::to_string(alice_.account.value));
  }
  void purge_all() {
    store("INBOX", {{1, kMaxWireNumber}}, FlagChange::add, {kDeleted, {}});
    expunge_in("INBOX");
    ASSERT_TRUE(in_transaction([&](Transaction& tx) { return purge(tx, 0s, 24h, 1000); }).has_value());
  }
};

TEST_F(Conversions, IsFoundByPartAndRequest) {
  append("INBOX", 2);
  EXPECT_FALSE(find(part(1)));
  EXPECT_EQ(keep(part(1), made('a', 100)), 0U);
  const auto found = find(part(1));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->source, std::string(32, 'a'));
  EXPECT_EQ(found->head, R"({"type":"image/jpeg"})");
  EXPECT_EQ(found->data, std::string(100, '\0'));
  EXPECT_FALSE(found->stale);
  EXPECT_FALSE(find(part(1), kOther));
  EXPECT_FALSE(find(part(1, "2")));
  EXPECT_FALSE(find(part(2)));
}

TEST_F(Conversions, EqualPartsOfAnAccountShareResults) {
  append("INBOX", 2);
  keep(part(1), made('a', 100));
  const auto same = in_transaction([&](Transaction& tx) {
                      return find_conversion_of(tx, alice_.account, std::string(32, 'a'), kRequest);
                    }).value();
  ASSERT_TRUE(same);
  keep(part(2), *same);
  EXPECT_TRUE(find(part(2)));
  EXPECT_EQ(rows("conversion"), "1");
  EXPECT_EQ(rows("converted_part"), "2");
}

// Nobody learns from it what another account has.
TEST_F(Conversions, AreOfOneAccount) {
  append("INBOX");
  keep(part(1), made('a', 100));
  const auto of_bob =
      in_transaction([&](Transaction& tx) {
        return find_conversion_of(tx, AccountId{alice_.account.value + 1}, std::string(32, 'a'), kRequest);
      }).value();
  EXPECT_FALSE(of_bob);
}

TEST_F(Conversions, GoWithTheLastMessageThatHasThePart) {
  append("INBOX", 2);
  copy("INBOX", {{2, 2}}, "Default");
  keep(part(1), made('a', 100));
  keep(part(1), made('a', 100), kOther);
  keep(part(2), made('c', 100));
  keep_previews_of({{content_of(1), "1\n\none"}, {content_of(2), "1\n\ntwo"}});
  purge_all();
  EXPECT_EQ(rows("conversion"), "1");
  EXPECT_EQ(rows("converted_part"), "1");
  EXPECT_EQ(rows("preview"), "1");
  expect_consistent();
}

TEST_F(Conversions, NothingIsKeptOfWhatIsGone) {
  append("INBOX");
  const PartName name = part(1);
  purge_all();
  keep(name, made('a', 100));
  keep_previews_of({{name.content, "1\n\none"}});
  EXPECT_EQ(rows("conversion"), "0");
  EXPECT_EQ(rows("preview"), "0");
}

TEST_F(Conversions, WhatWasNotUsedGoesFirst) {
  append("INBOX", 4);
  const auto age = [&](char source, int hours) {
    test_.execute("update conversion set used_at = now() - interval '" + std::to_string(hours) +
                  " hours' where source = decode(repeat('" + std::to_string(61 + source - 'a') + "', 32), 'hex')");
  };
  keep(part(1), made('a', 1000));
  age('a', 5);
  keep(part(2), made('b', 1000));
  age('b', 9);
  EXPECT_TRUE(find(part(1))->stale);
  // Three of 1,500 octets with their rows do not fit into 3,000: b goes.
  EXPECT_EQ(keep(part(3), made('c', 1000), kRequest, 3000), 1U);
  EXPECT_TRUE(find(part(1)));
  EXPECT_FALSE(find(part(2)));
  EXPECT_TRUE(find(part(3)));
  // Using one keeps it.
  ASSERT_TRUE(in_transaction([&](Transaction& tx) {
                return conversion_used(tx, alice_.account, std::string(32, 'a'), kRequest);
              }).has_value());
  EXPECT_FALSE(find(part(1))->stale);
  age('c', 5);
  EXPECT_EQ(keep(part(4), made('d', 1000), kRequest, 3000), 1U);
  EXPECT_TRUE(find(part(1)));
  EXPECT_FALSE(find(part(3)));
}

TEST_F(Conversions, OfAllAccountsTheOldestGo) {
  test_.execute("delete from conversion");
  append("INBOX", 3);
  for (std::uint32_t uid = 1; uid <= 3; ++uid) {
    keep(part(uid), made(static_cast<char>('a' + uid - 1), 1000));
    test_.execute("update conversion set used_at = used_at - interval '1 hour'");
  }
  const auto totals = in_transaction([](Transaction& tx) { return conversion_totals(tx); }).value();
  EXPECT_EQ(totals.results, 3U);
  EXPECT_EQ(totals.octets, 4500U);
  EXPECT_EQ(totals.accounts, 1U);
  const auto evict = [&](std::uint64_t bound, std::size_t batch) {
    return in_transaction([&](Transaction& tx) { return evict_conversions(tx, bound, batch); }).value();
  };
  EXPECT_EQ(evict(4500, 10), 0U);
  EXPECT_EQ(evict(3100, 10), 1U);
  EXPECT_FALSE(find(part(1)));
  EXPECT_EQ(evict(0, 1), 1U);
  EXPECT_EQ(evict(0, 10), 1U);
  EXPECT_EQ(rows("conversion"), "0");
}

TEST_F(Conversions, OfOneAccountAllCanBeCleared) {
  append("INBOX", 2);
  keep(part(1), made('a', 100));
  keep(part(2), made('b', 100));
  EXPECT_EQ(in_transaction([&](Transaction& tx) { return clear_conversions(tx, alice_.account); }).value(), 2U);
  EXPECT_EQ(rows("converted_part"), "0");
}

TEST_F(Conversions, PreviewsTravelWithTheRows) {
  append("INBOX", 2);
  const std::string text = "1\n\nGrüße \"quoted\" {a,b} \\ end";
  keep_previews_of({{content_of(1), "old"}, {content_of(1), text}});
  const auto rows = with("INBOX", [&](Transaction& tx, const Grant& grant) {
                      return fetch_rows(tx, grant, {{1, 2}}, kColumnPreview, 0);
                    }).value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].preview, text);
  EXPECT_EQ(rows[1].preview, std::nullopt);
}

}  // namespace
}  // namespace cpm::schema
