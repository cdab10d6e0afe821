// cpmctl completion and cpmctl man: generated from the same tree that reads the command line.
#include "admin/cli.h"
#include "admin/output.h"
#include "admin/tree_text.h"

#include <filesystem>
#include <fstream>
#include <iostream>

namespace cpm::admin {

namespace {

struct Options {
  std::string shell;
  std::string page, folder;
};

// The verbs look at the tree that they belong to; a second one, never run, is the same.
std::unique_ptr<CLI::App> second_tree(Context& unused) { return make_tree(unused); }

Result<void> completion(Context& context, const Options& options) {
  Context unused(context.io);
  const auto tree = second_tree(unused);
  const std::string text = options.shell == "zsh" ? zsh_completion(*tree) : bash_completion(*tree);
  if (context.json) {
    print_json(context.io.out, {{"shell", options.shell}, {"script", text}});
  } else {
    context.io.out << text;
  }
  return {};
}

Result<void> write_pages(Context& context, const std::string& folder,
                         const std::vector<std::pair<std::string, std::string>>& pages) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(Failure::internal, folder + " cannot be made: " + error.message());
  Json files = Json::array();
  for (const auto& [name, text] : pages) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush()) return fail(Failure::internal, path + " cannot be written");
    files.push_back(path);
  }
  print_done(context, "wrote " + std::to_string(pages.size()) + " manual pages to " + folder, {{"files", files}});
  return {};
}

Result<void> man(Context& context, const Options& options) {
  Context unused(context.io);
  const auto tree = second_tree(unused);
  const auto pages = manual_pages(*tree);
  if (!options.folder.empty()) return write_pages(context, options.folder, pages);
  const std::string wanted = options.page.empty() ? "cpmctl.1" : "cpmctl-" + options.page + ".1";
  for (const auto& [name, text] : pages) {
    if (name != wanted) continue;
    if (context.json) {
      print_json(context.io.out, {{"page", name}, {"text", text}});
    } else {
      context.io.out << text;
    }
    return {};
  }
  return fail(Failure::not_found, "there is no page for \"" + options.page + "\"\nSee the nouns: cpmctl --help");
}

}  // namespace

void add_help(CLI::App& root, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& completer =
      add_verb(root, "completion", "print a completion script for a shell",
               {"completion bash > /etc/bash_completion.d/cpmctl", "completion zsh > ~/.zfunc/_cpmctl"});
  completer.add_option("shell", options->shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->type_name("SHELL");
  on_run<Options>(completer, context, options, completion);
  CLI::App& manual = add_verb(root, "man", "print a manual page, or write all of them",
                              {"man | man -l -", "man message", "man --to /usr/local/share/man/man1"});
  manual.add_option("noun", options->page, "page of this noun; default: the program's")->type_name("NOUN");
  manual.add_option("--to", options->folder, "write all pages into this folder")->type_name("DIR");
  on_run<Options>(manual, context, options, man);
}

}  // namespace cpm::admin
