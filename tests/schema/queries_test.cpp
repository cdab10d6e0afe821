// Storage rule: every statement names the account it works on, so that the data can be distributed by account.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Statement {
  std::string file, name, sql;
};

// The text of C++ string literals in `text`, joined; stops at the closing brace of the initialiser.
std::string joined_literals(const std::string& text, std::size_t& at) {
  std::string out;
  for (; at < text.size() && text[at] != '}'; ++at) {
    if (text[at] == '/' && text.compare(at, 2, "//") == 0) {
      at = text.find('\n', at);
    } else if (text[at] == 'R' && text.compare(at, 3, "R\"(") == 0) {
      const std::size_t end = text.find(")\"", at);
      out += text.substr(at + 3, end - at - 3);
      at = end + 1;
    } else if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
        out += text[at];
      }
    }
  }
  return out;
}

std::vector<Statement> statements() {
  std::vector<Statement> out;
  for (const auto& entry : fs::directory_iterator(fs::path(CPMSTORE_SOURCE_DIR) / "schema")) {
    const std::string extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".h") continue;
    std::ifstream in(entry.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    // Query kName{"name", "sql"}, and rows of arrays of queries.
    static const std::regex kBegin(R"re((?:Query\s+\w+\s*|\n\s*)\{\s*"([a-z0-9_]+)",)re");
    for (auto match = std::sregex_iterator(text.begin(), text.end(), kBegin); match != std::sregex_iterator();
         ++match) {
      std::size_t at = static_cast<std::size_t>(match->position() + match->length());
      Statement statement{entry.path().filename(), (*match)[1], joined_literals(text, at)};
      static const std::regex kSql(R"re(^\s*(select|insert|update|delete|with)\b)re");
      if (std::regex_search(statement.sql, kSql)) out.push_back(std::move(statement));
    }
  }
  return out;
}

// The only tables that are not led by an account: the directory, services, the installation, the schema itself; and
// what walks over accounts on purpose.
bool excepted(const Statement& statement) {
  static const std::set<std::string> kAcrossAccounts{
      "check_accounts",  // the list of accounts, in pages
      "check_addresses",
      "check_service_names",
      "check_orphans",
      "check_share_hints",  // the store as a whole
      "purge_accounts",     // which accounts have content to purge
      "expunged_due",       // which mailbox is to be folded next
      "account_rows",       // a page of accounts for the administrator
      "sweep_accounts",
      "sweep_some_accounts",  // the next accounts with a retention
      "audit_due",
      "audit_round",
      "audit_months",
      "audit_old_months",
      "audit_month_there",
      "audit_anchor",  // sealing and months
      "undelete_due",  // what can be restored no longer
      "sweep_round",   // how far their round is
      "acl_expired",
      "reader_flags_sweep",  // what the upkeep is to remove
      "group_members",
      "group_remove_members",  // the accounts of a group
      "push_claim",
      "push_queues",
      "push_backlog",            // the next queues of events to be told; what waits
      "push_forget",             // dead letters that are too old
      "push_free",               // what a killed node had taken
      "quota_limited_accounts",  // a page of accounts with limits
      "conversion_totals",
      "conversion_excess",
      "conversion_accounts",  // results of conversions: how many, which are to go
  };
  if (kAcrossAccounts.contains(statement.name)) return true;
  static const std::regex kTable(R"re(\b(?:from|join|into|update)\s+([a-z_]+))re");
  static const std::set<std::string> kNoAccount{
      "address",          "service",     "service_pattern",   "installation", "schema_version",
      "schema_migration", "site_policy", "sweep_round",       "pg_index",     "pg_extension",
      "pg_namespace",     "pg_roles",    "push_subscription", "acl_group",    "shared_name"};
  static const std::set<std::string> kDirectory{"account", "credential"};  // read by name at log-in
  std::set<std::string> tables;
  static const std::regex kExtract(R"re(extract\(epoch from [a-z_.]+\))re");
  const std::string sql = std::regex_replace(statement.sql, kExtract, "0");
  for (auto match = std::sregex_iterator(sql.begin(), sql.end(), kTable); match != std::sregex_iterator(); ++match) {
    tables.insert((*match)[1]);
  }
  tables.erase("unnest");
  tables.erase("set");
  const bool directory = tables.contains("address");
  for (const std::string& table : tables) {
    if (!kNoAccount.contains(table) && !(directory && kDirectory.contains(table))) return false;
  }
  return true;
}

bool names_account(const std::string& sql) {
  static const std::regex kWhere(R"re(account_id\s*=\s*\$1\b)re");
  static const std::regex kInsert(
      R"re(insert into \w+(?: as \w+| \w+)?\s*\(account_id\b[^)]*\)\s*(?:values\s*\(|select\s+)\$1\b)re");
  static const std::regex kFunction(R"re(\b\w+_v\d+\s*\(\s*\$1\b)re");
  return std::regex_search(sql, kWhere) || std::regex_search(sql, kInsert) || std::regex_search(sql, kFunction);
}

TEST(SchemaQueries, NameTheAccount) {
  const auto all = statements();
  ASSERT_GT(all.size(), 50U);
  for (const Statement& statement : all) {
    if (excepted(statement)) continue;
    EXPECT_TRUE(names_account(statement.sql)) << statement.file << " " << statement.name << ": " << statement.sql;
  }
}

TEST(SchemaQueries, HaveDifferentNames) {
  // Prepared statements are known to the server by name.
  std::map<std::string, std::string> seen;
  for (const Statement& statement : statements()) {
    const auto [place, fresh] = seen.emplace(statement.name, statement.file);
    EXPECT_TRUE(fresh) << statement.name << " in " << statement.file << " and " << place->second;
  }
}

// The second entrances have no policies: they are for the views of migrations/0020_row_security.sql alone.
TEST(SchemaQueries, NameNoSecondEntrance) {
  for (const Statement& statement : statements()) {
    for (const char* entrance : {"wall_message", "wall_content"})
      EXPECT_EQ(statement.sql.find(entrance), std::string::npos) << statement.file << " " << statement.name;
  }
}

TEST(SchemaQueries, TheCheckRecognisesOffenders) {
  EXPECT_FALSE(names_account("select uid from message where mailbox_id = $1"));
  EXPECT_FALSE(names_account("insert into message (uid, account_id) values ($1, $2)"));
  EXPECT_TRUE(names_account("insert into message (account_id, uid) values ($1, $2)"));
  EXPECT_FALSE(excepted({"x.cpp", "x", "select uid from message where uid = $1"}));
  EXPECT_FALSE(excepted({"x.cpp", "x", "select 1 from mailbox m join address a on true"}));
}

}  // namespace
