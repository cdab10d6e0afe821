// Policies: what a user prefers and a provider decides, as keys with one text each. They say how long the store keeps
// messages, and tell depositing functions and clients what to store and how to synchronise (MSS-47, 55, 68, 72, 73, 91,
// 92). Every key is one row of the table in policy.cpp. Which value counts: schema/policy.h.
// Runs on: any thread.
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm {

enum class PolicyType {
  flag,             // on, off
  choice,           // one of a fixed list
  period,           // 90s, 30m, 12h, 30d, 8w
  period_or_never,  // the same, or "forever"
};

struct PolicyKey {
  std::string name;  // "retention.inbox": lower case letters, digits, '.' and '-'
  PolicyType type = PolicyType::flag;
  std::string fallback;                    // the default
  std::uint64_t minimum = 0, maximum = 0;  // seconds, of periods
  std::vector<std::string> choices;
  std::string help;  // one line
};

// In the order in which they are shown.
[[nodiscard]] const std::vector<PolicyKey>& policy_table();
// By name, without regard to case; null: no such key.
[[nodiscard]] const PolicyKey* find_policy(std::string_view name);

// The value in its one spelling ("30d" for "720h"). Failure::invalid with a text for the user when it is not allowed.
[[nodiscard]] Result<std::string> canonical_policy(const PolicyKey& key, std::string_view value);
[[nodiscard]] std::string allowed_values(const PolicyKey& key);  // "on, off"

// A value of a key with a period, in its one spelling. None: forever.
[[nodiscard]] std::optional<std::chrono::seconds> policy_period(std::string_view value);

// Server annotations (RFC 5464): what the user prefers stands below the first; what counts is read below the second,
// which nobody writes. The key follows.
inline constexpr std::string_view kPolicyPreference = "/private/vendor/cpmstore/policy/";
inline constexpr std::string_view kPolicyInForce = "/shared/vendor/cpmstore/policy/";
inline constexpr std::string_view kRetentionPrefix = "retention.";

}  // namespace cpm
