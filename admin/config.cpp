// cpmctl config: the configuration that a server would use.
#include "admin/cli.h"
#include "admin/output.h"
#include "schema/connection.h"

#include <iostream>

namespace cpm::admin {

namespace {

struct Options {
  bool changed = false, sample = false;
};

Result<void> check(Context& context, const Options&) {
  CPM_TRY(config, context.config());
  if (!config->database.url.empty()) {
    const auto readable = schema::connection_string(config->database.url);
    if (!readable) return fail(Failure::invalid, readable.error().text);  // the detail may repeat a password
  }
  std::size_t changed = 0;
  for (const Config::Setting& setting : config->settings) changed += setting.origin != "default" ? 1U : 0U;
  print_done(
      context,
      "the configuration is good; " + std::to_string(changed) + " values differ from their defaults or are named",
      {{"named_values", changed}});
  return {};
}

Result<void> print(Context& context, const Options& options) {
  if (options.sample) {
    if (context.json) return fail(Failure::invalid, "a sample is TOML; leave --json out");
    context.io.out << config_sample();
    return {};
  }
  CPM_TRY(config, context.config());
  if (!context.json) {
    context.io.out << config_print(*config, options.changed);
    return {};
  }
  Json all = Json::array();
  for (const Config::Setting& setting : config->settings) {
    if (options.changed && setting.origin == "default") continue;
    all.push_back({{"key", setting.key},
                   {"value", setting.key == "database.url" ? masked_url(setting.value) : setting.value},
                   {"origin", setting.origin},
                   {"reloadable", setting.reloadable}});
  }
  print_json(context.io.out, all);
  return {};
}

}  // namespace

void add_config(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "config", "the configuration, without a running server",
                            {"--config /etc/cpmstore.toml config check", "--data DIR config print --changed"});
  auto options = std::make_shared<Options>();
  CLI::App& checker =
      add_verb(noun, "check", "read all sources and name every mistake", {"--config /etc/cpmstore.toml config check"});
  on_run<Options>(checker, context, options, check);
  CLI::App& printer =
      add_verb(noun, "print", "every key with its value and where it comes from; passwords are masked",
               {"config print", "config print --changed --json", "config print --sample > cpmstore.toml"});
  printer.add_flag("--changed", options->changed, "leave the defaults out");
  printer.add_flag("--sample", options->sample, "a commented configuration file with every key");
  on_run<Options>(printer, context, options, print);
}

}  // namespace cpm::admin
