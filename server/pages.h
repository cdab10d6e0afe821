// What the HTTP side answers: /healthz (the process lives), /readyz (it can serve), /metrics, and for cpmctl, with the
// token of DATA/admin.token, /admin/sessions, /admin/lockouts and /admin/adapt (see admin/live_server.h).
// Runs on: the first io thread.
#pragma once

#include "server/embedded.h"
#include "server/http.h"
#include "server/node.h"

#include <atomic>
#include <memory>
#include <string>

namespace cpm::server {

class Pages {
 public:
  // `embedded` may be null. Everything outlives the HTTP server's connections.
  Pages(Node& node, const EmbeddedPostgres* embedded, const std::atomic<bool>& stopping, std::string token)
      : node_(node), embedded_(embedded), stopping_(stopping), token_(std::move(token)) {}

  boost::asio::awaitable<HttpAnswer> answer(HttpRequest request);

 private:
  struct Probe;
  boost::asio::awaitable<HttpAnswer> ready();
  boost::asio::awaitable<void> probe(std::shared_ptr<Probe> asked);
  HttpAnswer admin(const HttpRequest& request);
  HttpAnswer admin_session(const HttpRequest& request, std::string id);
  HttpAnswer admin_lockout(const HttpRequest& request, const std::string& key);

  Node& node_;
  const EmbeddedPostgres* embedded_;
  const std::atomic<bool>& stopping_;
  const std::string token_;
  bool probing_ = false;  // the database is being asked
};

}  // namespace cpm::server
