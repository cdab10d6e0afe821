// The directory of names that can log in, shared by the files on accounts, services and log-in. Not for other layers.
// Runs on: db thread.
#pragma once

#include "schema/accounts.h"

#include <optional>
#include <string>
#include <string_view>

namespace cpm::schema {

// The account of a canonical or not yet canonical address; Failure::not_found, also for the name of a service.
[[nodiscard]] Result<AccountId> account_of(Transaction& tx, std::string_view address);

// Takes a canonical name for an account (or, without one, for a service). Failure::exists when somebody has it.
[[nodiscard]] Result<void> take_name(Transaction& tx, const std::string& name, std::optional<AccountId> account,
                                     int position);

// Columns salt, iterations, stored_key, server_key from `first` on; none when NULL.
[[nodiscard]] std::optional<ScramKeys> keys_from(const pqxx::row& row, int first);

// `*` any text, `?` any one octet, everything else itself.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text) noexcept;

}  // namespace cpm::schema
