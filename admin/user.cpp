// cpmctl user: accounts, their passwords and addresses.
#include "admin/cli.h"
#include "admin/live_server.h"
#include "admin/output.h"
#include "admin/password.h"
#include "admin/size.h"
#include "schema/accounts.h"

#include <iostream>

namespace cpm::admin {

namespace {

using schema::AccountRow;
using schema::AuditCommand;
using schema::Transaction;
constexpr std::size_t kPage = 500;

struct AddOptions {
  std::string address, storage = "none", messages = "none";
  std::vector<std::string> aliases;
  PasswordOptions password;
};
struct OneOptions {
  std::string address;
  std::string other;  // rename: the new address; alias: the alias
  PasswordOptions password;
  bool yes = false;
};

Json to_json(const AccountRow& row) {
  return {{"address", row.address},
          {"aliases", row.aliases},
          {"disabled", row.disabled},
          {"used_octets", row.used_bytes},
          {"used_messages", row.used_messages},
          {"limit_octets", limit_json(row.limit_bytes)},
          {"limit_messages", limit_json(row.limit_messages)},
          {"created", time_text(row.created)}};
}

Result<void> add(Context& context, const AddOptions& options) {
  CPM_TRY(storage, parse_size_limit(options.storage));
  CPM_TRY(messages, parse_count_limit(options.messages));
  CPM_TRY(config, context.config());
  CPM_CHECK(context.store());  // before a password is asked for
  CPM_TRY(keys, read_keys(context, options.password, options.address));
  const schema::NewAccount account{options.address, options.aliases, keys,
                                   storage,         messages,        config->account_mailboxes};
  auto row = context.run([&](Transaction& tx) -> Result<AccountRow> {
    CPM_TRY(made, schema::add_account(tx, account, config->limits));
    context.note(tx, AuditCommand::user_add, made.id, {{"address", made.address}});
    return made;
  });
  if (!row) {
    if (row.error().failure != Failure::exists) return row.error();
    const std::string taken = row.error().text.substr(0, row.error().text.find(' '));  // the address or an alias
    return with_hint(row.error(), "See who has it: cpmctl user show " + taken);
  }
  print_done(context, "added " + row->address, {{"user", to_json(*row)}});
  return {};
}

Result<void> list(Context& context, const OneOptions&) {
  Table table({"ADDRESS", "STATE", ">MESSAGES", ">SIZE", ">LIMIT", "ALIASES"});
  Json all = Json::array();
  std::string after;
  while (true) {
    auto rows = context.run([&](Transaction& tx) { return schema::list_accounts(tx, after, kPage); });
    if (!rows) return rows.error();
    for (const AccountRow& row : *rows) {
      if (context.json) {
        all.push_back(to_json(row));
        continue;
      }
      std::string aliases;
      for (const std::string& alias : row.aliases) aliases += (aliases.empty() ? "" : " ") + alias;
      table.add({row.address, row.disabled ? "disabled" : "active", std::to_string(row.used_messages),
                 size_text(row.used_bytes), size_text(row.limit_bytes), aliases});
    }
    if (rows->size() < kPage) break;
    after = rows->back().address;
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

Result<void> show(Context& context, const OneOptions& options) {
  auto row = context.run([&](Transaction& tx) { return schema::find_account(tx, options.address); });
  if (!row) return hint_missing_user(row.error());
  if (context.json) {
    print_json(context.io.out, to_json(*row));
    return {};
  }
  std::ostream& out = context.io.out;
  out << "address   " << row->address << '\n';
  for (const std::string& alias : row->aliases) out << "alias     " << alias << '\n';
  out << "state     " << (row->disabled ? "disabled" : "active") << '\n'
      << "created   " << time_text(row->created) << '\n'
      << "storage   " << size_text(row->used_bytes) << " of " << size_text(row->limit_bytes) << '\n'
      << "messages  " << row->used_messages << " of " << count_text(row->limit_messages) << '\n';
  return {};
}

Result<void> passwd(Context& context, const OneOptions& options) {
  // A wrong name is told before a password is typed.
  auto login = context.run([&](Transaction& tx) { return schema::login_record(tx, options.address); });
  if (!login) return hint_missing_user(login.error());
  CPM_TRY(keys, read_keys(context, options.password, login->name));
  if (!keys) return fail(Failure::invalid, "a password is needed");
  auto done = context.run([&](Transaction& tx) -> Result<void> {
    CPM_CHECK(schema::set_password(tx, options.address, *keys));
    if (login->service) {
      context.note(tx, AuditCommand::service, schema::kWholeStore, {{"service", login->name}, {"what", "password"}});
    } else {
      context.note(tx, AuditCommand::user_change, login->account, {{"what", "password"}});
    }
    return {};
  });
  if (!done) return hint_missing_user(done.error());
  print_done(context, "changed the password of " + login->name, {{"name", login->name}});
  return {};
}

// One change with one sentence, and the account as it is afterwards.
template <class Function>
Result<void> change(Context& context, const OneOptions& options, const std::string& now, const std::string& sentence,
                    Function function) {
  auto row = context.run([&](Transaction& tx) -> Result<AccountRow> {
    CPM_CHECK(function(tx));
    context.note(tx, AuditCommand::user_change, now, {{"what", sentence}});
    return schema::find_account(tx, now);
  });
  if (!row) return hint_missing_user(row.error());
  static_cast<void>(options);
  print_done(context, sentence, {{"user", to_json(*row)}});
  return {};
}

Result<void> rename(Context& context, const OneOptions& options) {
  return change(context, options, options.other, "renamed " + options.address + " to " + options.other,
                [&](Transaction& tx) { return schema::rename_account(tx, options.address, options.other); });
}

Result<void> disable(Context& context, const OneOptions& options) {
  auto row = context.run([&](Transaction& tx) -> Result<schema::AccountRow> {
    CPM_CHECK(schema::set_disabled(tx, options.address, true));
    context.note(tx, AuditCommand::user_change, options.address, {{"what", "disabled"}});
    return schema::find_account(tx, options.address);
  });
  if (!row) return hint_missing_user(row.error());
  const std::size_t ended = end_sessions(context, row->address);
  print_done(
      context,
      "disabled " + row->address + (ended > 0 ? ", ended " + std::to_string(ended) + " sessions" : std::string()),
      {{"user", to_json(*row)}, {"ended_sessions", ended}});
  return {};
}

Result<void> enable(Context& context, const OneOptions& options) {
  return change(context, options, options.address, "enabled " + options.address,
                [&](Transaction& tx) { return schema::set_disabled(tx, options.address, false); });
}

Result<void> alias_add(Context& context, const OneOptions& options) {
  return change(context, options, options.address, options.other + " is now an address of " + options.address,
                [&](Transaction& tx) { return schema::add_alias(tx, options.address, options.other); });
}

Result<void> alias_remove(Context& context, const OneOptions& options) {
  return change(context, options, options.address, options.other + " is no longer an address of " + options.address,
                [&](Transaction& tx) { return schema::remove_alias(tx, options.address, options.other); });
}

Result<void> remove(Context& context, const OneOptions& options) {
  auto row = context.run([&](Transaction& tx) { return schema::find_account(tx, options.address); });
  if (!row) return hint_missing_user(row.error());
  CPM_CHECK(confirm(context, options.yes,
                    "Delete " + row->address + " with " + std::to_string(row->used_messages) + " messages (" +
                        size_text(row->used_bytes) + ")?"));
  auto done = context.run([&](Transaction& tx) -> Result<void> {
    // In its own record, which outlives it, and in that of the installation, where it is found without the address.
    context.note(tx, AuditCommand::user_remove, row->id, {{"address", row->address}});
    context.note(tx, AuditCommand::user_remove, schema::kWholeStore,
                 {{"address", row->address}, {"account", std::to_string(row->id.value)}});
    return schema::delete_account(tx, options.address);
  });
  if (!done) return hint_missing_user(done.error());
  const std::size_t ended = end_sessions(context, row->address);
  print_done(context,
             "deleted " + row->address + (ended > 0 ? ", ended " + std::to_string(ended) + " sessions" : std::string()),
             {{"user", to_json(*row)}, {"ended_sessions", ended}});
  return {};
}

void password_options(CLI::App& verb, PasswordOptions& options, bool may_be_none) {
  verb.add_flag("--password-stdin", options.from_stdin, "take the first line of standard input as the password");
  if (may_be_none) {
    verb.add_flag("--no-password", options.none, "no login by password (tokens, client certificates, services)")
        ->excludes("--password-stdin");
  }
}

void add_one(CLI::App& noun, Context& context, const std::string& name, const std::string& help,
             const std::vector<std::string>& examples, Result<void> (*function)(Context&, const OneOptions&),
             const std::function<void(CLI::App&, OneOptions&)>& more = {}) {
  auto options = std::make_shared<OneOptions>();
  CLI::App& verb = add_verb(noun, name, help, examples);
  verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
  if (more) more(verb, *options);
  on_run<OneOptions>(verb, context, options, function);
}

}  // namespace

void add_user(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "user", "accounts, their passwords and addresses",
                            {"user add alice@example.net --alias tel:+15550100 --quota-storage 10G", "user list --json",
                             "user disable alice@example.net"});
  auto options = std::make_shared<AddOptions>();
  CLI::App& verb =
      add_verb(noun, "add", "add a user; the password is asked for, or read with --password-stdin",
               {"user add alice@example.net", "user add tel:+15550100 --alias sip:alice@example.net --no-password",
                "user add bob@example.net --quota-storage 10G --quota-messages 100000 --password-stdin < secret"});
  verb.add_option("address", options->address, "first address: user@host, tel:, sip: or a plain name")
      ->required()
      ->type_name("ADDRESS");
  verb.add_option("--alias", options->aliases, "another address of the same user; may be repeated")
      ->type_name("ADDRESS")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.add_option("--quota-storage", options->storage, "storage limit: 10G, 500M, none")->type_name("SIZE");
  verb.add_option("--quota-messages", options->messages, "message limit: a number, or none")->type_name("N");
  password_options(verb, options->password, true);
  on_run<AddOptions>(verb, context, options, add);

  CLI::App& lister = add_verb(noun, "list", "all users with what they use", {"user list", "user list --json"});
  on_run<OneOptions>(lister, context, std::make_shared<OneOptions>(), list);
  add_one(noun, context, "show", "one user", {"user show alice@example.net"}, show);
  add_one(noun, context, "passwd", "set a new password; also of a service",
          {"user passwd alice@example.net", "user passwd alice@example.net --password-stdin < secret"}, passwd,
          [](CLI::App& app, OneOptions& one) { password_options(app, one.password, false); });
  add_one(noun, context, "rename", "change the first address",
          {"user rename alice@example.net alice.miller@example.net"}, rename, [](CLI::App& app, OneOptions& one) {
            app.add_option("new", one.other, "the new first address")->required()->type_name("ADDRESS");
          });
  add_one(noun, context, "disable", "refuse logins from now on; nothing is deleted", {"user disable alice@example.net"},
          disable);
  add_one(noun, context, "enable", "allow logins again", {"user enable alice@example.net"}, enable);
  add_one(noun, context, "delete", "delete the user with all mailboxes and messages",
          {"user delete alice@example.net", "user delete alice@example.net --yes"}, remove,
          [](CLI::App& app, OneOptions& one) { app.add_flag("--yes", one.yes, "do not ask"); });

  CLI::App& alias =
      add_noun(noun, "alias", "further addresses of a user",
               {"user alias add alice@example.net tel:+15550100", "user alias remove alice@example.net tel:+15550100"});
  const auto second = [](CLI::App& app, OneOptions& one) {
    app.add_option("alias", one.other, "the further address")->required()->type_name("ALIAS");
  };
  add_one(alias, context, "add", "give the user one more address", {"user alias add alice@example.net tel:+15550100"},
          alias_add, second);
  add_one(alias, context, "remove", "take an address away", {"user alias remove alice@example.net tel:+15550100"},
          alias_remove, second);
}

}  // namespace cpm::admin
