#include "schema/directory.h"

namespace cpm::schema {

namespace {

constexpr Query kInsertService{"service_insert",
                               "insert into service (name, role, salt, iterations, stored_key, server_key)"
                               " values ($1, $2, $3, $4, $5, $6)"};
constexpr Query kInsertPatterns{"service_patterns",
                                "insert into service_pattern (name, pattern) select $1, p from unnest($2::text[]) p"
                                " on conflict do nothing"};
constexpr Query kListServices{
    "service_list",
    "select s.name, s.role, extract(epoch from s.created_at)::bigint, p.pattern from service s"
    " left join service_pattern p on p.name = s.name order by s.name, p.pattern"};
constexpr Query kDeleteService{"service_delete", "delete from service where name = $1"};
constexpr Query kFreeServiceName{"service_name_free", "delete from address where address = $1 and account_id is null"};

}  // namespace

Result<void> add_service(Transaction& tx, const ServiceRow& service, const std::optional<ScramKeys>& keys) {
  CPM_TRY(name, canonical_address(service.name));
  if (service.role == Role::owner) return fail(Failure::invalid, "the role of a service is deposit or full");
  if (service.patterns.empty()) return fail(Failure::invalid, "a service needs a pattern of the addresses it acts for");
  std::vector<std::string> patterns;
  for (const std::string& text : service.patterns) {
    CPM_TRY(pattern, canonical_address(text));
    patterns.push_back(pattern);
  }
  CPM_CHECK(take_name(tx, name, std::nullopt, 0));
  if (keys) {
    tx.exec(kInsertService, name, static_cast<int>(service.role), bytes(keys->salt), keys->iterations,
            bytes(keys->stored_key), bytes(keys->server_key));
  } else {
    tx.exec(kInsertService, name, static_cast<int>(service.role), nullptr, nullptr, nullptr, nullptr);
  }
  tx.exec(kInsertPatterns, name, array(std::span<const std::string>(patterns)));
  return {};
}

Result<std::vector<ServiceRow>> list_services(Transaction& tx) {
  std::vector<ServiceRow> out;
  for (const auto& row : tx.exec(kListServices)) {
    if (out.empty() || out.back().name != row[0].c_str()) {
      out.push_back({row[0].c_str(),
                     static_cast<Role>(row[1].as<int>()),
                     {},
                     std::chrono::sys_seconds(std::chrono::seconds(row[2].as<std::int64_t>()))});
    }
    if (!row[3].is_null()) out.back().patterns.emplace_back(row[3].c_str());
  }
  return out;
}

Result<void> delete_service(Transaction& tx, std::string_view name) {
  const auto canonical = canonical_address(name);
  if (!canonical || tx.exec(kDeleteService, *canonical).affected_rows() == 0)
    return fail(Failure::not_found, "no such service");
  tx.exec(kFreeServiceName, *canonical);
  return {};
}

}  // namespace cpm::schema
