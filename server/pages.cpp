#include "server/pages.h"

#include "base/log.h"
#include "base/percent.h"
#include "schema/migrate.h"
#include "server/adaptation.h"

#include <openssl/crypto.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

namespace cpm::server {

namespace {

using nlohmann::json;

constexpr std::chrono::seconds kProbePatience{3};

HttpAnswer text_answer(int status, std::string text) {
  return {status, "text/plain; charset=utf-8", std::move(text) + "\n"};
}

HttpAnswer session_list(imap::SessionList& sessions) {
  json all = json::array();
  for (const imap::SessionInfo& one : sessions.list()) {
    all.push_back({{"id", one.id},
                   {"peer", one.peer},
                   {"user", one.user},
                   {"actor", one.actor},
                   {"client", one.client},
                   {"mailbox", one.mailbox},
                   {"command", one.command},
                   {"tls", one.tls},
                   {"trace", one.trace},
                   {"since", one.since.time_since_epoch().count()}});
  }
  return {200, "application/json", json{{"sessions", all}}.dump(-1, ' ', false, json::error_handler_t::replace)};
}

HttpAnswer lockout_list(const imap::auth::Authenticator& authenticator) {
  using Kind = imap::auth::LockoutEntry::Kind;
  json all = json::array();
  for (const imap::auth::LockoutEntry& one : authenticator.lockouts()) {
    all.push_back({{"kind", one.kind == Kind::name ? "name" : "network"},
                   {"key", one.key},
                   {"failures", one.failures},
                   {"locks", one.locks},
                   {"locked_for", one.locked_for.count()}});
  }
  return {200, "application/json", json{{"lockouts", all}}.dump(-1, ' ', false, json::error_handler_t::replace)};
}

HttpAnswer adapt_status(Node& node) {
  json all = {{"enabled", node.conversions() != nullptr}};
  if (const imap::Conversions* conversions = node.conversions()) {
    const auto counts = conversions->counts();
    all["cache"] = {{"hits", counts.hits},
                    {"misses", counts.misses},
                    {"shared", counts.shared},
                    {"evicted", counts.evicted},
                    {"octets", counts.kept}};
    all["running"] = counts.running;
    all["memory"] = counts.memory;
    all["workers"] = worker_status(conversions->adapter());
    json list = json::array();
    for (const Metrics::ConversionCount& one : node.metrics().conversions()) {
      list.push_back({{"source", one.source},
                      {"target", one.target},
                      {"result", one.result},
                      {"number", one.number},
                      {"seconds", one.seconds}});
    }
    all["conversions"] = list;
  }
  return {200, "application/json",
          json{{"adapt", json::array({all})}}.dump(-1, ' ', false, json::error_handler_t::replace)};
}

}  // namespace

boost::asio::awaitable<HttpAnswer> Pages::answer(HttpRequest request) {
  if (request.target.starts_with("/admin/")) co_return admin(request);
  if (request.method != "GET" && request.method != "HEAD") co_return text_answer(405, "only GET and HEAD");
  if (request.target == "/healthz") co_return text_answer(200, "ok");
  if (request.target == "/metrics") {
    HttpAnswer answer;
    answer.type = "text/plain; version=0.0.4; charset=utf-8";
    answer.body = node_.metrics_text();
    co_return answer;
  }
  if (request.target == "/readyz") {
    auto answer = co_await ready();
    co_return answer;
  }
  co_return text_answer(404, "not found");
}

struct Pages::Probe {
  explicit Probe(const boost::asio::any_io_executor& executor) : timer(executor, kProbePatience) {}
  boost::asio::steady_timer timer;  // ends the wait early when the answer is there
  std::optional<Result<schema::SchemaState>> state;
};

boost::asio::awaitable<void> Pages::probe(std::shared_ptr<Probe> asked) {
  auto ask = [this](std::size_t) -> Result<schema::SchemaState> { return schema::schema_state(node_.db()); };
  auto state = co_await node_.cpu().run(ask);
  probing_ = false;
  asked->state = std::move(state);
  asked->timer.cancel();
}

// The database is asked, not remembered; and its schema must still be ours, should a newer node have migrated it.
boost::asio::awaitable<HttpAnswer> Pages::ready() {
  if (stopping_) co_return text_answer(503, "stopping");
  if (embedded_ != nullptr && !embedded_->ready()) co_return text_answer(503, "the embedded database is starting");
  if (probing_) co_return text_answer(503, "the database does not answer");
  auto executor = co_await boost::asio::this_coro::executor;
  auto asked = std::make_shared<Probe>(executor);
  probing_ = true;
  boost::asio::co_spawn(executor, probe(asked), boost::asio::detached);
  co_await asked->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (!asked->state) co_return text_answer(503, "the database does not answer");
  const Result<schema::SchemaState>& state = *asked->state;
  if (!state) co_return text_answer(503, "the database cannot be reached");
  if (state->applied != state->known) {
    co_return text_answer(503, "the database has schema version " + std::to_string(state->applied) +
                                   ", this server needs " + std::to_string(state->known));
  }
  co_return text_answer(200, "ready");
}

HttpAnswer Pages::admin(const HttpRequest& request) {
  constexpr std::string_view kSessions = "/admin/sessions";
  constexpr std::string_view kLockouts = "/admin/lockouts";
  const bool allowed =
      request.token.size() == token_.size() && CRYPTO_memcmp(request.token.data(), token_.data(), token_.size()) == 0;
  if (!allowed) return text_answer(401, "the token of DATA/admin.token is needed");
  const std::string_view target = request.target;
  if (target == "/admin/adapt") {
    return request.method == "GET" ? adapt_status(node_) : text_answer(405, "only GET");
  }
  if (target == kSessions || target == kLockouts) {
    if (request.method != "GET") return text_answer(405, "only GET");
    return target == kSessions ? session_list(node_.sessions()) : lockout_list(node_.authenticator());
  }
  if (target.starts_with(kSessions) && target[kSessions.size()] == '/') {
    return admin_session(request, std::string(target.substr(kSessions.size() + 1)));
  }
  if (target.starts_with(kLockouts) && target[kLockouts.size()] == '/') {
    return admin_lockout(request, percent_decode(target.substr(kLockouts.size() + 1)));
  }
  return text_answer(404, "not found");
}

HttpAnswer Pages::admin_session(const HttpRequest& request, std::string id) {
  constexpr std::string_view kTrace = "/trace";
  const bool trace = id.ends_with(kTrace);
  if (trace) id.resize(id.size() - kTrace.size());
  const bool on = request.method == "PUT";
  if (request.method != "DELETE" && !(trace && on)) return text_answer(405, trace ? "PUT or DELETE" : "only DELETE");
  const bool there = trace ? node_.sessions().trace(id, on) : node_.sessions().kick(id, "Ended by an administrator");
  if (!there) return text_answer(404, "no such session");
  if (trace) log::info("server", on ? "protocol trace on" : "protocol trace off", {{"session", id}});
  return {204, "text/plain; charset=utf-8", ""};
}

HttpAnswer Pages::admin_lockout(const HttpRequest& request, const std::string& key) {
  if (request.method != "DELETE") return text_answer(405, "only DELETE");
  if (!node_.authenticator().clear_lockout(key)) return text_answer(404, "no failures are counted for it");
  log::info("auth", "lock-out cleared by an administrator", {{"of", key}});
  return {204, "text/plain; charset=utf-8", ""};
}

}  // namespace cpm::server
