// Policies of an account (base/policy.h): what the provider decides for it, what the provider decides for all, what the
// user prefers (an annotation of the server), and the default; the first of these that there is counts
// (docs/decisions/0032-policies.md).
// Runs on: db thread.
#pragma once

#include "base/policy.h"
#include "base/result.h"
#include "schema/access.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// The strongest first.
enum class PolicySource { account, site, user, fallback };

struct PolicyInForce {
  const PolicyKey* key = nullptr;
  std::string value;  // in its one spelling
  PolicySource source = PolicySource::fallback;
  std::optional<std::string> account, site, user;  // what was said at each place, whether it counts or not
};
// All keys, in the order of the table. What a release does not know, and what a user wrote there that is no possible
// value, is passed over. One statement.
[[nodiscard]] Result<std::vector<PolicyInForce>> read_policies(Transaction& tx, AccountId account);

struct SitePolicy {
  std::string key, value;
};
[[nodiscard]] Result<std::vector<SitePolicy>> list_site_policies(Transaction& tx);

// None takes the decision back. Sessions that asked for news of annotations hear of the account's (tell them with
// announce()). REQUIRES: `value` in its one spelling; the account exists. Returns whether something changed.
[[nodiscard]] Result<bool> set_account_policy(Transaction& tx, AccountId account, const PolicyKey& key,
                                              const std::optional<std::string>& value);
[[nodiscard]] Result<bool> set_site_policy(Transaction& tx, const PolicyKey& key,
                                           const std::optional<std::string>& value);

}  // namespace cpm::schema
