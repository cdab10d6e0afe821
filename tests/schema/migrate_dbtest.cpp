#include "schema/migrate.h"

#include "schema/content_rows.h"

#include "tests/support/test_database.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

namespace cpm::schema {
namespace {

using support::TestDatabase;

TEST(Migrate, BringsAnEmptyDatabaseToTheNewest) {
  TestDatabase test(1, false);
  EXPECT_EQ(schema_state(test.database())->applied, 0);
  const auto done = migrate(test.database());
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_EQ(done->applied, migrations().back().number);
  EXPECT_EQ(done->known, done->applied);
  EXPECT_EQ(schema_state(test.database())->applied, done->applied);
  EXPECT_EQ(test.value("select count(*) from schema_migration"), std::to_string(migrations().size()));
  EXPECT_TRUE(migrate(test.database())) << "a second run changes nothing";
  EXPECT_EQ(test.value("select length(secret) from installation"), "32");
}

TEST(Migrate, NumbersRise) {
  int last = 0;
  for (const Migration& migration : migrations()) {
    EXPECT_EQ(migration.number, last + 1) << migration.file;
    last = migration.number;
  }
}

TEST(Migrate, RunsOnceWhenManyStartTogether) {
  TestDatabase test(1, false);
  std::vector<std::thread> starts;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) {
    starts.emplace_back([&] {
      Database own({test.url(), 1, true, 10});
      if (migrate(own)) ++good;
    });
  }
  for (auto& start : starts) start.join();
  EXPECT_EQ(good, 4);
  EXPECT_EQ(test.value("select count(*) from schema_migration"), std::to_string(migrations().size()));
}

TEST(Migrate, RefusesANewerSchema) {
  TestDatabase test;
  test.execute("update schema_version set version = 999");
  const auto done = migrate(test.database());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().failure, Failure::unsupported);
  EXPECT_NE(done.error().text.find("cpmctl db migrate"), std::string::npos);
  EXPECT_EQ(schema_state(test.database())->applied, 999);
}

TEST(Migrate, RefusesAnEditedMigration) {
  TestDatabase test;
  test.execute("update schema_migration set digest = 'x' where number = 1");
  const auto done = migrate(test.database());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().failure, Failure::unsupported);
  EXPECT_NE(done.error().text.find("0001_core.sql"), std::string::npos);
}

// 0005: what was stored before gets the thread that a deposit of today gives it.
TEST(Migrate, GivesOldMessagesTheirThread) {
  TestDatabase test(1, false);
  for (const Migration& migration : migrations()) {
    if (migration.number < 5) test.execute(migration.sql);
  }
  const std::pair<const char*, const char*> samples[] = {
      {"Subject: x\r\nReferences:\r\n <\"a b\"@c>\r\n <d@e>\r\nMessage-ID: <z@z>\r\n\r\n", "ab@c"},
      {"in-reply-to: you <no id> <e@f>\nMessage-ID: <z@z>\n\n", "e@f"},
      {"X-Message-ID: <no@x>\r\nmessage-id : <z@z>\r\n\r\n", "z@z"},
      {"Subject: 8 \xfc\r\nReferences: none\r\n\r\n", ""},
      {"Message-ID: <z@z>\r\n\r\n", "conversation"},
  };
  int id = 0;
  for (const auto& [header, root] : samples) {
    std::string hex;
    for (const char* c = header; *c != '\0'; ++c) {
      constexpr char kDigits[] = "0123456789abcdef";
      const auto octet = static_cast<unsigned char>(*c);
      (hex += kDigits[octet >> 4]) += kDigits[octet & 15];
    }
    const std::string conversation = std::string(root) == "conversation" ? "'conversation'" : "null";
    test.execute(
        "insert into content_head (account_id, content_id, header_octets, envelope, body, body_structure, part_map,"
        " header, header_text, conversation_id) values (1, " +
        std::to_string(++id) + ", 1, '', '', '', '', decode('" + hex + "', 'hex'), '', " + conversation + ")");
  }
  test.execute(migrations()[4].sql);
  id = 0;
  for (const auto& [header, root] : samples) {
    const auto expected = thread_id(root);
    EXPECT_EQ(test.value("select thread_id from content_head where content_id = " + std::to_string(++id)),
              expected ? std::to_string(*expected) : "")
        << header;
  }
}

TEST(Migrate, DocumentsEveryTable) {
  EXPECT_EQ(
      TestDatabase::shared().value(
          "select string_agg(relname, ' ') from pg_class where relkind = 'r'"
          " and relnamespace = 'public'::regnamespace and relname not in ('pair', 'rolled') and not relispartition"
          " and obj_description(oid, 'pg_class') is null"),
      "");
}

TEST(Migrate, LeadsEveryKeyWithTheAccount) {
  EXPECT_EQ(
      TestDatabase::shared().value(
          "select string_agg(c.conrelid::regclass || ' ' || c.conname, ', ') from pg_constraint c"
          " where c.contype in ('p', 'u', 'f') and c.connamespace = 'public'::regnamespace"
          " and c.conrelid::regclass::text not in ('schema_version', 'schema_migration', 'installation', 'address', "
          "'service', 'site_policy', 'sweep_round', 'push_subscription', 'acl_group', 'shared_name', 'audit_round',"
          " 'service_pattern', 'pair', 'rolled') and (select attname from pg_attribute where attrelid = c.conrelid"
          " and attnum = c.conkey[1]) <> 'account_id'"),
      "");
}

}  // namespace
}  // namespace cpm::schema
