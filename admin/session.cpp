// cpmctl session: who is connected to the running server, and how to end a session.
//
// The server answers on http.listen, for callers that know the token in DATA/admin.token (one line, mode 0600, made by
// the server at start), sent as `Authorization: Bearer TOKEN`; without it 401.
//   GET /admin/sessions         200 {"sessions": [{"id", "peer", "user", "actor", "client", "mailbox", "command":
//   texts,
//                               "tls": true|false, "since": seconds since 1970}, …]}
//   DELETE /admin/sessions/ID   204; 404 when there is no such session. The client is told BYE.
#include "admin/cli.h"
#include "admin/http_client.h"
#include "admin/output.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace cpm::admin {

namespace {

constexpr std::chrono::seconds kPatience{30};

struct Options {
  std::string id;    // kick
  std::string user;  // list and kick: only sessions of this address
};

struct Server {
  Endpoint endpoint;
  std::string token;
};

// An address to connect to; a server that listens everywhere also listens on loopback.
Endpoint reachable(Endpoint endpoint) {
  if (endpoint.host.empty() || endpoint.host == "*" || endpoint.host == "0.0.0.0") endpoint.host = "127.0.0.1";
  if (endpoint.host == "::") endpoint.host = "::1";
  return endpoint;
}

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

Result<Server> find_server(Context& context) {
  CPM_TRY(config, context.config());
  CPM_TRY(running, context.run_file());
  const auto endpoint = parse_endpoint(running.http);
  if (!endpoint || endpoint->port == 0) {
    return fail(Failure::unavailable,
                "the server has no HTTP endpoint\nConfigure http.listen, as 127.0.0.1:9143, and restart it");
  }
  CPM_TRY(token, read_token(*config));
  return Server{reachable(*endpoint), token};
}

Result<HttpAnswer> request(const Server& server, const std::string& method, const std::string& target) {
  auto answer = http_request(server.endpoint, method, target, server.token, kPatience);
  if (answer && (answer->status == 401 || answer->status == 403)) {
    return fail(
        Failure::denied,
        "the server does not accept the token in admin.token\nIs --data the directory of the server that runs now?");
  }
  return answer;
}

Error unexpected(const HttpAnswer& answer) {
  return fail(Failure::internal, "the server answered with HTTP status " + std::to_string(answer.status),
              answer.body.substr(0, 200));
}

std::string text_of(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

Result<Json> sessions(const Server& server, const std::string& user) {
  CPM_TRY(answer, request(server, "GET", "/admin/sessions"));
  if (answer.status != 200) return unexpected(answer);
  const Json object = Json::parse(answer.body, nullptr, false);
  if (!object.is_object() || !object.contains("sessions") || !object["sessions"].is_array()) return unexpected(answer);
  Json chosen = Json::array();
  for (const Json& row : object["sessions"]) {
    if (row.is_object() && (user.empty() || text_of(row, "user") == user)) chosen.push_back(row);
  }
  return Result<Json>(boost::system::in_place_value, std::move(chosen));
}

Result<void> list(Context& context, const Options& options) {
  CPM_TRY(server, find_server(context));
  CPM_TRY(rows, sessions(server, options.user));
  Table table({"ID", "USER", "ACTOR", "PEER", "TLS", "SINCE", "MAILBOX", "COMMAND", "CLIENT"});
  for (Json& row : rows) {
    const auto since = row.find("since");
    if (since != row.end() && since->is_number_integer()) {
      row["since"] = time_text(std::chrono::sys_seconds(std::chrono::seconds(since->get<std::int64_t>())));
    }
    const auto tls = row.find("tls");
    const bool secure = tls != row.end() && tls->is_boolean() && tls->get<bool>();
    table.add({printable(text_of(row, "id")), printable(text_of(row, "user")), printable(text_of(row, "actor")),
               printable(text_of(row, "peer")), secure ? "yes" : "no", text_of(row, "since"),
               printable(text_of(row, "mailbox")), printable(text_of(row, "command")),
               printable(text_of(row, "client"))});
  }
  if (context.json) {
    print_json(context.io.out, rows);
  } else {
    table.print(context.io.out);
  }
  return {};
}

// True when it was there.
Result<bool> kick_one(const Server& server, const std::string& id) {
  for (const unsigned char c : id) {
    if (std::isalnum(c) == 0 && c != '-' && c != '_')
      return fail(Failure::invalid, "\"" + id + "\" is not a session id");
  }
  CPM_TRY(answer, request(server, "DELETE", "/admin/sessions/" + id));
  if (answer.status == 404) return false;
  if (answer.status != 204 && answer.status != 200) return unexpected(answer);
  return true;
}

Result<void> kick(Context& context, const Options& options) {
  if (options.id.empty() == options.user.empty()) {
    return fail(Failure::invalid,
                "name one session by its id, or all of a user with --user ADDRESS\nSee: cpmctl session list");
  }
  CPM_TRY(server, find_server(context));
  Json ended = Json::array();
  if (!options.id.empty()) {
    CPM_TRY(there, kick_one(server, options.id));
    if (there) ended.push_back(options.id);
  } else {
    CPM_TRY(rows, sessions(server, options.user));
    for (const Json& row : rows) {
      const std::string id = text_of(row, "id");
      CPM_TRY(there, kick_one(server, id));
      if (there) ended.push_back(id);
    }
  }
  if (ended.empty()) {
    return fail(Failure::not_found,
                (options.id.empty() ? options.user + " has no session" : "there is no session " + options.id) +
                    "\nSee who is connected: cpmctl session list");
  }
  print_done(context, "ended " + std::to_string(ended.size()) + (ended.size() == 1 ? " session" : " sessions"),
             {{"ended", ended}});
  return {};
}

}  // namespace

void add_session(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "session", "who is connected to the running server",
                            {"session list", "session kick --user alice@example.net"});
  auto options = std::make_shared<Options>();
  CLI::App& lister = add_verb(noun, "list", "all sessions of this server",
                              {"session list", "session list --user alice@example.net --json"});
  lister.add_option("--user", options->user, "only sessions of this address")->type_name("ADDRESS");
  on_run<Options>(lister, context, options, list);
  auto chosen = std::make_shared<Options>();
  CLI::App& kicker =
      add_verb(noun, "kick", "end sessions; the client is told and may log in again unless the user is disabled",
               {"session kick 7f3a91c2", "session kick --user alice@example.net"});
  kicker.add_option("id", chosen->id, "the session's id")->type_name("ID");
  kicker.add_option("--user", chosen->user, "all sessions of this address")->type_name("ADDRESS");
  on_run<Options>(kicker, context, chosen, kick);
}

}  // namespace cpm::admin
