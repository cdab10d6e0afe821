#include "schema/connection.h"

#include "base/log.h"

#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <map>
#include <memory>

namespace cpm::schema {

namespace {

// Parameters that the administrator may give in the URL; these are used when they are left out.
constexpr std::array<std::pair<const char*, const char*>, 6> kDefaults{{
    {"application_name", "cpmstored"},
    {"connect_timeout", "5"},
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "60000"},
}};

// A commit is told to clients as done, so it must be on disk; a stronger setting of the server is kept. Parallel plans
// and compilation cost more than they save on statements that touch one account. All statements reach their rows by
// keys that begin with the account, so one plan serves all values, and a plan made while a table was nearly empty must
// not be a scan of it.
constexpr const char* kSessionSettings =
    "select set_config('synchronous_commit', case when current_setting('synchronous_commit') in ('off', 'local')"
    " then 'on' else current_setting('synchronous_commit') end, false),"
    " set_config('default_transaction_isolation', 'read committed', false),"
    " set_config('max_parallel_workers_per_gather', '0', false),"
    " set_config('jit', 'off', false),"
    " set_config('plan_cache_mode', 'force_generic_plan', false),"
    " set_config('enable_seqscan', 'off', false),"
    " set_config('cpmstore.wall', '', false),"
    " set_config('idle_in_transaction_session_timeout', '60s', false),"
    " set_config('client_min_messages', 'notice', false),"
    " set_config('timezone', 'UTC', false),"
    " set_config('datestyle', 'ISO', false),"
    " set_config('bytea_output', 'hex', false)";

std::string quoted(const std::string& value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

Result<std::string> connection_string(const std::string& url) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(url.c_str(), &message),
                                                                             &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> held(message, &PQfreemem);
  // libpq's message repeats what it could not read.
  if (!options) return fail(Failure::invalid, "database.url cannot be read: it is neither a URI nor key=value words");
  std::map<std::string, std::string> given;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) given.emplace(option->keyword, option->val);
  }
  if (given.contains("port") && given["port"].find_first_not_of("0123456789,") != std::string::npos) {
    return fail(Failure::invalid,
                "database.url names a port that is no number: is a \"/\" in the password not written %2F?");
  }
  for (const auto& [keyword, value] : kDefaults) given.emplace(keyword, value);
  std::string out;
  for (const auto& [keyword, value] : given) {
    if (!out.empty()) out += ' ';
    out += keyword + "=" + quoted(value);
  }
  return out;
}

std::chrono::milliseconds statement_timeout_for(std::chrono::milliseconds remaining) noexcept {
  using std::chrono::milliseconds;
  for (const long step : {100L, 200L, 500L, 1000L, 2000L, 5000L, 10000L, 20000L, 30000L, 60000L, 120000L, 300000L,
                          600000L, 1200000L, 3600000L}) {
    if (remaining <= milliseconds(step)) return milliseconds(step);
  }
  return milliseconds(0);
}

Connection::Connection(const std::string& parameters, bool session_settings, const std::function<void(int)>& opened)
    : connection_(parameters), notices_(connection_, quota_news_), session_settings_(session_settings) {
  // A silent reconnection in the middle of a function would lose its transaction. The call is marked as
  // deprecated because later versions of the library never reconnect.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection_.inhibit_reactivation(true);
#pragma GCC diagnostic pop
  if (opened) opened(connection_.sock());
  connection_.set_client_encoding("UTF8");
  if (session_settings_) {
    pqxx::nontransaction work(connection_);
    work.exec(kSessionSettings);
  }
}

bool Connection::stale() const noexcept {
  if (!connection_.is_open()) return true;
  pollfd waiting{connection_.sock(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) != 0;
}

void Connection::bound_statements(std::chrono::milliseconds remaining) {
  if (!session_settings_) return;
  const auto wanted = statement_timeout_for(remaining);
  if (wanted == statement_timeout_) return;
  pqxx::nontransaction work(connection_);
  work.exec("set statement_timeout = " + std::to_string(wanted.count()));
  statement_timeout_ = wanted;
}

void Connection::prepare_once(const Query& query) {
  if (prepared_.contains(query.name)) return;
  connection_.prepare(query.name, query.sql);
  prepared_.insert(query.name);
}

bool Connection::Notices::operator()(const char message[]) noexcept {
  read_quota_notice(message, quota_);
  try {
    log::debug("db", message);
  } catch (...) {  // a notice is never worth a failure
  }
  return false;
}

}  // namespace cpm::schema
