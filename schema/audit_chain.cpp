// The chain: sealing, looking whether it holds, and the end of old months.
#include "schema/audit.h"
#include "schema/credentials.h"
#include "schema/database.h"

#include <algorithm>
#include <array>
#include <set>

namespace cpm::schema {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPatience = 60s;
constexpr std::size_t kDigest = 16;  // octets of a row in a seal
constexpr int kSealsAtOnce = 50;

// Over all accounts, on purpose: what upkeep does. The sealing itself goes account by account.
constexpr Query kDue{"audit_due", "select upto, array_to_string(accounts, ','), accounts is null from audit_due_v1()"};
constexpr Query kSeal{"audit_seal", "select audit_seal_v1($1, $2)"};
constexpr Query kRound{"audit_round", "select audit_round_v1($1)"};
constexpr Query kMonths{"audit_months", "select audit_months_v1(24)"};
constexpr Query kOldMonths{
    "audit_old_months",
    "select t.name, t.until, t.attached, t.pending from (select c.relname as name,"
    " (to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' as until,"
    " i.inhrelid is not null as attached, coalesce(i.inhdetachpending, false) as pending from pg_class c"
    " left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = 'audit'::regclass"
    " where c.relkind = 'r' and c.relnamespace = (select relnamespace from pg_class where oid = 'audit'::regclass)"
    " and c.relname ~ '^audit_[0-9]{4}_[0-9]{2}$') t where t.until < now() - make_interval(secs => $1) order by 2"};
constexpr Query kAnchor{"audit_anchor", "select audit_anchor_v1($1)"};

constexpr Query kChain{
    "audit_chain_of",
    "select c.seal, encode(c.hash, 'hex'), c.anchor_seal, encode(c.anchor_hash, 'hex'), c.sealed_to, c.anchor_to,"
    " (extract(epoch from c.anchor_to) * 1000000)::bigint, (select r.sealed_to from audit_round r where r.id = 1)"
    " from audit_chain c where c.account_id = $1"};
constexpr Query kSeals{
    "audit_seals",
    "select s.seal, (extract(epoch from s.from_at) * 1000000)::bigint, (extract(epoch from s.to_at) * 1000000)::bigint,"
    " s.rows, s.digests, s.hash, s.from_at, s.to_at from audit_seal s where s.account_id = $1 and s.seal > $2"
    " order by s.seal limit $3"};
constexpr Query kRows{
    "audit_sealed_rows",
    "select audit_digest_v1(a, s), to_char(a.at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), a.command,"
    " a.mailbox, a.uids from audit a left join audit_session s on s.account_id = $1 and s.session_id = a.session_id"
    " where a.account_id = $1 and a.at >= $2 and a.at < $3 order by a.at, a.n"};
// Whether the month before this moment is still a part of the record.
constexpr Query kMonthThere{
    "audit_month_there",
    "select exists (select from pg_inherits i join pg_class c on c.oid = i.inhrelid"
    " where i.inhparent = 'audit'::regclass and not i.inhdetachpending and c.relname = 'audit_' ||"
    " to_char(($1::timestamptz - interval '1 microsecond') at time zone 'UTC', 'YYYY_MM'))"};
constexpr Query kUnsealed{
    "audit_unsealed",
    "select count(*), count(*) filter (where a.at < $3) from audit a where a.account_id = $1 and a.at >= $2"};
constexpr Query kUnchained{"audit_unchained",
                           "select count(*), count(*) filter (where a.at < (select r.sealed_to from audit_round r))"
                           " from audit a where a.account_id = $1"};

std::string hex(std::string_view octets) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : octets) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string unhex(std::string_view text) {
  std::string out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  return out;
}

std::string int8(std::int64_t number) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<std::uint64_t>(number) >> static_cast<unsigned>(shift) & 0xff);
  return out;
}

struct Row {
  std::string digest, label;
};

std::vector<Row> rows_between(Transaction& tx, AccountId account, const char* from, const char* to) {
  std::vector<Row> out;
  for (const auto& row : tx.exec(kRows, account.value, from, to)) {
    std::string label = std::string(row[1].c_str()) + " " +
                        std::string(audit_command_name(static_cast<AuditCommand>(row[2].as<std::int16_t>())));
    if (row[3].c_str()[0] != '\0') label += std::string(" ") + row[3].c_str();
    if (row[4].c_str()[0] != '\0') label += std::string(" ") + row[4].c_str();
    out.push_back({from_bytea(row[0]), std::move(label)});
  }
  return out;
}

// Says where rows and their digests part.
void compare(const std::vector<Row>& rows, std::string_view digests, const std::string& seal,
             const std::function<void(const AuditFinding&)>& found) {
  std::vector<std::string> sealed;
  for (std::size_t i = 0; i + kDigest <= digests.size(); i += kDigest) sealed.emplace_back(digests.substr(i, kDigest));
  std::multiset<std::string> here, there(sealed.begin(), sealed.end());
  for (const Row& row : rows) here.insert(row.digest);
  std::size_t i = 0, j = 0;
  while (i < rows.size() || j < sealed.size()) {
    if (i < rows.size() && j < sealed.size() && rows[i].digest == sealed[j]) {
      ++i, ++j;
      continue;
    }
    const bool known = i < rows.size() && there.contains(rows[i].digest);
    const bool present = j < sealed.size() && here.contains(sealed[j]);
    if (i < rows.size() && !known && j < sealed.size() && !present) {
      found({"changed", seal + ": row " + std::to_string(j + 1) + ", now " + rows[i].label});
      ++i, ++j;
    } else if (i < rows.size() && !known) {
      found({"inserted", seal + ": " + rows[i].label});
      ++i;
    } else if (j < sealed.size() && !present) {
      found({"removed", seal + ": row " + std::to_string(j + 1) + " of " + std::to_string(sealed.size()) +
                            (i > 0 ? ", after " + rows[i - 1].label : "") +
                            (i < rows.size() ? ", before " + rows[i].label : "")});
      ++j;
    } else {
      found({"reordered", seal + ": " + (i < rows.size() ? rows[i].label : "row " + std::to_string(j + 1))});
      if (i < rows.size()) ++i;
      if (j < sealed.size()) ++j;
    }
  }
}

}  // namespace

Result<std::size_t> seal_audit(Database& database, const std::function<bool()>& stop) {
  struct Due {
    std::string upto;
    std::vector<std::int64_t> accounts;
    bool wait = false;
  };
  auto due = database.run_blocking(kPatience, [](Transaction& tx) -> Result<Due> {
    Due out;
    const pqxx::result rows = tx.exec(kDue);
    if (rows.empty()) return fail(Failure::corrupt, "the round of sealing is missing");
    out.upto = rows[0][0].c_str();
    out.wait = rows[0][2].as<bool>();
    std::string_view left = rows[0][1].is_null() ? "" : rows[0][1].c_str();
    while (!left.empty()) {
      const std::string one(left.substr(0, left.find(',')));
      left.remove_prefix(std::min(left.size(), one.size() + 1));
      out.accounts.push_back(std::stoll(one));
    }
    return out;
  });
  if (!due) return due.error();
  if (due->wait) return std::size_t{0};
  std::size_t sealed = 0;
  for (const std::int64_t account : due->accounts) {
    for (;;) {
      if (stop()) return sealed;
      auto rows = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<std::size_t> {
        return tx.exec(kSeal, account, due->upto)[0][0].as<std::size_t>();
      });
      if (!rows) return rows.error();
      if (*rows == 0) break;
      sealed += *rows;
    }
  }
  CPM_CHECK(database.run_blocking(kPatience, [&](Transaction& tx) -> Result<void> {
    tx.exec(kRound, due->upto);
    return {};
  }));
  return sealed;
}

Result<void> keep_audit_months(Database& database, std::chrono::seconds keep) {
  CPM_CHECK(database.run_blocking(kPatience, [](Transaction& tx) -> Result<void> {
    tx.exec(kMonths);
    return {};
  }));
  if (keep.count() == 0) return {};  // nothing is recorded any more; what was is kept until somebody sets a time
  struct Month {
    std::string name, until;
    bool attached = true, pending = false;  // what was broken off is finished
  };
  auto old = database.run_blocking(kPatience, [&](Transaction& tx) -> Result<std::vector<Month>> {
    std::vector<Month> out;
    for (const auto& row : tx.exec(kOldMonths, keep.count())) {
      out.push_back({row[0].c_str(), row[1].c_str(), row[2].as<bool>(), row[3].as<bool>()});
    }
    return out;
  });
  if (!old) return old.error();
  for (const Month& month : *old) {
    CPM_CHECK(database.run_blocking(kPatience, [&](Transaction& tx) -> Result<void> {
      tx.exec(kAnchor, month.until);
      return {};
    }));
    // Concurrently: nobody waits for it. That is no matter for a transaction.
    const std::string how = month.pending ? " finalize" : " concurrently";
    if (month.attached) {
      CPM_CHECK(database.run_blocking(
          kPatience,
          [&](Transaction& tx) -> Result<void> {
            tx.exec_raw("alter table audit detach partition " + month.name + how);
            return {};
          },
          Mode::single));
    }
    CPM_CHECK(database.run_blocking(kPatience, [&](Transaction& tx) -> Result<void> {
      tx.exec_raw("drop table " + month.name);
      return {};
    }));
  }
  return {};
}

Result<AuditVerdict> verify_audit(Database& database, AccountId account, std::string_view noted,
                                  const std::function<void(const AuditFinding&)>& found) {
  // One state of the chain and its rows.
  return database.run_blocking(600s, [&](Transaction& tx) -> Result<AuditVerdict> {
    tx.exec_raw("set transaction isolation level repeatable read, read only");
    AuditVerdict out;
    const pqxx::result chains = tx.exec(kChain, account.value);
    if (chains.empty()) {
      const pqxx::row rows = tx.exec(kUnchained, account.value)[0];
      out.unsealed = rows[0].as<std::uint64_t>();
      if (rows[1].as<std::uint64_t>() > 0)
        found({"chain removed",
               std::to_string(rows[1].as<std::uint64_t>()) + " rows that should be sealed have no chain"});
      if (!noted.empty()) found({"head unknown", "there is no chain, and so not the noted head"});
      return out;
    }
    const pqxx::row chain = chains[0];
    out.head_seal = chain[0].as<std::int32_t>();
    out.head = chain[1].c_str();
    out.from = chain[6].as<std::int64_t>();
    std::int32_t seal = chain[2].as<std::int32_t>();
    std::string hash = unhex(chain[3].c_str());
    std::string sealed_to = chain[5].c_str();
    // A chain begins behind what was dropped, and by months.
    if (seal > 0 && tx.exec(kMonthThere, chain[5].c_str())[0][0].as<bool>()) {
      found({"beginning removed",
             "the chain begins behind seal " + std::to_string(seal) + ", and the month of that seal was not dropped"});
    }
    out.noted_head_found = !noted.empty() && (hex(hash) == noted || out.head == noted);
    for (;;) {
      const pqxx::result seals = tx.exec(kSeals, account.value, seal, kSealsAtOnce);
      for (const auto& row : seals) {
        const auto number = row[0].as<std::int32_t>();
        const std::string name = "seal " + std::to_string(number);
        if (number != seal + 1) {
          found({"seals removed", "seals " + std::to_string(seal + 1) + " to " + std::to_string(number - 1)});
        }
        for (const Row& gap : rows_between(tx, account, sealed_to.c_str(), row[6].c_str()))
          found({"inserted", "before " + name + ": " + gap.label});
        const std::string digests = from_bytea(row[4]);
        const std::string expected =
            scram_hash(hash + int8(number) + int8(row[1].as<std::int64_t>()) + int8(row[2].as<std::int64_t>()) +
                       int8(row[3].as<std::int64_t>()) + digests);
        const std::string stored = from_bytea(row[5]);
        if (number == seal + 1 && expected != stored) found({"seal changed", name});
        compare(rows_between(tx, account, row[6].c_str(), row[7].c_str()), digests, name, found);
        if (digests.size() != kDigest * row[3].as<std::size_t>())
          found({"seal changed", name + ": its number of rows"});
        out.rows += row[3].as<std::uint64_t>();
        ++out.seals;
        hash = stored;
        seal = number;
        sealed_to = row[7].c_str();
        out.noted_head_found = out.noted_head_found || (!noted.empty() && hex(hash) == noted);
      }
      if (static_cast<int>(seals.size()) < kSealsAtOnce) break;
    }
    if (seal != out.head_seal || hex(hash) != out.head) {
      found({"end removed",
             "the chain ends with seal " + std::to_string(seal) + ", its head says " + std::to_string(out.head_seal)});
    }
    if (sealed_to != chain[4].c_str() && seal == out.head_seal && out.seals > 0)
      found({"head changed", std::string("it says sealed up to ") + chain[4].c_str() + " instead of " + sealed_to});
    const pqxx::row open = tx.exec(kUnsealed, account.value, sealed_to, chain[7].c_str())[0];
    out.unsealed = open[0].as<std::uint64_t>();
    if (const auto late = open[1].as<std::uint64_t>(); late > 0)
      found({"inserted", std::to_string(late) + " rows behind the last seal that are too old not to be sealed"});
    if (!noted.empty() && !out.noted_head_found) found({"head unknown", "the noted head is not in this chain"});
    return out;
  });
}

}  // namespace cpm::schema
