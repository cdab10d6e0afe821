// One PostgreSQL connection of a database thread: opened with our session settings, checked before use, closed when
// broken. Also the libpq connection string: what the administrator gave plus our defaults for what was left out.
// Runs on: db thread. Owned by a slot of Database.
#pragma once

#include "base/result.h"
#include "schema/query.h"

#include <pqxx/pqxx>

#include <chrono>
#include <functional>
#include <string>
#include <unordered_set>

namespace cpm::schema {

// Failure::invalid when libpq cannot read it; the text does not repeat the string, which may hold a password.
[[nodiscard]] Result<std::string> connection_string(const std::string& url);

// The statement_timeout for what is left of a deadline: a ladder of few values, so that it seldom changes; 0 (none)
// above an hour.
[[nodiscard]] std::chrono::milliseconds statement_timeout_for(std::chrono::milliseconds remaining) noexcept;

class Connection {
 public:
  // Throws pqxx exceptions. `session_settings`: off behind a transaction pooler, where a SET would reach other clients.
  // `opened(socket)` is called before the first statement, so that somebody can watch over the wait.
  Connection(const std::string& parameters, bool session_settings, const std::function<void(int)>& opened = {});
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] pqxx::connection_base& get() { return connection_; }
  // For what the library does not offer: binary results. Null while not connected.
  [[nodiscard]] pqxx::connectionpolicy::handle raw() const noexcept { return connection_.raw(); }
  // True when the server has closed or written to an idle connection: it is going down or gone.
  [[nodiscard]] bool stale() const noexcept;
  // Bounds the following statements by `remaining`, rounded up. A round trip only when the bound changes.
  void bound_statements(std::chrono::milliseconds remaining);
  // The statement is prepared on the server when it is first executed. Queries are constants: their address is their
  // identity.
  void prepare_once(const Query& query);
  // The wall (wall.h) that statements outside of a transaction stand behind by what was declared before. Always nothing
  // without session settings.
  [[nodiscard]] const std::string& wall() const noexcept { return wall_; }
  void note_wall(std::string declared) { wall_ = std::move(declared); }
  // What the functions of the running transaction said of quotas.
  [[nodiscard]] QuotaNews& quota_news() noexcept { return quota_news_; }

 private:
  // Connects as pqxx::connection does and remembers the handle.
  class Policy final : public pqxx::connect_direct {
   public:
    using pqxx::connect_direct::connect_direct;
    handle do_startconnect(handle before) override { return handle_ = connect_direct::do_startconnect(before); }
    handle do_dropconnect(handle before) noexcept override { return handle_ = connect_direct::do_dropconnect(before); }
    handle do_disconnect(handle before) noexcept override { return handle_ = connect_direct::do_disconnect(before); }
    [[nodiscard]] handle current() const noexcept { return handle_; }

   private:
    handle handle_ = nullptr;
  };
  class Notices final : public pqxx::errorhandler {
   public:
    Notices(pqxx::connection_base& connection, QuotaNews& quota) : errorhandler(connection), quota_(quota) {}
    bool operator()(const char message[]) noexcept override;

   private:
    QuotaNews& quota_;
  };

  // As pqxx::connection, which does not let its policy be seen.
  class Raw final : public pqxx::connection_base {
   public:
    explicit Raw(const std::string& options) : connection_base(policy_), policy_(options) { init(); }
    ~Raw() noexcept { close(); }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;
    [[nodiscard]] pqxx::connectionpolicy::handle raw() const noexcept { return policy_.current(); }

   private:
    Policy policy_;  // the base only keeps its address until init()
  };

  QuotaNews quota_news_;
  Raw connection_;
  Notices notices_;
  const bool session_settings_;
  std::chrono::milliseconds statement_timeout_{-1};
  std::unordered_set<const char*> prepared_;
  std::string wall_;
};

}  // namespace cpm::schema
