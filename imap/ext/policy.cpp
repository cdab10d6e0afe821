// Policies (MSS-47, 55, 68, 72, 73, 91, 92) as annotations of the server: what the user prefers is written to
// /private/vendor/cpmstore/policy/KEY; what is in force, after the provider had its say, is read from
// /shared/vendor/cpmstore/policy/KEY by the user and by services that act for the user. Keys: base/policy.cpp; which
// value counts: schema/policy.h. Not an extension of IMAP: RFC 5464 leaves names below vendor to the vendor.
#include "schema/policy.h"
#include "imap/extension.h"

namespace cpm::imap::ext::policy {

namespace {

constexpr std::string_view kRoot = "/vendor/cpmstore/policy";
constexpr std::string_view kInForce = kPolicyInForce.substr(0, kPolicyInForce.size() - 1);

Result<void> check(std::string_view name, std::string_view value, const ParseContext&) {
  const PolicyKey* key = find_policy(name);
  if (key == nullptr)
    return fail(Failure::invalid, "There is no such policy: see GETMETADATA (DEPTH 1) \"\" " + std::string(kInForce));
  CPM_CHECK(canonical_policy(*key, value));
  return {};
}

Result<std::map<std::string, std::string>> read(schema::Transaction& tx, const schema::Principal& who) {
  CPM_TRY(policies, schema::read_policies(tx, who.account));
  std::map<std::string, std::string> values;
  for (const schema::PolicyInForce& policy : policies) {
    values.emplace(std::string(kPolicyInForce) + policy.key->name, policy.value);
  }
  return values;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "policy";
  extension.rfcs = {"RFC 5464"};
  extension.requires_names = {"metadata"};
  extension.metadata_rules = {{kRoot, check}};
  extension.metadata_values = {{kInForce, read}};
  extension.response_codes = {"CANNOT", "NOPERM"};
  return extension;
}

}  // namespace cpm::imap::ext::policy
