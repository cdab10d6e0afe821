// What cpmctl asks the running server itself, over HTTP. The server answers on http.listen, for callers that know the
// token in DATA/admin.token (one line, mode 0600, made by the server at start), sent as `Authorization: Bearer TOKEN`;
// without it 401.
//
//   GET    /admin/sessions            200 {"sessions": [{"id", "peer", "user", "actor", "client", "mailbox", "command",
//                                     "tls": true|false, "trace": true|false, "since": seconds since 1970}, …]}
//   DELETE /admin/sessions/ID         204; 404 when there is no such session. The client is told BYE.
//   PUT    /admin/sessions/ID/trace   204, 404; its protocol goes to the log, redacted. DELETE ends that.
//   GET    /admin/lockouts            200 {"lockouts": [{"kind": "name"|"network", "key", "failures", "locks",
//                                     "locked_for": seconds}, …]}
//   GET    /admin/adapt               200 {"adapt": [{"enabled", "cache": {…}, "workers": {…}, "conversions": […]}]}
//   DELETE /admin/lockouts/KEY        204, 404; KEY is a name, a network or an address, percent-encoded.
//
// Runs on: the main thread.
#pragma once

#include "admin/context.h"
#include "admin/http_client.h"
#include "admin/output.h"

namespace cpm::admin {

// An address to connect to; a server that listens everywhere also listens on loopback.
[[nodiscard]] Endpoint reachable(Endpoint endpoint);

class LiveServer {
 public:
  // Failures: unavailable with what to do; denied.
  [[nodiscard]] static Result<LiveServer> find(Context& context);

  [[nodiscard]] Result<HttpAnswer> request(const std::string& method, const std::string& target) const;
  // GET of an object with one array, which is returned.
  [[nodiscard]] Result<Json> list(const std::string& target, const std::string& name) const;
  // For a request without an answer: false when there was nothing of that name.
  [[nodiscard]] Result<bool> change(const std::string& method, const std::string& target) const;

 private:
  Endpoint endpoint_;
  std::string token_;
};

// Ends the sessions of an account at the server that runs on the same data directory, if one does; how many there were.
std::size_t end_sessions(Context& context, const std::string& address);

[[nodiscard]] std::string text_of(const Json& object, const char* name);

}  // namespace cpm::admin
