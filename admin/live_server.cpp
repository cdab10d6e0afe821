#include "admin/live_server.h"

#include "base/percent.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace cpm::admin {

namespace {

constexpr std::chrono::seconds kPatience{30};

Result<std::string> read_token(const Config& config) {
  const std::string path = (std::filesystem::path(config.data) / "admin.token").string();
  errno = 0;
  std::ifstream file(path);
  std::string token;
  if (file && std::getline(file, token) && !token.empty()) return token;
  if (errno == EACCES) {
    return fail(Failure::denied,
                path + " may only be read by the user that the server runs as\nRun cpmctl as that user, or as root");
  }
  return fail(Failure::unavailable,
              path + " cannot be read\nIs a server running with this data directory? cpmstored --data " + config.data);
}

Error unexpected(const HttpAnswer& answer) {
  return fail(Failure::internal, "the server answered with HTTP status " + std::to_string(answer.status),
              answer.body.substr(0, 200));
}

}  // namespace

Endpoint reachable(Endpoint endpoint) {
  if (endpoint.host.empty() || endpoint.host == "*" || endpoint.host == "0.0.0.0") endpoint.host = "127.0.0.1";
  if (endpoint.host == "::") endpoint.host = "::1";
  return endpoint;
}

Result<LiveServer> LiveServer::find(Context& context) {
  CPM_TRY(config, context.config());
  CPM_TRY(running, context.run_file());
  const auto endpoint = parse_endpoint(running.http);
  if (!endpoint || endpoint->port == 0) {
    return fail(Failure::unavailable,
                "the server has no HTTP endpoint\nConfigure http.listen, as 127.0.0.1:9143, and restart it");
  }
  CPM_TRY(token, read_token(*config));
  LiveServer server;
  server.endpoint_ = reachable(*endpoint);
  server.token_ = std::move(token);
  return server;
}

Result<HttpAnswer> LiveServer::request(const std::string& method, const std::string& target) const {
  auto answer = http_request(endpoint_, method, target, token_, kPatience);
  if (answer && (answer->status == 401 || answer->status == 403)) {
    return fail(
        Failure::denied,
        "the server does not accept the token in admin.token\nIs --data the directory of the server that runs now?");
  }
  return answer;
}

Result<Json> LiveServer::list(const std::string& target, const std::string& name) const {
  CPM_TRY(answer, request("GET", target));
  if (answer.status != 200) return unexpected(answer);
  Json object = Json::parse(answer.body, nullptr, false);
  if (!object.is_object() || !object.contains(name) || !object[name].is_array()) return unexpected(answer);
  return Result<Json>(boost::system::in_place_value, std::move(object[name]));
}

Result<bool> LiveServer::change(const std::string& method, const std::string& target) const {
  CPM_TRY(answer, request(method, target));
  if (answer.status == 404) return false;
  if (answer.status != 204 && answer.status != 200) return unexpected(answer);
  return true;
}

std::size_t end_sessions(Context& context, const std::string& address) {
  const auto server = LiveServer::find(context);
  if (!server) return 0;
  const auto all = server->list("/admin/sessions", "sessions");
  if (!all) return 0;
  std::size_t ended = 0;
  for (const Json& row : *all) {
    if (!row.is_object() || text_of(row, "user") != address) continue;
    const auto there = server->change("DELETE", "/admin/sessions/" + percent_encode(text_of(row, "id")));
    if (there && *there) ++ended;
  }
  return ended;
}

std::string text_of(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace cpm::admin
