#include "tests/support/test_database.h"

#include "schema/connection.h"
#include "schema/migrate.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace cpm::support {

namespace {

// The cluster outlives every database: it is destroyed at exit, after all tests.
TestCluster& cluster() {
  static TestCluster only;
  return only;
}

std::string unique_name(const char* what) {
  static std::atomic<int> count = 0;
  return "cpmtest_" + std::to_string(::getpid()) + "_" + what + std::to_string(++count);
}

void administer(const std::string& sql) {
  pqxx::connection connection(server_url("postgres"));
  pqxx::nontransaction work(connection);
  work.exec(sql);
}

// Made once a program.
struct Template {
  Template() : name(unique_name("template")) {
    (void)server_url("postgres");  // the cluster is made first, so that it is destroyed last
    administer("create database " + name);
    schema::Database database({server_url(name), 1, true, 10});
    const auto done = schema::migrate(database);
    if (!done) throw std::runtime_error("migrations failed: " + done.error().text + " [" + done.error().detail + "]");
  }
  ~Template() {
    try {
      administer("drop database if exists " + name);
    } catch (const std::exception&) {  // the cluster is thrown away anyway
    }
  }
  std::string name;
};

const std::string& template_name() {
  static const Template only;
  return only.name;
}

}  // namespace

std::string server_url(const std::string& database) {
  if (const char* given = std::getenv("CPMSTORE_TEST_DATABASE_URL")) {
    return schema::connection_string(given).value() + " dbname=" + database;
  }
  return cluster().url(database);
}

std::optional<std::string> superuser_url(const std::string& database) {
  if (std::getenv("CPMSTORE_TEST_DATABASE_URL") != nullptr) return std::nullopt;
  return cluster().superuser_url(database);
}

TestDatabase::TestDatabase(std::size_t connections, bool with_schema) : name_(unique_name("db")) {
  administer("create database " + name_ + (with_schema ? " template " + template_name() : std::string()));
  url_ = server_url(name_);
  database_ = std::make_unique<schema::Database>(schema::DatabaseSettings{url_, connections, true, 10000});
}

TestDatabase::~TestDatabase() {
  database_.reset();
  try {
    administer("drop database if exists " + name_ + " with (force)");
  } catch (const std::exception&) {  // a test may have killed the server
  }
}

TestDatabase& TestDatabase::shared() {
  (void)template_name();
  static TestDatabase only;
  return only;
}

std::string TestDatabase::value(const std::string& sql) {
  return run([&](schema::Transaction& tx) -> Result<std::string> {
    const pqxx::result rows = tx.exec_raw(sql);
    if (rows.empty() || rows[0][0].is_null()) return std::string();
    return std::string(rows[0][0].c_str());
  });
}

void TestDatabase::execute(const std::string& sql) { (void)value(sql); }

schema::Principal make_account(schema::Database& database, std::string address, std::vector<std::string> mailboxes) {
  static std::atomic<int> count = 0;
  if (address.empty()) address = "user" + std::to_string(++count) + "@example.net";
  schema::NewAccount wanted;
  wanted.address = address;
  wanted.mailboxes = std::move(mailboxes);
  const auto row = database.run_blocking(
      TestDatabase::kPatience, [&](schema::Transaction& tx) { return schema::add_account(tx, wanted, Limits{}); });
  if (!row) throw std::runtime_error("add_account: " + row.error().text + " [" + row.error().detail + "]");
  return {row->id, row->address, row->address, schema::Role::owner};
}

}  // namespace cpm::support
