// The command tree of cpmctl: one function a noun puts its verbs in; run() parses, executes and reports.
// Runs on: the main thread.
#pragma once

#include "admin/context.h"

#include <CLI/CLI.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cpm::admin {

void add_user(CLI::App& root, Context& context);
void add_service(CLI::App& root, Context& context);
void add_acl(CLI::App& root, Context& context);
void add_group(CLI::App& root, Context& context);
void add_shared(CLI::App& root, Context& context);
void add_quota(CLI::App& root, Context& context);
void add_policy(CLI::App& root, Context& context);
void add_adapt(CLI::App& root, Context& context);
void add_push(CLI::App& root, Context& context);
void add_audit(CLI::App& root, Context& context);
void add_undelete(CLI::App& root, Context& context);
void add_mailbox(CLI::App& root, Context& context);
void add_message(CLI::App& root, Context& context);
void add_deposit(CLI::App& root, Context& context);
void add_conversation(CLI::App& root, Context& context);
void add_database(CLI::App& root, Context& context);
void add_session(CLI::App& root, Context& context);
void add_lockout(CLI::App& root, Context& context);
void add_config(CLI::App& root, Context& context);
void add_help(CLI::App& root, Context& context);  // completion, man

// The whole tree; `context` outlives it.
[[nodiscard]] std::unique_ptr<CLI::App> make_tree(Context& context);

// A noun: needs a verb. `examples` are lines without the program's name: "user add alice@example.net".
CLI::App& add_noun(CLI::App& parent, const std::string& name, const std::string& help,
                   const std::vector<std::string>& examples);
CLI::App& add_verb(CLI::App& noun, const std::string& name, const std::string& help,
                   const std::vector<std::string>& examples);

// What the verb does once the whole command line was understood.
template <class Options>
void on_run(CLI::App& verb, Context& context, std::shared_ptr<Options> options,
            Result<void> (*function)(Context&, const Options&)) {
  verb.callback([&context, options, function] {
    context.action = [&context, options, function] { return function(context, *options); };
  });
}

// All of it: `arguments` without the program's name; returns the exit code.
int run(const std::vector<std::string>& arguments, const Streams& streams,
        const std::map<std::string, std::string>& environment);

}  // namespace cpm::admin
