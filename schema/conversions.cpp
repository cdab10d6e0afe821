#include "schema/conversions.h"

#include <map>
#include <span>

namespace cpm::schema {

namespace {

constexpr Query kFind{"conversion_find",
                      "select c.source, c.head, c.data, (c.used_at < now() - interval '1 hour')::int"
                      " from converted_part p join conversion c on c.account_id = $1 and c.source = p.source"
                      " and c.request = $4 where p.account_id = $1 and p.content_id = $2 and p.part = $3"};
constexpr Query kFindSource{"conversion_find_source",
                            "select c.source, c.head, c.data, (c.used_at < now() - interval '1 hour')::int"
                            " from conversion c where c.account_id = $1 and c.source = $2 and c.request = $3"};
constexpr Query kKeep{"conversion_keep", "select conversion_keep_v1($1, $2, $3, $4, $5, $6, $7, $8)"};
constexpr Query kUsed{"conversion_used",
                      "update conversion set used_at = now() where account_id = $1 and source = $2 and request = $3"};
constexpr Query kDrop{"conversion_drop",
                      "delete from conversion where account_id = $1 and source = $2 and request = $3"};
constexpr Query kKeepPreviews{"previews_keep", "select previews_keep_v1($1, $2::bigint[], $3::text[])"};

// Of all accounts: what the node reports, and which results are to go. The removal is account by account.
constexpr Query kTotals{"conversion_totals",
                        "select count(*), coalesce(sum(octets), 0)::bigint, count(distinct account_id),"
                        " (select greatest(reltuples, 0)::bigint from pg_class where oid = 'preview'::regclass)"
                        " from conversion"};
constexpr Query kExcess{"conversion_excess",
                        "select account_id, encode(source, 'hex'), encode(request, 'hex') from ("
                        " select account_id, source, request,"
                        "  sum(octets) over (order by used_at, account_id, source, request) - octets as before"
                        " from conversion) c"
                        " where c.before < (select sum(octets) from conversion) - $1 order by c.before limit $2"};
constexpr Query kRemove{"conversion_remove",
                        "delete from conversion where account_id = $1 and source = decode($2, 'hex')"
                        " and request = decode($3, 'hex')"};
constexpr Query kAccounts{"conversion_accounts",
                          "select account_id from conversion union select account_id from preview order by 1"};
constexpr Query kClear{"conversion_clear", "delete from conversion where account_id = $1"};
constexpr Query kClearParts{"converted_part_clear", "delete from converted_part where account_id = $1"};
constexpr Query kClearPreviews{"preview_clear", "delete from preview where account_id = $1"};

std::optional<KeptConversion> first_of(const BinaryRows& rows) {
  if (rows.empty()) return std::nullopt;
  KeptConversion found;
  found.source = std::string(rows.octets(0, 0));
  found.head = std::string(rows.octets(0, 1));
  found.data = std::string(rows.octets(0, 2));
  found.stale = rows.number(0, 3) != 0;
  return found;
}

}  // namespace

Result<std::optional<KeptConversion>> find_conversion(Transaction& tx, const PartName& name, std::string_view request) {
  return first_of(tx.exec_binary(kFind, name.account.value, name.content.value, name.part, bytes(request)));
}

Result<std::optional<KeptConversion>> find_conversion_of(Transaction& tx, AccountId account, std::string_view source,
                                                         std::string_view request) {
  return first_of(tx.exec_binary(kFindSource, account.value, bytes(source), bytes(request)));
}

Result<std::uint64_t> keep_conversion(Transaction& tx, const PartName& name, const KeptConversion& made,
                                      std::string_view request, std::uint64_t bound) {
  const pqxx::result rows = tx.exec(kKeep, name.account.value, name.content.value, name.part, bytes(made.source),
                                    bytes(request), made.head, bytes(made.data), bound);
  return rows[0][0].as<std::uint64_t>();
}

Result<void> conversion_used(Transaction& tx, AccountId account, std::string_view source, std::string_view request) {
  tx.exec(kUsed, account.value, bytes(source), bytes(request));
  return {};
}

Result<void> drop_conversion(Transaction& tx, AccountId account, std::string_view source, std::string_view request) {
  tx.exec(kDrop, account.value, bytes(source), bytes(request));
  return {};
}

Result<void> keep_previews(Transaction& tx, AccountId account,
                           const std::vector<std::pair<ContentId, std::string>>& previews) {
  if (previews.empty()) return {};
  // The last one of a content counts: it may be twice in a mailbox.
  std::map<std::int64_t, std::string> by_content;
  for (const auto& [content, preview] : previews) by_content[content.value] = preview;
  std::vector<std::int64_t> contents;
  std::vector<std::string> texts;
  for (auto& [content, preview] : by_content) {
    contents.push_back(content);
    texts.push_back(std::move(preview));
  }
  tx.exec(kKeepPreviews, account.value, array(std::span<const std::int64_t>(contents)),
          array(std::span<const std::string>(texts)));
  return {};
}

Result<ConversionTotals> conversion_totals(Transaction& tx) {
  const pqxx::result rows = tx.exec(kTotals);
  ConversionTotals totals;
  totals.results = rows[0][0].as<std::uint64_t>();
  totals.octets = rows[0][1].as<std::uint64_t>();
  totals.accounts = rows[0][2].as<std::uint64_t>();
  totals.previews = rows[0][3].as<std::uint64_t>();
  return totals;
}

Result<std::size_t> evict_conversions(Transaction& tx, std::uint64_t bound, std::size_t batch) {
  const pqxx::result excess = tx.exec(kExcess, bound, batch);
  std::size_t removed = 0;
  for (const auto& row : excess) {
    removed += tx.exec(kRemove, row[0].as<std::int64_t>(), row[1].c_str(), row[2].c_str()).affected_rows();
  }
  return removed;
}

Result<std::vector<AccountId>> accounts_with_conversions(Transaction& tx) {
  std::vector<AccountId> accounts;
  for (const auto& row : tx.exec(kAccounts)) accounts.push_back(AccountId{row[0].as<std::int64_t>()});
  return accounts;
}

Result<std::uint64_t> clear_conversions(Transaction& tx, AccountId account) {
  const std::uint64_t removed = tx.exec(kClear, account.value).affected_rows();
  tx.exec(kClearParts, account.value);
  tx.exec(kClearPreviews, account.value);
  return removed;
}

}  // namespace cpm::schema
