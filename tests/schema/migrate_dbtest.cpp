#include "schema/migrate.h"

#include "tests/support/test_database.h"

#include <gtest/gtest.h>

#include <thread>

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

TEST(Migrate, DocumentsEveryTable) {
  EXPECT_EQ(
      TestDatabase::shared().value("select string_agg(relname, ' ') from pg_class where relkind = 'r'"
                                   " and relnamespace = 'public'::regnamespace and relname not in ('pair', 'rolled')"
                                   " and obj_description(oid, 'pg_class') is null"),
      "");
}

TEST(Migrate, LeadsEveryKeyWithTheAccount) {
  EXPECT_EQ(
      TestDatabase::shared().value(
          "select string_agg(c.conrelid::regclass || ' ' || c.conname, ', ') from pg_constraint c"
          " where c.contype in ('p', 'u', 'f') and c.connamespace = 'public'::regnamespace"
          " and c.conrelid::regclass::text not in ('schema_version', 'schema_migration', 'installation', 'address', "
          "'service',"
          " 'service_pattern', 'pair', 'rolled') and (select attname from pg_attribute where attrelid = c.conrelid"
          " and attnum = c.conkey[1]) <> 'account_id'"),
      "");
}

}  // namespace
}  // namespace cpm::schema
