// cpmctl group: groups of accounts, which access control entries name as group:NAME.
#include "admin/cli.h"
#include "admin/output.h"
#include "schema/accounts.h"
#include "schema/acl.h"
#include "schema/change_feed.h"

namespace cpm::admin {

namespace {

using schema::Transaction;

constexpr MailboxId kNames{0};  // imap/session/change_hub.h

struct GroupOptions {
  std::string name, address;
  bool yes = false;
};

Json to_json(const schema::AclGroup& group) {
  return {{"name", group.name}, {"identifier", "group:" + group.name}, {"members", group.members}};
}

Error explained(Error error) {
  if (error.text == "no such group") return with_hint(error, "See which there are: cpmctl group list");
  return hint_missing_user(error);
}

Result<void> add(Context& context, const GroupOptions& options) {
  CPM_CHECK(context.store());
  auto group = context.run([&](Transaction& tx) -> Result<schema::AclGroup> {
    CPM_TRY(made, schema::add_group(tx, options.name));
    context.note(tx, schema::AuditCommand::acl, schema::kWholeStore, {{"group", options.name}, {"what", "added"}});
    return made;
  });
  if (!group) return group.error();
  print_done(context, "group " + group->name + " is there; entries name it group:" + group->name,
             {{"group", to_json(*group)}});
  return {};
}

Result<void> list(Context& context, const GroupOptions&) {
  auto groups = context.run([](Transaction& tx) { return schema::list_groups(tx); });
  if (!groups) return groups.error();
  Json all = Json::array();
  Table table({"NAME", ">MEMBERS"});
  for (const schema::AclGroup& group : *groups) {
    all.push_back(to_json(group));
    table.add({printable(group.name), std::to_string(group.members.size())});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

Result<void> show(Context& context, const GroupOptions& options) {
  auto group = context.run([&](Transaction& tx) { return schema::find_group(tx, options.name); });
  if (!group) return explained(group.error());
  if (context.json) {
    print_json(context.io.out, to_json(*group));
    return {};
  }
  for (const std::string& member : group->members) context.io.out << member << '\n';
  return {};
}

Result<void> remove(Context& context, const GroupOptions& options) {
  CPM_CHECK(context.store());
  auto there = context.run([&](Transaction& tx) { return schema::find_group(tx, options.name); });
  if (!there) return explained(there.error());
  CPM_CHECK(confirm(context, options.yes,
                    "Remove group " + options.name + " with everything that is granted to it (" +
                        std::to_string(there->members.size()) + " members)?"));
  auto done = context.run([&](Transaction& tx) -> Result<void> {
    CPM_CHECK(schema::delete_group(tx, options.name));
    context.note(tx, schema::AuditCommand::acl, schema::kWholeStore, {{"group", options.name}, {"what", "deleted"}});
    return {};
  });
  if (!done) return explained(done.error());
  print_done(context, "group " + options.name + " and what was granted to it are gone",
             {{"group", {{"name", options.name}}}});
  return {};
}

// The member's sessions look at their names anew.
Result<void> member(Context& context, const GroupOptions& options, bool in) {
  CPM_CHECK(context.store());
  auto account = context.run([&](Transaction& tx) -> Result<schema::AccountRow> {
    CPM_TRY(row, schema::find_account(tx, options.address));
    CPM_CHECK(in ? schema::add_member(tx, options.name, options.address)
                 : schema::remove_member(tx, options.name, options.address));
    context.note(tx, schema::AuditCommand::acl, row.id, {{"group", options.name}, {"what", in ? "joined" : "left"}});
    return row;
  });
  if (!account) return explained(account.error());
  [[maybe_unused]] const auto told = context.run([&](Transaction& tx) -> Result<void> {
    schema::announce(tx, account->id, kNames);
    return {};
  });
  print_done(context,
             account->address + (in ? " is in group " : " is not in group ") + options.name + (in ? "" : " any more"),
             {{"group", options.name}, {"address", account->address}, {"member", in}});
  return {};
}

Result<void> member_add(Context& context, const GroupOptions& options) { return member(context, options, true); }
Result<void> member_remove(Context& context, const GroupOptions& options) { return member(context, options, false); }

}  // namespace

void add_group(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "group", "groups of users, to whom mailboxes are shared as group:NAME",
                            {"group add staff", "group member add staff bob@example.net", "group show staff"});
  const auto named = [&](CLI::App& verb) {
    auto options = std::make_shared<GroupOptions>();
    verb.add_option("name", options->name, "the group, without group:")->required()->type_name("NAME");
    return options;
  };
  CLI::App& adder = add_verb(noun, "add", "a new group without members", {"group add staff"});
  on_run<GroupOptions>(adder, context, named(adder), add);

  CLI::App& lister = add_verb(noun, "list", "all groups", {"group list"});
  on_run<GroupOptions>(lister, context, std::make_shared<GroupOptions>(), list);

  CLI::App& shower = add_verb(noun, "show", "the members of a group", {"group show staff"});
  on_run<GroupOptions>(shower, context, named(shower), show);

  CLI::App& remover =
      add_verb(noun, "remove", "with everything that is granted to it; asks", {"group remove staff --yes"});
  auto removed = named(remover);
  remover.add_flag("--yes", removed->yes, "do not ask");
  on_run<GroupOptions>(remover, context, removed, remove);

  CLI::App& members = add_noun(noun, "member", "who is in a group", {"group member add staff bob@example.net"});
  for (const bool in : {true, false}) {
    CLI::App& verb =
        in ? add_verb(members, "add", "from now on the user may do what the group may",
                      {"group member add staff bob@example.net"})
           : add_verb(members, "remove", "from now on the user may not", {"group member remove staff bob@example.net"});
    auto options = named(verb);
    verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
    on_run<GroupOptions>(verb, context, options, in ? member_add : member_remove);
  }
}

}  // namespace cpm::admin
