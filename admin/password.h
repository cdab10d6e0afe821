// Passwords: read without showing them, and turned into keys at once.
// Runs on: the main thread.
#pragma once

#include "admin/context.h"
#include "schema/accounts.h"

#include <optional>
#include <string>

namespace cpm::admin {

struct PasswordOptions {
  bool from_stdin = false;
  bool none = false;
};

// One line of standard input, or asked for twice on a terminal. Nothing with `none`. Failure::invalid when it is
// empty, differs the second time, or nobody can be asked.
[[nodiscard]] Result<std::optional<schema::ScramKeys>> read_keys(Context& context, const PasswordOptions& options,
                                                                 const std::string& whose);

// The password itself, for logging in somewhere: one line of standard input, or asked for once on a terminal.
[[nodiscard]] Result<std::string> read_password(Context& context, bool from_stdin, const std::string& whose);

}  // namespace cpm::admin
