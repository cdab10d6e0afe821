// What every verb of cpmctl works with: the terminal, the global options, the configuration and the database, which are
// opened only when a verb asks for them.
// Runs on: the main thread.
#pragma once

#include "base/config.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/audit.h"
#include "schema/database.h"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::admin {

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_terminal = false;   // questions may be asked
  bool err_terminal = false;  // progress may be shown
};

class Context {
 public:
  explicit Context(Streams streams) : io(streams) {}

  Streams io;
  ConfigSources sources;  // from --data, --config, --set and the environment
  bool json = false;
  std::function<Result<void>()> action;  // set by the verb that was named

  [[nodiscard]] Result<const Config*> config();
  // Connects lazily. Failure::invalid when no store was named, unavailable when the embedded database is not running.
  [[nodiscard]] Result<schema::Database*> database();
  // The same, and the schema must be the one that this program knows (Failure::unsupported says what to do).
  [[nodiscard]] Result<schema::Database*> store();

  // One transaction on the store; `function(Transaction&)` returns a Result.
  template <class Function, class R = std::invoke_result_t<Function, schema::Transaction&>>
  [[nodiscard]] R run(Function function) {
    auto opened = store();
    if (!opened) return opened.error();
    return (*opened)->run_blocking(kPatience, std::move(function));
  }

  // Who runs cpmctl, for the record of changes; null when the configuration has none.
  [[nodiscard]] schema::ActorRef actor();
  // Records what an administrator did, in the transaction in which it is done. An account, or schema::kWholeStore.
  void note(schema::Transaction& tx, schema::AuditCommand command, AccountId account,
            std::initializer_list<std::pair<std::string_view, std::string_view>> detail);
  // The same with the account that has this address.
  void note(schema::Transaction& tx, schema::AuditCommand command, std::string_view address,
            std::initializer_list<std::pair<std::string_view, std::string_view>> detail);

  // The owner's principal for an account, acting as cpmctl.
  [[nodiscard]] Result<schema::Principal> principal(const std::string& address);

  // Where the embedded server says what it listens on: DATA/run.json, as written by cpmstored.
  struct RunFile {
    std::string database;  // libpq connection string
    std::string http;      // HOST:PORT
    std::string imap, imaps;
  };
  [[nodiscard]] Result<RunFile> run_file();

  // An administrator waits longer than a client.
  static constexpr std::chrono::milliseconds kPatience{600'000};

 private:
  std::optional<Config> config_;
  std::unique_ptr<schema::Database> database_;
  bool schema_checked_ = false;
  schema::ActorRef actor_;
};

// INBOX in capitals as the whole name or the first component; everything else as given.
[[nodiscard]] std::string canonical_path(std::string_view mailbox);

}  // namespace cpm::admin
