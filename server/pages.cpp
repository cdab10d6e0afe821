#include "server/pages.h"

#include "schema/migrate.h"

#include <openssl/crypto.h>
#include <nlohmann/json.hpp>

namespace cpm::server {

namespace {

using nlohmann::json;

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
                   {"since", one.since.time_since_epoch().count()}});
  }
  return {200, "application/json", json{{"sessions", all}}.dump(-1, ' ', false, json::error_handler_t::replace)};
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

// The database is asked, not remembered; and its schema must still be ours, should a newer node have migrated it.
boost::asio::awaitable<HttpAnswer> Pages::ready() {
  if (stopping_) co_return text_answer(503, "stopping");
  if (embedded_ != nullptr && !embedded_->ready()) co_return text_answer(503, "the embedded database is starting");
  auto ask = [this](std::size_t) -> Result<schema::SchemaState> { return schema::schema_state(node_.db()); };
  auto state = co_await node_.cpu().run(ask);
  if (!state) co_return text_answer(503, "the database cannot be reached");
  if (state->applied != state->known) {
    co_return text_answer(503, "the database has schema version " + std::to_string(state->applied) +
                                   ", this server needs " + std::to_string(state->known));
  }
  co_return text_answer(200, "ready");
}

HttpAnswer Pages::admin(const HttpRequest& request) {
  constexpr std::string_view kSessions = "/admin/sessions";
  const bool allowed =
      request.token.size() == token_.size() && CRYPTO_memcmp(request.token.data(), token_.data(), token_.size()) == 0;
  if (!allowed) return text_answer(401, "the token of DATA/admin.token is needed");
  if (request.target == kSessions) {
    if (request.method == "GET") return session_list(node_.sessions());
    return text_answer(405, "only GET");
  }
  const std::string prefix = std::string(kSessions) + "/";
  if (!request.target.starts_with(prefix)) return text_answer(404, "not found");
  if (request.method != "DELETE") return text_answer(405, "only DELETE");
  if (!node_.sessions().kick(request.target.substr(prefix.size()), "Ended by an administrator")) {
    return text_answer(404, "no such session");
  }
  return {204, "text/plain; charset=utf-8", ""};
}

}  // namespace cpm::server
