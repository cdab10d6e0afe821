#include "admin/cli.h"

#include "admin/output.h"
#include "base/log.h"

#include <algorithm>
#include <iostream>

namespace cpm::admin {

namespace {

constexpr const char* kExitCodes =
    "Exit codes:\n"
    "  0  done\n"
    "  1  failed\n"
    "  2  the command line or a value in it is wrong\n"
    "  3  no such user, mailbox, message, session, ...\n"
    "  4  it exists already\n"
    "  5  the server or the database is away: try again\n"
    "\n"
    "Examples:\n"
    "  cpmctl --data /var/lib/cpmstore user add alice@example.net\n"
    "  cpmctl --data /var/lib/cpmstore message import alice@example.net INBOX ~/Maildir\n"
    "  cpmctl --config /etc/cpmstore.toml mailbox list alice@example.net --json\n"
    "  cpmctl user --help";

std::string footer(const std::vector<std::string>& examples) {
  if (examples.empty()) return {};
  std::string text = "Examples:";
  for (const std::string& example : examples) text += "\n  cpmctl " + example;
  return text;
}

// "cpmctl user add" for the deepest command that was named.
std::string command_of(const CLI::App& root) {
  const CLI::App* at = &root;
  std::string name = "cpmctl";
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    name += " " + at->get_name();
  }
  return name;
}

// Errors repeat what stands in files and messages, which must not play with the terminal. Their own line ends stay.
std::string printable_lines(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t end = text.find('\n');
    out += printable(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

// The detail is for the log of a server; here the operator reads it.
void report(Context& context, const Error& error) {
  if (context.json) {
    Json object = {{"ok", false}, {"failure", failure_name(error.failure)}, {"text", error.text}};
    if (!error.detail.empty()) object["detail"] = error.detail;
    print_json(context.io.err, object);
    return;
  }
  context.io.err << "cpmctl: " << printable_lines(error.text) << '\n';
  const bool puzzling = error.failure == Failure::internal || error.failure == Failure::unavailable ||
                        error.failure == Failure::in_doubt || error.failure == Failure::corrupt ||
                        error.failure == Failure::timeout;
  if (puzzling && !error.detail.empty()) context.io.err << "(" << printable(error.detail) << ")\n";
}

int execute(Context& context) {
  try {
    const Result<void> done = context.action();
    context.io.out.flush();
    if (!done) {
      report(context, done.error());
      return exit_code(done.error().failure);
    }
    if (!context.io.out) {
      report(context, fail(Failure::internal, "the output could not be written"));
      return kFailed;
    }
    return kOk;
  } catch (const std::exception& error) {
    report(context, fail(Failure::internal, "unexpected failure", error.what()));
    return kFailed;
  }
}

}  // namespace

CLI::App& add_noun(CLI::App& parent, const std::string& name, const std::string& help,
                   const std::vector<std::string>& examples) {
  CLI::App& noun = *parent.add_subcommand(name, help);
  noun.require_subcommand(1);
  noun.fallthrough();
  noun.footer(footer(examples));
  return noun;
}

CLI::App& add_verb(CLI::App& noun, const std::string& name, const std::string& help,
                   const std::vector<std::string>& examples) {
  CLI::App& verb = *noun.add_subcommand(name, help);
  verb.fallthrough();
  verb.footer(footer(examples));
  return verb;
}

std::unique_ptr<CLI::App> make_tree(Context& context) {
  auto root = std::make_unique<CLI::App>("Administration of a cpmstore message store", "cpmctl");
  root->set_version_flag("--version", "cpmctl " CPMSTORE_VERSION);
  root->add_option("--data", context.sources.data, "data directory of the server")->type_name("DIR");
  root->add_option("--config", context.sources.file, "configuration file; default: DIR/cpmstore.toml if there is one")
      ->type_name("FILE");
  root->add_option("--set", context.sources.sets, "one configuration value, as database.url=postgresql://host/name")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  root->add_flag("--json", context.json, "print JSON");
  root->require_subcommand(1);
  root->footer(kExitCodes);
  add_user(*root, context);
  add_service(*root, context);
  add_acl(*root, context);
  add_group(*root, context);
  add_shared(*root, context);
  add_quota(*root, context);
  add_policy(*root, context);
  add_push(*root, context);
  add_adapt(*root, context);
  add_audit(*root, context);
  add_undelete(*root, context);
  add_mailbox(*root, context);
  add_message(*root, context);
  add_deposit(*root, context);
  add_conversation(*root, context);
  add_database(*root, context);
  add_session(*root, context);
  add_lockout(*root, context);
  add_config(*root, context);
  add_help(*root, context);
  return root;
}

namespace {

// The library says only that a subcommand is missing when the word there is none.
std::string reason(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App* at = &root;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const auto left = root.remaining(true);
  const bool wanted =
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && at->get_require_subcommand_min() > 0;
  if (!wanted || left.empty()) return error.what();
  return "unknown word: " + left.front();
}

}  // namespace

int run(const std::vector<std::string>& arguments, const Streams& streams,
        const std::map<std::string, std::string>& environment) {
  Context context(streams);
  context.sources.environment = environment;
  log::configure({false, log::Level::off, {}});  // what went wrong is told once, by report()
  const auto root = make_tree(context);
  try {
    root->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp& help) {
    return root->exit(help, streams.out, streams.err);
  } catch (const CLI::CallForAllHelp& help) {
    return root->exit(help, streams.out, streams.err);
  } catch (const CLI::CallForVersion& version) {
    return root->exit(version, streams.out, streams.err);
  } catch (const CLI::ParseError& error) {
    report(context, fail(Failure::invalid, reason(*root, error) + "\nSee: " + command_of(*root) + " --help"));
    return kUsage;
  }
  return execute(context);
}

}  // namespace cpm::admin
