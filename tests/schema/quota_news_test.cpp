#include "schema/quota_news.h"

#include <gtest/gtest.h>

namespace cpm::schema {
namespace {

TEST(QuotaNews, TakesTheGreatestLevelOfANotice) {
  QuotaNews news;
  read_quota_notice("NOTICE:  quota level 80 of account 4711 root 0\n", news);
  EXPECT_EQ(news.level, 80);
  EXPECT_EQ(news.reached.account, AccountId{4711});
  EXPECT_EQ(news.reached.root, 0);
  read_quota_notice("HINWEIS:  quota level 100 of account 4711 root 12\n", news);
  read_quota_notice("NOTICE:  quota level 95 of account 4711 root 13\n", news);
  EXPECT_EQ(news.level, 100);
  EXPECT_EQ(news.reached.root, 12);
}

TEST(QuotaNews, OtherNoticesSayNothing) {
  QuotaNews news;
  for (const char* text : {"", "NOTICE:  relation \"x\" already exists, skipping\n", "quota level", "quota level x"})
    read_quota_notice(text, news);
  EXPECT_TRUE(news.empty());
}

TEST(QuotaNews, ReadsWhereThereWasNoRoom) {
  const auto place = refused_quota("ERROR:  quota of account 9223372036854775807 root 3 is reached\nCONTEXT: …");
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->account.value, 9223372036854775807);
  EXPECT_EQ(place->root, 3);
  EXPECT_FALSE(refused_quota("ERROR:  too many keywords").has_value());
}

}  // namespace
}  // namespace cpm::schema
