// cpmctl lockout: names and peer networks whose failed logins are counted, and how to let one in again.
#include "admin/cli.h"
#include "admin/live_server.h"
#include "base/percent.h"

namespace cpm::admin {

namespace {

struct Options {
  std::string key;
};

std::int64_t number_of(const Json& row, const char* name) {
  const auto at = row.find(name);
  return at != row.end() && at->is_number_integer() ? at->get<std::int64_t>() : 0;
}

Result<void> list(Context& context, const Options&) {
  CPM_TRY(server, LiveServer::find(context));
  CPM_TRY(rows, server.list("/admin/lockouts", "lockouts"));
  if (context.json) {
    print_json(context.io.out, rows);
    return {};
  }
  Table table({"KIND", "NAME OR NETWORK", "FAILURES", "LOCKS", "LOCKED FOR"});
  for (const Json& row : rows) {
    const std::int64_t seconds = number_of(row, "locked_for");
    table.add({printable(text_of(row, "kind")), printable(text_of(row, "key")),
               std::to_string(number_of(row, "failures")), std::to_string(number_of(row, "locks")),
               seconds > 0 ? std::to_string(seconds) + " s" : "not locked"});
  }
  table.print(context.io.out);
  return {};
}

Result<void> clear(Context& context, const Options& options) {
  CPM_TRY(server, LiveServer::find(context));
  CPM_TRY(there, server.change("DELETE", "/admin/lockouts/" + percent_encode(options.key)));
  if (!there) {
    return fail(Failure::not_found,
                "no failed logins are counted for " + options.key + "\nSee what is: cpmctl lockout list");
  }
  print_done(context, options.key + " may log in again", {{"cleared", options.key}});
  return {};
}

}  // namespace

void add_lockout(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "lockout", "failed logins that the running server counts, by name and by network",
                            {"lockout list", "lockout clear alice@example.net", "lockout clear 192.0.2.0/24"});
  auto none = std::make_shared<Options>();
  CLI::App& lister = add_verb(noun, "list",
                              "names and networks with failures in the present window, and for how long "
                              "they are locked",
                              {"lockout list", "lockout list --json"});
  on_run<Options>(lister, context, none, list);
  auto chosen = std::make_shared<Options>();
  CLI::App& clearer = add_verb(noun, "clear", "forget the failures of a name, a network or an address's network",
                               {"lockout clear alice@example.net", "lockout clear 192.0.2.17"});
  clearer.add_option("key", chosen->key, "as `lockout list` shows it, or an IP address")
      ->type_name("NAME|NETWORK")
      ->required();
  on_run<Options>(clearer, context, chosen, clear);
}

}  // namespace cpm::admin
