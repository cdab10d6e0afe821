#include "schema/policy.h"

#include "schema/metadata.h"

#include <algorithm>

namespace cpm::schema {

namespace {

// Place 0 to 2 as PolicySource; the user's values are octets, and so are all here.
constexpr Query kReadAll{"policy_read",
                         "select 0, p.key, convert_to(p.value, 'UTF8') from account_policy p where p.account_id = $1"
                         " union all select 1, s.key, convert_to(s.value, 'UTF8') from site_policy s"
                         " union all select 2, substr(m.entry, length($2::text) + 1), m.value from metadata m"
                         " where m.account_id = $1 and m.mailbox_id = 0 and m.owner_id = $1 and m.value is not null"
                         " and m.entry >= $2::text and m.entry < $3::text"};
constexpr Query kReadSite{"policy_site", "select key, value from site_policy order by key"};

constexpr Query kSet{"policy_set",
                     "insert into account_policy as p (account_id, key, value) select $1, $2, $3 from account"
                     " where account_id = $1 on conflict (account_id, key) do update"
                     " set value = excluded.value, changed_at = now() where p.value <> excluded.value"};
constexpr Query kUnset{"policy_unset", "delete from account_policy where account_id = $1 and key = $2"};
constexpr Query kSetSite{"policy_site_set",
                         "insert into site_policy as p (key, value) values ($1, $2) on conflict (key) do update"
                         " set value = excluded.value, changed_at = now() where p.value <> excluded.value"};
constexpr Query kUnsetSite{"policy_site_unset", "delete from site_policy where key = $1"};

// The name behind all that begin with kPolicyPreference.
std::string behind_preferences() {
  std::string end(kPolicyPreference);
  ++end.back();
  return end;
}

// The spelling of a stored value, if it is a possible one.
std::optional<std::string> usable(const PolicyKey& key, std::string_view value) {
  auto text = canonical_policy(key, value);
  if (!text) return std::nullopt;
  return std::move(*text);
}

void decide(PolicyInForce& policy) {
  const auto take = [&](const std::optional<std::string>& value, PolicySource source) {
    if (!value) return false;
    policy.value = *value;
    policy.source = source;
    return true;
  };
  if (take(policy.account, PolicySource::account) || take(policy.site, PolicySource::site) ||
      take(policy.user, PolicySource::user)) {
    return;
  }
  policy.value = policy.key->fallback;
}

}  // namespace

Result<std::vector<PolicyInForce>> read_policies(Transaction& tx, AccountId account) {
  const auto& table = policy_table();
  std::vector<PolicyInForce> policies(table.size());
  for (std::size_t i = 0; i < table.size(); ++i) policies[i].key = &table[i];
  const BinaryRows rows = tx.exec_binary(kReadAll, account.value, kPolicyPreference, behind_preferences());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PolicyKey* key = find_policy(rows.octets(i, 1));
    if (key == nullptr) continue;
    PolicyInForce& policy = policies[static_cast<std::size_t>(key - table.data())];
    const std::array<std::optional<std::string>*, 3> places{&policy.account, &policy.site, &policy.user};
    *places.at(static_cast<std::size_t>(rows.number(i, 0))) = usable(*key, rows.octets(i, 2));
  }
  std::for_each(policies.begin(), policies.end(), decide);
  return policies;
}

Result<std::vector<SitePolicy>> list_site_policies(Transaction& tx) {
  std::vector<SitePolicy> policies;
  for (const auto& row : tx.exec(kReadSite)) policies.push_back({row[0].c_str(), row[1].c_str()});
  return policies;
}

Result<bool> set_account_policy(Transaction& tx, AccountId account, const PolicyKey& key,
                                const std::optional<std::string>& value) {
  const bool changed = value ? tx.exec(kSet, account.value, key.name, *value).affected_rows() > 0
                             : tx.exec(kUnset, account.value, key.name).affected_rows() > 0;
  if (changed) CPM_CHECK(note_metadata(tx, account, std::string(kPolicyInForce) + key.name));
  return changed;
}

Result<bool> set_site_policy(Transaction& tx, const PolicyKey& key, const std::optional<std::string>& value) {
  if (value) return tx.exec(kSetSite, key.name, *value).affected_rows() > 0;
  return tx.exec(kUnsetSite, key.name).affected_rows() > 0;
}

}  // namespace cpm::schema
