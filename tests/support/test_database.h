// A fresh database with the current schema for tests. One throw-away cluster a test program; the migrations run once,
// into a template, from which each database is copied. CPMSTORE_TEST_DATABASE_URL names an outside server to use
// instead (a user that may create databases).
//   support::TestDatabase test;                       // or TestDatabase::shared(), tests separate by account
//   auto alice = support::make_account(test.database(), "alice@example.net");
// Runs on: the main thread of a test program.
#pragma once

#include "schema/accounts.h"
#include "schema/database.h"
#include "tests/support/test_cluster.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::support {

class TestDatabase {
 public:
  explicit TestDatabase(std::size_t connections = 4, bool with_schema = true);
  ~TestDatabase();  // drops it
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  // One database for the whole program.
  static TestDatabase& shared();

  [[nodiscard]] schema::Database& database() { return *database_; }
  [[nodiscard]] const std::string& url() const { return url_; }

  // Runs a function in a transaction and returns its value; throws std::runtime_error with the failure's text.
  template <class Function>
  auto run(Function function) {
    auto result = database_->run_blocking(kPatience, std::move(function));
    if (!result) {
      throw std::runtime_error(std::string(failure_name(result.error().failure)) + ": " + result.error().text + " [" +
                               result.error().detail + "]");
    }
    return std::move(result).value();
  }

  // A text value from a statement without parameters; "" for NULL or no row.
  [[nodiscard]] std::string value(const std::string& sql);
  void execute(const std::string& sql);

  static constexpr std::chrono::milliseconds kPatience{60000};

 private:
  std::string name_;
  std::string url_;
  std::unique_ptr<schema::Database> database_;
};

// An account without limits; INBOX and Default unless told otherwise. A new address each time when it is left out.
[[nodiscard]] schema::Principal make_account(schema::Database& database, std::string address = {},
                                             std::vector<std::string> mailboxes = {"INBOX", "Default"});

// A connection string for `database` on the server of the tests; and as its superuser, none when it is an outside one.
[[nodiscard]] std::string server_url(const std::string& database);
[[nodiscard]] std::optional<std::string> superuser_url(const std::string& database);

}  // namespace cpm::support
