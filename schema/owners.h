// Whose store a mailbox path leads to (RFC 2342): one's own, or under `Other Users/<address>/` and `Shared/<name>/`
// that of another account. `%` and `/` of an address are written %25 and %2F there. Runs on: leads_elsewhere, own_part:
// any thread; the others: db thread.
#pragma once

#include "schema/access.h"
#include "schema/query.h"

#include <optional>
#include <string>
#include <string_view>

namespace cpm::schema {

inline constexpr std::string_view kOtherUsers = "Other Users";
inline constexpr std::string_view kShared = "Shared";

// True for everything in one of those two namespaces, whether or not there is such an account.
[[nodiscard]] bool leads_elsewhere(std::string_view path) noexcept;
// What follows the owner in such a path, and the whole of any other: how the owner names the mailbox.
[[nodiscard]] std::string_view own_part(std::string_view path) noexcept;

struct OwnedPath {
  AccountId account;
  std::string path;    // the owner's; may be empty: the store as such
  std::string prefix;  // what stands before it for the reader, spelled as it is told; empty: it is their own
};
// Any address of the owner is understood. None: no account is called so, or the reader's own one is.
[[nodiscard]] std::optional<OwnedPath> owner_of(Transaction& tx, const Principal& who, std::string_view path);

// "Other Users/alice@example.net/", "Shared/support/"; none when the account is gone. `address`: its first one, if
// asked.
[[nodiscard]] std::optional<std::string> prefix_of(Transaction& tx, AccountId owner, std::string* address = nullptr);

}  // namespace cpm::schema
