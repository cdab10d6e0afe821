// cpmctl service: identities of other programs that act for users (authzid).
#include "admin/cli.h"
#include "admin/output.h"
#include "admin/password.h"
#include "schema/accounts.h"

#include <algorithm>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::ServiceRow;
using schema::Transaction;

struct AddOptions {
  std::string name, role;
  std::vector<std::string> patterns;
  PasswordOptions password;
};
struct NameOptions {
  std::string name;
  bool yes = false;
};

const char* role_name(schema::Role role) { return role == schema::Role::full ? "full" : "deposit"; }

Json to_json(const ServiceRow& row) {
  return {
      {"name", row.name}, {"role", role_name(row.role)}, {"for", row.patterns}, {"created", time_text(row.created)}};
}

Result<std::vector<ServiceRow>> all_services(Context& context) {
  return context.run([](Transaction& tx) { return schema::list_services(tx); });
}

Result<ServiceRow> find(Context& context, const std::string& name) {
  CPM_TRY(rows, all_services(context));
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const ServiceRow& row) { return row.name == name; });
  if (at == rows.end()) {
    return fail(Failure::not_found, "there is no service \"" + name + "\"\nSee which there are: cpmctl service list");
  }
  return *at;
}

Result<void> add(Context& context, const AddOptions& options) {
  CPM_CHECK(context.store());
  CPM_TRY(keys, read_keys(context, options.password, options.name));
  const ServiceRow wanted{
      options.name, options.role == "full" ? schema::Role::full : schema::Role::deposit, options.patterns, {}};
  auto done = context.run([&](Transaction& tx) -> Result<void> {
    CPM_CHECK(schema::add_service(tx, wanted, keys));
    std::string patterns;
    for (const std::string& pattern : wanted.patterns) patterns += (patterns.empty() ? "" : " ") + pattern;
    context.note(tx, schema::AuditCommand::service, schema::kWholeStore,
                 {{"service", wanted.name}, {"what", "added"}, {"role", role_name(wanted.role)}, {"for", patterns}});
    return {};
  });
  if (!done) return done.error();
  auto row = find(context, options.name);
  print_done(context, "added the service " + options.name, {{"service", to_json(row ? *row : wanted)}});
  return {};
}

Result<void> list(Context& context, const NameOptions&) {
  CPM_TRY(rows, all_services(context));
  Json all = Json::array();
  Table table({"NAME", "ROLE", "FOR"});
  for (const ServiceRow& row : rows) {
    all.push_back(to_json(row));
    std::string patterns;
    for (const std::string& pattern : row.patterns) patterns += (patterns.empty() ? "" : " ") + pattern;
    table.add({row.name, role_name(row.role), patterns});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

Result<void> remove(Context& context, const NameOptions& options) {
  CPM_TRY(row, find(context, options.name));
  CPM_CHECK(confirm(context, options.yes, "Delete the service " + row.name + "?"));
  auto done = context.run([&](Transaction& tx) -> Result<void> {
    context.note(tx, schema::AuditCommand::service, schema::kWholeStore, {{"service", row.name}, {"what", "deleted"}});
    return schema::delete_service(tx, options.name);
  });
  if (!done) return done.error();
  print_done(context, "deleted the service " + row.name, {{"service", to_json(row)}});
  return {};
}

}  // namespace

void add_service(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "service", "programs that log in with a name of their own and act for users",
                            {"service add rcs-core --role deposit --for '*@example.net'", "service list"});
  auto options = std::make_shared<AddOptions>();
  CLI::App& verb = add_verb(noun, "add", "add a service; it names the user it acts for as authorization identity",
                            {"service add rcs-core --role deposit --for '*@example.net' --for 'tel:+1555*'",
                             "service add backup --role full --for '*' --password-stdin < secret"});
  verb.add_option("name", options->name, "name the service logs in with")->required()->type_name("NAME");
  verb.add_option("--role", options->role, "deposit: store and mark messages; full: everything the user may do")
      ->required()
      ->check(CLI::IsMember({"deposit", "full"}))
      ->type_name("ROLE");
  verb.add_option("--for", options->patterns, "addresses it may act for, with * and ?; may be repeated")
      ->required()
      ->type_name("PATTERN")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.add_flag("--password-stdin", options->password.from_stdin,
                "take the first line of standard input as the password");
  verb.add_flag("--no-password", options->password.none, "no login by password (tokens, client certificates)")
      ->excludes("--password-stdin");
  on_run<AddOptions>(verb, context, options, add);

  CLI::App& lister = add_verb(noun, "list", "all services", {"service list"});
  on_run<NameOptions>(lister, context, std::make_shared<NameOptions>(), list);

  auto named = std::make_shared<NameOptions>();
  CLI::App& remover = add_verb(noun, "delete", "delete a service", {"service delete rcs-core --yes"});
  remover.add_option("name", named->name, "name of the service")->required()->type_name("NAME");
  remover.add_flag("--yes", named->yes, "do not ask");
  on_run<NameOptions>(remover, context, named, remove);
}

}  // namespace cpm::admin
