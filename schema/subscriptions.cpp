#include "schema/access.h"
#include "schema/audit.h"
#include "schema/mailboxes.h"
#include "schema/owners.h"

namespace cpm::schema {

namespace {

constexpr Query kCount{"subscription_count",
                       "select count(*), count(*) filter (where path = $2) from subscription where account_id = $1"};
constexpr Query kInsertPath{"subscription_insert",
                            "insert into subscription (account_id, path) values ($1, $2) on conflict do nothing"};
constexpr Query kDelete{"subscription_delete", "delete from subscription where account_id = $1 and path = $2"};
constexpr Query kList{"subscription_list", "select path from subscription where account_id = $1 order by path"};

// One spelling for mailboxes of others, by whichever address the client names them.
std::string canonical(Transaction& tx, const Principal& who, std::string_view path) {
  if (!leads_elsewhere(path)) return std::string(path);
  const auto place = owner_of(tx, who, path);
  return place && !place->path.empty() ? place->prefix + place->path : std::string(path);
}

void note(Transaction& tx, const Principal& who, std::string_view path, AuditCommand command) {
  AuditEntry entry;
  entry.command = command;
  entry.account = who.account;
  entry.path = std::string(path);
  record(tx, who.via, entry);
}

}  // namespace

Result<void> subscribe(Transaction& tx, const Principal& who, std::string_view name, const Limits& limits) {
  const std::string path = canonical(tx, who, name);
  if (path.empty() || path.find('\0') != std::string::npos) return fail(Failure::invalid, "not a mailbox name");
  if (path.size() > limits.mailbox_name_octets) return fail(Failure::limit, "mailbox name is too long");
  const pqxx::row counts = tx.exec(kCount, who.account.value, path)[0];
  if (counts[1].as<int>() > 0) return {};
  if (counts[0].as<std::size_t>() >= limits.subscriptions) return fail(Failure::limit, "too many subscriptions");
  tx.exec(kInsertPath, who.account.value, path);
  note(tx, who, path, AuditCommand::subscribe);
  return {};
}

Result<void> unsubscribe(Transaction& tx, const Principal& who, std::string_view name) {
  if (name.find('\0') != std::string_view::npos) return {};
  const std::string path = canonical(tx, who, name);
  if (tx.exec(kDelete, who.account.value, path).affected_rows() > 0) note(tx, who, path, AuditCommand::unsubscribe);
  return {};
}

Result<std::vector<std::string>> subscriptions(Transaction& tx, const Principal& who) {
  std::vector<std::string> out;
  for (const auto& row : tx.exec(kList, who.account.value)) out.emplace_back(row[0].c_str());
  return out;
}

}  // namespace cpm::schema
