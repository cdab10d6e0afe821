// Texts generated from the command tree: shell completion and manual pages.
// Runs on: the main thread.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <utility>
#include <vector>

namespace cpm::admin {

// "UID" of an option's type "UID:POSITIVE": the name without what CLI11 adds about its check.
[[nodiscard]] std::string value_name(const CLI::Option& option);

[[nodiscard]] std::string bash_completion(const CLI::App& root);
[[nodiscard]] std::string zsh_completion(const CLI::App& root);

// A page of section 1 for the program, and one for each noun: {"cpmctl.1", text}, {"cpmctl-user.1", text}, …
[[nodiscard]] std::vector<std::pair<std::string, std::string>> manual_pages(const CLI::App& root);

}  // namespace cpm::admin
