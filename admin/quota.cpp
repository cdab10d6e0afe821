// cpmctl quota: what an account, and subtrees of its mailboxes, may hold, and at which levels is warned.
#include "schema/quota.h"
#include "admin/cli.h"
#include "admin/output.h"
#include "admin/size.h"
#include "schema/accounts.h"

#include <array>
#include <charconv>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::QuotaLimits;
using schema::QuotaRoot;
using schema::Transaction;

// In the order of schema::Resource.
constexpr std::array<const char*, 4> kNames{"storage", "messages", "mailboxes", "annotations"};
constexpr std::array<const char*, 4> kKeys{"octets", "messages", "mailboxes", "annotation_octets"};

bool in_octets(std::size_t resource) { return resource == 0 || resource == 3; }

struct Options {
  std::string address, path, levels;
  std::array<std::optional<std::string>, 4> limits;
};

// -- what is shown

struct Shown {
  std::string address;
  std::vector<QuotaRoot> roots;  // the account's first
  schema::QuotaWarningsInForce warn;
};

Result<Shown> read(Transaction& tx, const std::string& address) {
  CPM_TRY(account, schema::find_account(tx, address));
  CPM_TRY(roots, schema::quota_roots(tx, account.id));
  CPM_TRY(warn, schema::quota_warnings(tx, account.id));
  return Shown{account.address, std::move(roots), std::move(warn)};
}

void add_resources(Json& json, const QuotaRoot& root) {
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    json[std::string("used_") + kKeys[i]] = root.used[i];
    json[std::string("limit_") + kKeys[i]] = limit_json(root.limits[i]);
  }
  json["level"] = root.level;
}

std::string levels_text(const schema::QuotaWarnings& levels) {
  std::string out;
  for (const int level : levels) out += (out.empty() ? "" : ",") + std::to_string(level);
  return out.empty() ? "none" : out;
}

void print(Context& context, const Shown& shown) {
  if (context.json) {
    Json json{{"address", shown.address}};
    add_resources(json, shown.roots.front());
    json["warn"] = shown.warn.levels;
    json["warn_own"] = shown.warn.own;
    json["roots"] = Json::array();
    for (std::size_t i = 1; i < shown.roots.size(); ++i) {
      Json root{{"root", shown.roots[i].path}};
      add_resources(root, shown.roots[i]);
      json["roots"].push_back(std::move(root));
    }
    print_json(context.io.out, json);
    return;
  }
  const bool several = shown.roots.size() > 1;
  Table table(several ? std::vector<std::string>{"ROOT", "RESOURCE", ">USED", ">LIMIT", ">LEVEL"}
                      : std::vector<std::string>{"RESOURCE", ">USED", ">LIMIT"});
  for (const QuotaRoot& root : shown.roots) {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      std::vector<std::string> row;
      if (several) row.push_back(i > 0 ? "" : root.path.empty() ? "(account)" : root.path);
      row.emplace_back(kNames[i]);
      row.push_back(in_octets(i) ? size_text(root.used[i]) : std::to_string(root.used[i]));
      row.push_back(in_octets(i) ? size_text(root.limits[i]) : count_text(root.limits[i]));
      if (several) row.push_back(i > 0 || root.level == 0 ? "" : std::to_string(root.level) + " %");
      table.add(row);
    }
  }
  table.print(context.io.out);
  context.io.out << "warned at " << levels_text(shown.warn.levels) << (shown.warn.levels.empty() ? "" : " percent")
                 << (shown.warn.own ? "" : " (as all)") << '\n';
}

void warn_if_above(Context& context, const QuotaRoot& root) {
  if (context.json) return;
  for (std::size_t i = 0; i < root.used.size(); ++i) {
    if (!root.limits[i] || root.used[i] <= *root.limits[i]) continue;
    context.io.err << (root.path.empty() ? "The account" : root.path)
                   << " is above its limit now: nothing is deleted, but nothing more can be stored.\n";
    return;
  }
}

// -- verbs

Error hint_missing_root(const Error& error, const Options& options) {
  if (error.text != "no such quota root") return hint_missing_user(error);
  return fail(error.failure, error.text + ": " + options.path + "\nMake it: cpmctl quota root add " + options.address +
                                 " " + options.path);
}

// What is named; the rest stays as `now`.
Result<QuotaLimits> limits_from(const Options& options, QuotaLimits now) {
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (!options.limits[i]) continue;
    CPM_TRY(value, in_octets(i) ? parse_size_limit(*options.limits[i]) : parse_count_limit(*options.limits[i]));
    now[i] = value;
  }
  return now;
}

bool names_limit(const Options& options) {
  return std::any_of(options.limits.begin(), options.limits.end(), [](const auto& limit) { return limit.has_value(); });
}

Result<void> show(Context& context, const Options& options) {
  auto shown = context.run([&](Transaction& tx) { return read(tx, options.address); });
  if (!shown) return hint_missing_user(shown.error());
  print(context, *shown);
  return {};
}

Result<void> set(Context& context, const Options& options) {
  if (!names_limit(options)) {
    return fail(
        Failure::invalid,
        "nothing to set\nName --storage SIZE, --messages N, --mailboxes N or --annotations SIZE; none removes a "
        "limit");
  }
  CPM_CHECK(limits_from(options, {}));  // before anything is asked
  const std::string path = canonical_path(options.path);
  auto shown = context.run([&](Transaction& tx) -> Result<Shown> {
    CPM_TRY(account, schema::find_account(tx, options.address));
    CPM_TRY(root, schema::quota_root(tx, account.id, path));
    CPM_TRY(limits, limits_from(options, root.limits));
    CPM_CHECK(schema::set_quota(tx, account.id, path, limits));
    context.note(tx, schema::AuditCommand::quota, account.id,
                 {{"root", path},
                  {"storage", options.limits[0].value_or("as before")},
                  {"messages", options.limits[1].value_or("as before")},
                  {"mailboxes", options.limits[2].value_or("as before")},
                  {"annotations", options.limits[3].value_or("as before")}});
    return read(tx, options.address);
  });
  if (!shown) return hint_missing_root(shown.error(), options);
  print(context, *shown);
  for (const QuotaRoot& root : shown->roots) {
    if (root.path == path) warn_if_above(context, root);
  }
  return {};
}

Result<void> add_root(Context& context, const Options& options) {
  CPM_TRY(config, context.config());
  CPM_TRY(limits, limits_from(options, {}));
  auto shown = context.run([&](Transaction& tx) -> Result<Shown> {
    CPM_TRY(account, schema::find_account(tx, options.address));
    CPM_CHECK(schema::add_quota_root(tx, account.id, canonical_path(options.path), limits, config->limits));
    return read(tx, options.address);
  });
  if (!shown) return hint_missing_user(shown.error());
  print(context, *shown);
  for (const QuotaRoot& root : shown->roots) {
    if (root.path == canonical_path(options.path)) warn_if_above(context, root);
  }
  return {};
}

Result<void> remove_root(Context& context, const Options& options) {
  auto shown = context.run([&](Transaction& tx) -> Result<Shown> {
    CPM_TRY(account, schema::find_account(tx, options.address));
    CPM_CHECK(schema::remove_quota_root(tx, account.id, canonical_path(options.path)));
    return read(tx, options.address);
  });
  if (!shown) return hint_missing_root(shown.error(), options);
  print(context, *shown);
  return {};
}

// "80,95" or "none".
Result<schema::QuotaWarnings> parse_levels(const std::string& text) {
  schema::QuotaWarnings levels;
  if (text == "none") return levels;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    int level = 0;
    const auto [next, error] = std::from_chars(at, end, level);
    if (error != std::errc() || (next != end && *next != ',')) {
      return fail(Failure::invalid, "\"" + text + "\" is not a list of levels\nPercents as 80,95, or none");
    }
    levels.push_back(level);
    if (next == end) return levels;
    at = next + 1;
  }
}

Result<void> print_default_levels(Context& context, const schema::QuotaWarnings& levels) {
  if (context.json) {
    print_json(context.io.out, {{"warn", levels}});
  } else {
    context.io.out << "warned at " << levels_text(levels) << (levels.empty() ? "" : " percent") << '\n';
  }
  return {};
}

// Of the installation: the accounts follow in small transactions, so that nobody waits for all of them.
Result<void> warn_all(Context& context, const Options& options) {
  if (!options.levels.empty()) {
    CPM_TRY(levels, parse_levels(options.levels));
    CPM_CHECK(context.run([&](Transaction& tx) { return schema::set_default_quota_warnings(tx, levels); }));
    for (AccountId after;;) {
      auto last = context.run([&](Transaction& tx) { return schema::renew_quota_levels(tx, after); });
      if (!last) return last.error();
      if (!*last) break;
      after = *last;
    }
  }
  auto levels =
      context.run([&](Transaction& tx) -> Result<schema::QuotaWarnings> { return schema::default_quota_warnings(tx); });
  if (!levels) return levels.error();
  return print_default_levels(context, *levels);
}

Result<void> warn(Context& context, const Options& options) {
  if (options.address.empty()) {
    if (options.levels == "default") return fail(Failure::invalid, "default is for one user: name it with --user");
    return warn_all(context, options);
  }
  std::optional<schema::QuotaWarnings> levels;
  if (!options.levels.empty() && options.levels != "default") {
    CPM_TRY(parsed, parse_levels(options.levels));
    levels = parsed;
  }
  auto shown = context.run([&](Transaction& tx) -> Result<Shown> {
    CPM_TRY(account, schema::find_account(tx, options.address));
    if (!options.levels.empty()) {
      CPM_CHECK(schema::set_quota_warnings(tx, account.id, levels));
      context.note(tx, schema::AuditCommand::quota, account.id, {{"warn", options.levels}});
    }
    return read(tx, options.address);
  });
  if (!shown) return hint_missing_user(shown.error());
  if (context.json) {
    print_json(context.io.out, {{"address", shown->address}, {"warn", shown->warn.levels}, {"own", shown->warn.own}});
  } else {
    context.io.out << shown->address << " is warned at " << levels_text(shown->warn.levels)
                   << (shown->warn.levels.empty() ? "" : " percent") << (shown->warn.own ? "" : " (as all)") << '\n';
  }
  return {};
}

void add_limits(CLI::App& verb, Options& options) {
  verb.add_option("--storage", options.limits[0], "octets of messages: 10G, 500M, none")->type_name("SIZE");
  verb.add_option("--messages", options.limits[1], "number of messages, or none")->type_name("N");
  verb.add_option("--mailboxes", options.limits[2], "number of mailboxes, or none")->type_name("N");
  verb.add_option("--annotations", options.limits[3], "octets of annotations, names and values, or none")
      ->type_name("SIZE");
}

void add_address(CLI::App& verb, Options& options) {
  verb.add_option("address", options.address, "any address of the user")->required()->type_name("ADDRESS");
}

}  // namespace

void add_quota(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "quota", "how much a user may store",
                            {"quota set alice@example.net --storage 10G", "quota show alice@example.net"});

  auto to_set = std::make_shared<Options>();
  CLI::App& setter = add_verb(
      noun, "set", "set limits; what is not named stays",
      {"quota set alice@example.net --storage 10G --messages 100000", "quota set alice@example.net --storage none",
       "quota set alice@example.net --root Archive --storage 2G"});
  add_address(setter, *to_set);
  setter.add_option("--root", to_set->path, "of the subtree that begins here, made by quota root add")
      ->type_name("MAILBOX");
  add_limits(setter, *to_set);
  on_run<Options>(setter, context, to_set, set);

  auto to_show = std::make_shared<Options>();
  CLI::App& shower = add_verb(noun, "show", "usage and limits", {"quota show alice@example.net"});
  add_address(shower, *to_show);
  on_run<Options>(shower, context, to_show, show);

  CLI::App& roots = add_noun(noun, "root", "limits of subtrees of mailboxes, besides those of the account",
                             {"quota root add alice@example.net Archive --storage 2G"});
  auto to_add = std::make_shared<Options>();
  CLI::App& adder = add_verb(roots, "add", "limit the mailboxes of this name and below, existing or not",
                             {"quota root add alice@example.net Archive --storage 2G --messages 10000"});
  add_address(adder, *to_add);
  adder.add_option("mailbox", to_add->path, "where the subtree begins")->required()->type_name("MAILBOX");
  add_limits(adder, *to_add);
  on_run<Options>(adder, context, to_add, add_root);

  auto to_remove = std::make_shared<Options>();
  CLI::App& remover = add_verb(roots, "remove", "end the limits of a subtree; its mailboxes stay",
                               {"quota root remove alice@example.net Archive"});
  add_address(remover, *to_remove);
  remover.add_option("mailbox", to_remove->path, "where the subtree begins")->required()->type_name("MAILBOX");
  on_run<Options>(remover, context, to_remove, remove_root);

  auto to_warn = std::make_shared<Options>();
  CLI::App& warner = add_verb(noun, "warn", "at which percents of a limit is warned; without LEVELS: show them",
                              {"quota warn 80,95", "quota warn none", "quota warn 50,75,90 --user alice@example.net",
                               "quota warn default --user alice@example.net"});
  warner.add_option("levels", to_warn->levels, "rising percents as 80,95; none; default: those of all")
      ->type_name("LEVELS");
  warner
      .add_option("--user", to_warn->address, "any address of the user; otherwise for all without levels of their own")
      ->type_name("ADDRESS");
  on_run<Options>(warner, context, to_warn, warn);
}

}  // namespace cpm::admin
