#include "schema/migrate.h"

#include "base/hex.h"
#include "base/log.h"

#include <openssl/evp.h>

#include <array>
#include <thread>

namespace cpm::schema {

namespace {

using namespace std::chrono_literals;

// Above an hour: no statement_timeout.
constexpr auto kPatience = 24h;
constexpr int kLockTries = 20;

constexpr Query kExists{"schema_exists", "select to_regclass('schema_version') is not null"};
constexpr Query kVersion{"schema_version", "select version from schema_version where id = 1"};
constexpr Query kLockVersion{"schema_version_lock", "select version from schema_version where id = 1 for update"};
constexpr Query kDigests{"schema_digests",
                         "select number, file, encode(digest, 'hex') from schema_migration order by number"};
constexpr Query kRecord{"schema_record", "insert into schema_migration (number, file, digest) values ($1, $2, $3)"};
constexpr Query kRaise{"schema_raise", "update schema_version set version = $1 where id = 1"};
// Any constant will do; the row lock on schema_version protects as well, once there is such a row.
constexpr Query kAdvisoryLock{"schema_advisory_lock", "select pg_advisory_xact_lock(4850115720033873741)"};

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

int newest() { return migrations().empty() ? 0 : migrations().back().number; }

Result<void> not_newer(int applied) {
  if (applied <= newest()) return {};
  const std::string has = std::to_string(applied);
  return fail(Failure::unsupported, "the database has schema " + has + ", this release knows schemas up to " +
                                        std::to_string(newest()) + ": install the release that made schema " + has +
                                        " on this node and run its `cpmctl db migrate`");
}

Result<void> check_digests(Transaction& tx) {
  for (const auto& row : tx.exec(kDigests)) {
    const int number = row[0].as<int>();
    for (const Migration& migration : migrations()) {
      if (migration.number != number || hex(sha256(migration.sql)) == row[2].c_str()) continue;
      return fail(
          Failure::unsupported,
          "migration " + std::string(row[1].c_str()) +
              " was applied with another text than this release has: install the release that the database was made "
              "with and compare by `cpmctl db status`");
    }
  }
  return {};
}

// 0 when there is nothing yet.
int applied_version(Transaction& tx, const Query& query) {
  if (!tx.exec(kExists)[0][0].as<bool>()) return 0;
  const pqxx::result rows = tx.exec(query);
  return rows.empty() ? 0 : rows[0][0].as<int>();
}

// Applies the next migration in one transaction together with its record; returns the version reached.
Result<SchemaState> step(Transaction& tx) {
  tx.exec_raw("set local lock_timeout = '60s'");  // others may be migrating
  tx.exec(kAdvisoryLock);
  const int applied = applied_version(tx, kLockVersion);
  CPM_CHECK(not_newer(applied));
  if (applied > 0) CPM_CHECK(check_digests(tx));
  for (const Migration& migration : migrations()) {
    if (migration.number <= applied) continue;
    tx.exec_raw("set local lock_timeout = '3s'");  // never make running sessions queue behind us
    tx.exec_raw(migration.sql);
    tx.exec(kRecord, migration.number, migration.file, bytes(sha256(migration.sql)));
    tx.exec(kRaise, migration.number);
    return SchemaState{migration.number, newest()};
  }
  return SchemaState{applied, newest()};
}

}  // namespace

Result<SchemaState> schema_state(Database& database) {
  return database.run_blocking(30s, [](Transaction& tx) -> Result<SchemaState> {
    return SchemaState{applied_version(tx, kVersion), newest()};
  });
}

Result<SchemaState> migrate(Database& database) {
  int reached = -1;
  for (int tries = 0;;) {
    auto state = database.run_blocking(kPatience, [](Transaction& tx) { return step(tx); });
    if (!state) {
      if (state.error().failure != Failure::timeout || ++tries >= kLockTries) return state.error();
      log::info("db", "migration waits for a lock", {{"detail", state.error().detail}});
      std::this_thread::sleep_for(500ms);
      continue;
    }
    if (reached >= 0 && state->applied > reached)
      log::info("db", "schema migrated", {{"version", std::to_string(state->applied)}});
    reached = state->applied;
    if (state->applied >= state->known) return state;
  }
}

}  // namespace cpm::schema
