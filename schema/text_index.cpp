#include "schema/text_index.h"

#include <string>

namespace cpm::schema {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 24h;  // above an hour: no statement_timeout

struct Part {
  const char* name;
  const char* columns;  // "TRGM": the schema of pg_trgm
};
// Complete as a whole when the last one is: contents_by_text_v1 looks at the trigrams.
constexpr Part kParts[] = {
    {"content_text_cut", "content_text (account_id) where not complete"},
    {"content_head_trigrams", "content_head using gin (account_id, header_text TRGM.gin_trgm_ops)"},
    {"content_text_trigrams", "content_text using gin (account_id, body_text TRGM.gin_trgm_ops)"},
};

constexpr Query kState{
    "text_index_state",
    "select count(*), count(*) filter (where i.indisvalid), coalesce(sum(pg_relation_size(i.indexrelid)), 0)"
    " from pg_index i where i.indexrelid in (to_regclass('content_text_cut'), to_regclass('content_head_trigrams'),"
    " to_regclass('content_text_trigrams'))"};

constexpr Query kMissing{"text_index_part_missing",
                         "select not exists (select from pg_index i where i.indexrelid = to_regclass($1))"};
constexpr Query kBroken{"text_index_part_broken",
                        "select exists (select from pg_index i where i.indexrelid = to_regclass($1) and not "
                        "i.indisvalid)"};

// One statement by itself: an index cannot be made beside writers within a transaction.
Result<void> alone(Database& database, const std::string& sql) {
  return database.run_blocking(
      kPatience,
      [&](Transaction& tx) -> Result<void> {
        tx.exec_raw(sql);
        return {};
      },
      Mode::single);
}

Result<bool> ask(Database& database, const Query& query, const char* name) {
  return database.run_blocking(
      30s, [&](Transaction& tx) -> Result<bool> { return tx.exec(query, name)[0][0].as<bool>(); }, Mode::reads);
}

// An administrator may have put it where this user does not look by itself.
constexpr Query kSchema{
    "text_index_schema",
    "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace"
    " where e.extname = 'pg_trgm'"};

Result<void> install(Database& database, const std::string& extension) {
  auto done = alone(database, "create extension if not exists " + extension);
  if (done) return {};
  return fail(Failure::denied,
              "the database does not let this user install the extension " + extension +
                  "; have its administrator run: create extension " + extension,
              done.error().detail.empty() ? done.error().text : done.error().detail);
}

}  // namespace

Result<TextIndex> text_index(Database& database) {
  return database.run_blocking(
      30s,
      [](Transaction& tx) -> Result<TextIndex> {
        const pqxx::result rows = tx.exec(kState);
        const auto there = rows[0][0].as<std::size_t>();
        const auto valid = rows[0][1].as<std::size_t>();
        TextIndex out;
        out.octets = rows[0][2].as<std::uint64_t>();
        if (there > 0) out.state = TextIndex::State::incomplete;
        if (valid == std::size(kParts)) out.state = TextIndex::State::ready;
        return out;
      },
      Mode::reads);
}

Result<void> create_text_index(Database& database) {
  CPM_CHECK(install(database, "pg_trgm"));
  CPM_CHECK(install(database, "btree_gin"));
  CPM_TRY(trgm,
          database.run_blocking(
              30s, [](Transaction& tx) -> Result<std::string> { return tx.exec(kSchema)[0][0].c_str(); }, Mode::reads));
  for (const Part& part : kParts) {
    const std::string name = part.name;
    std::string columns = part.columns;
    if (const auto at = columns.find("TRGM"); at != std::string::npos) columns.replace(at, 4, trgm);
    CPM_TRY(broken, ask(database, kBroken, part.name));
    if (broken) CPM_CHECK(alone(database, "drop index concurrently if exists " + name));
    CPM_TRY(missing, ask(database, kMissing, part.name));
    if (missing) CPM_CHECK(alone(database, "create index concurrently " + name + " on " + columns));
  }
  return {};
}

Result<void> drop_text_index(Database& database) {
  for (const Part& part : kParts) {
    CPM_CHECK(alone(database, "drop index concurrently if exists " + std::string(part.name)));
  }
  return {};
}

}  // namespace cpm::schema
