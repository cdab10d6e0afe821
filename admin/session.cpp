// cpmctl session: who is connected to the running server, how to end a session and how to watch one.
#include "admin/cli.h"
#include "admin/live_server.h"

#include <cctype>
#include <iostream>

namespace cpm::admin {

namespace {

struct Options {
  std::string id;    // kick and trace
  std::string user;  // only sessions of this address
  bool off = false;  // trace
};

Result<Json> sessions(const LiveServer& server, const std::string& user) {
  CPM_TRY(all, server.list("/admin/sessions", "sessions"));
  Json chosen = Json::array();
  for (const Json& row : all) {
    if (row.is_object() && (user.empty() || text_of(row, "user") == user)) chosen.push_back(row);
  }
  return Result<Json>(boost::system::in_place_value, std::move(chosen));
}

bool is_true(const Json& row, const char* name) {
  const auto at = row.find(name);
  return at != row.end() && at->is_boolean() && at->get<bool>();
}

Result<void> list(Context& context, const Options& options) {
  CPM_TRY(server, LiveServer::find(context));
  CPM_TRY(rows, sessions(server, options.user));
  Table table({"ID", "USER", "ACTOR", "PEER", "TLS", "TRACE", "SINCE", "MAILBOX", "COMMAND", "CLIENT"});
  for (Json& row : rows) {
    const auto since = row.find("since");
    if (since != row.end() && since->is_number_integer()) {
      row["since"] = time_text(std::chrono::sys_seconds(std::chrono::seconds(since->get<std::int64_t>())));
    }
    table.add({printable(text_of(row, "id")), printable(text_of(row, "user")), printable(text_of(row, "actor")),
               printable(text_of(row, "peer")), is_true(row, "tls") ? "yes" : "no",
               is_true(row, "trace") ? "yes" : "no", text_of(row, "since"), printable(text_of(row, "mailbox")),
               printable(text_of(row, "command")), printable(text_of(row, "client"))});
  }
  if (context.json) {
    print_json(context.io.out, rows);
  } else {
    table.print(context.io.out);
  }
  return {};
}

// The ids the options name: one, or all of a user.
Result<std::vector<std::string>> chosen_ids(const LiveServer& server, const Options& options) {
  for (const unsigned char c : options.id) {
    if (std::isalnum(c) == 0 && c != '-' && c != '_')
      return fail(Failure::invalid, "\"" + options.id + "\" is not a session id");
  }
  if (!options.id.empty()) return std::vector<std::string>{options.id};
  CPM_TRY(rows, sessions(server, options.user));
  std::vector<std::string> ids;
  for (const Json& row : rows) ids.push_back(text_of(row, "id"));
  return ids;
}

// Sends `method` for each chosen session; the ids that were there.
Result<Json> for_chosen(Context& context, const Options& options, const std::string& method, const std::string& below) {
  if (options.id.empty() == options.user.empty()) {
    return fail(Failure::invalid,
                "name one session by its id, or all of a user with --user ADDRESS\nSee: cpmctl session list");
  }
  CPM_TRY(server, LiveServer::find(context));
  CPM_TRY(ids, chosen_ids(server, options));
  Json done = Json::array();
  for (const std::string& id : ids) {
    CPM_TRY(there, server.change(method, "/admin/sessions/" + id + below));
    if (there) done.push_back(id);
  }
  if (done.empty()) {
    return fail(Failure::not_found,
                (options.id.empty() ? options.user + " has no session" : "there is no session " + options.id) +
                    "\nSee who is connected: cpmctl session list");
  }
  return Result<Json>(boost::system::in_place_value, std::move(done));
}

std::string sessions_text(const Json& ids) {
  return std::to_string(ids.size()) + (ids.size() == 1 ? " session" : " sessions");
}

Result<void> kick(Context& context, const Options& options) {
  CPM_TRY(ended, for_chosen(context, options, "DELETE", ""));
  print_done(context, "ended " + sessions_text(ended), {{"ended", ended}});
  return {};
}

Result<void> trace(Context& context, const Options& options) {
  CPM_TRY(changed, for_chosen(context, options, options.off ? "DELETE" : "PUT", "/trace"));
  print_done(context,
             options.off ? "no longer tracing " + sessions_text(changed)
                         : "tracing " + sessions_text(changed) + ": lines of area \"trace\" in the server's log",
             {{"trace", !options.off}, {"sessions", changed}});
  return {};
}

void name_sessions(CLI::App& verb, Options& options) {
  verb.add_option("id", options.id, "the session's id")->type_name("ID");
  verb.add_option("--user", options.user, "all sessions of this address")->type_name("ADDRESS");
}

}  // namespace

void add_session(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "session", "who is connected to the running server",
                            {"session list", "session kick --user alice@example.net", "session trace 7f3a91c"});
  auto listed = std::make_shared<Options>();
  CLI::App& lister = add_verb(noun, "list", "all sessions of this server",
                              {"session list", "session list --user alice@example.net --json"});
  lister.add_option("--user", listed->user, "only sessions of this address")->type_name("ADDRESS");
  on_run<Options>(lister, context, listed, list);
  auto kicked = std::make_shared<Options>();
  CLI::App& kicker =
      add_verb(noun, "kick", "end sessions; the client is told and may log in again unless the user is disabled",
               {"session kick 7f3a91c", "session kick --user alice@example.net"});
  name_sessions(kicker, *kicked);
  on_run<Options>(kicker, context, kicked, kick);
  auto traced = std::make_shared<Options>();
  CLI::App& tracer = add_verb(
      noun, "trace", "write the protocol of sessions to the server's log, without secrets and content, while they last",
      {"session trace 7f3a91c", "session trace --user alice@example.net", "session trace 7f3a91c --off"});
  name_sessions(tracer, *traced);
  tracer.add_flag("--off", traced->off, "stop it");
  on_run<Options>(tracer, context, traced, trace);
}

}  // namespace cpm::admin
