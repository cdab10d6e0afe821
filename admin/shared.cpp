// cpmctl shared: accounts whose mailboxes others see under Shared/NAME instead of under Other Users/ADDRESS.
#include "admin/cli.h"
#include "admin/output.h"
#include "schema/acl.h"

namespace cpm::admin {

namespace {

using schema::Transaction;

struct SharedOptions {
  std::string name, address;
  bool yes = false;
};

Json to_json(const schema::SharedName& row) { return {{"name", row.name}, {"address", row.address}}; }

Result<void> add(Context& context, const SharedOptions& options) {
  CPM_CHECK(context.store());
  auto done = context.run([&](Transaction& tx) -> Result<void> {
    CPM_CHECK(schema::add_shared_name(tx, options.name, options.address));
    context.note(tx, schema::AuditCommand::acl, schema::kWholeStore,
                 {{"shared_name", options.name}, {"what", "added"}});
    return {};
  });
  if (!done && done.error().failure == Failure::exists) {
    return fail(Failure::exists, "the name is taken, or the account has one\nSee which there are: cpmctl shared list");
  }
  if (!done) return done.error();
  print_done(context, "mailboxes of " + options.address + " stand under Shared/" + options.name,
             {{"shared", to_json({options.name, options.address})}});
  return {};
}

Result<void> list(Context& context, const SharedOptions&) {
  auto rows = context.run([](Transaction& tx) { return schema::list_shared_names(tx); });
  if (!rows) return rows.error();
  Json all = Json::array();
  Table table({"NAME", "ADDRESS"});
  for (const schema::SharedName& row : *rows) {
    all.push_back(to_json(row));
    table.add({row.name, row.address});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

Result<void> remove(Context& context, const SharedOptions& options) {
  CPM_CHECK(context.store());
  auto done = context.run([&](Transaction& tx) -> Result<void> {
    CPM_CHECK(schema::remove_shared_name(tx, options.name));
    context.note(tx, schema::AuditCommand::acl, schema::kWholeStore,
                 {{"shared_name", options.name}, {"what", "removed"}});
    return {};
  });
  if (!done) return done.error();
  print_done(context, "the mailboxes stand under Other Users/ again", {{"shared", {{"name", options.name}}}});
  return {};
}

}  // namespace

void add_shared(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "shared", "accounts that are shared under a name of their own",
                            {"shared add support support@example.net", "shared list"});
  auto options = std::make_shared<SharedOptions>();
  CLI::App& verb =
      add_verb(noun, "add", "show the mailboxes of an account under Shared/NAME; rights are given by cpmctl acl",
               {"shared add support support@example.net"});
  verb.add_option("name", options->name, "without blanks, / * and %")->required()->type_name("NAME");
  verb.add_option("address", options->address, "any address of the account")->required()->type_name("ADDRESS");
  on_run<SharedOptions>(verb, context, options, add);

  CLI::App& lister = add_verb(noun, "list", "all names", {"shared list"});
  on_run<SharedOptions>(lister, context, std::make_shared<SharedOptions>(), list);

  auto named = std::make_shared<SharedOptions>();
  CLI::App& remover = add_verb(noun, "remove", "show them under Other Users/ADDRESS again; nothing is deleted",
                               {"shared remove support"});
  remover.add_option("name", named->name, "the name")->required()->type_name("NAME");
  on_run<SharedOptions>(remover, context, named, remove);
}

}  // namespace cpm::admin
