#include "schema/query.h"

#include "schema/connection.h"

#include <libpq-fe.h>

#include <pqxx/internal/gates/result-creation.hxx>

#include <algorithm>
#include <array>

namespace cpm::schema {

namespace {

constexpr int kText = 0;
constexpr int kBinary = 1;

// The library makes results for itself only, and sends no statements in a pipeline. An explicit instantiation may name
// what is private: this is how a result of ours becomes one of its.
using MakeResult = pqxx::result (*)(PGresult*, const std::string&, pqxx::internal::encoding_group);
MakeResult result_maker();
template <MakeResult make>
struct ResultMaker {
  friend MakeResult result_maker() { return make; }
};
template struct ResultMaker<&pqxx::internal::gate::result_creation::create>;

struct Clear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, Clear>;

// Statements are sent without waiting for the answers of those before.
class Pipeline {
 public:
  explicit Pipeline(PGconn* connection) : connection_(connection) {
    if (PQenterPipelineMode(connection) != 1) throw pqxx::broken_connection(PQerrorMessage(connection));
  }
  ~Pipeline() { PQexitPipelineMode(connection_); }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

 private:
  PGconn* const connection_;
};

[[noreturn]] void fail_with(PGconn* connection, PGresult* result, const Query& query) {
  const char* const said = result != nullptr ? PQresultErrorMessage(result) : "";
  const std::string message = *said != '\0' ? said : PQerrorMessage(connection);
  if (result == nullptr || PQstatus(connection) != CONNECTION_OK) throw pqxx::broken_connection(message);
  throw pqxx::sql_error(message, query.name, PQresultErrorField(result, PG_DIAG_SQLSTATE));
}

bool worked(PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

constexpr Query kAdmit{
    "wall_admit",
    "select a::text, set_config('cpmstore.wall', ($4::bigint[] || a)::text, true) from wall_admits_v1($1, $2, $3) a"};

}  // namespace

Transaction::Transaction(Connection& connection, pqxx::transaction_base& work, bool prepare, const Wall& wall,
                         Declared declared)
    : connection_(connection),
      work_(work),
      prepare_(prepare),
      declared_(declared),
      account_(wall.account()),
      wall_(wall.declared()) {
  connection_.quota_news() = {};
  std::vector<AccountId> sharing;
  for (const Admission& other : wall.others()) {
    if (other.reader == account_) {
      sharing.push_back(other.owner);
      admitted_.push_back(other);
    } else {
      admit(other.reader, other.owner);
    }
  }
  admit_all(account_, sharing);
}

void Transaction::admit(AccountId reader, AccountId owner) {
  const std::size_t before = wall_.size();
  const Admission asked{reader, owner};
  if (std::find(admitted_.begin(), admitted_.end(), asked) != admitted_.end()) return;
  admit_all(reader, {&owner, 1});
  if (wall_.size() != before) admitted_.push_back(asked);
}

void Transaction::admit_all(AccountId reader, std::span<const AccountId> owners) {
  if (!account_) return;  // open to all, or to nobody
  std::vector<std::int64_t> asked;
  for (const AccountId owner : owners) {
    if (owner != account_ || reader != account_) asked.push_back(owner.value);
  }
  if (asked.empty()) return;
  const pqxx::result rows =
      exec(kAdmit, reader.value, array(std::span<const std::int64_t>(asked)), reader != account_, wall_);
  const std::string_view admitted = rows[0][0].c_str();
  if (admitted.size() <= 2) return;  // {}
  wall_.back() = ',';
  wall_ += admitted.substr(1);
}

bool Transaction::undeclared() const {
  return declared_ == Declared::with_each && (!prepare_ || wall_ != connection_.wall());
}

QuotaNews& Transaction::quota_news() { return connection_.quota_news(); }

pqxx::result Transaction::execute(const Query& query, pqxx::internal::params&& parameters) try {
  if (undeclared()) {
    BinaryRows rows = execute_declared(query, parameters, kText);
    return result_maker()(rows.release(), query.name, pqxx::internal::encoding_group::UTF8);
  }
  if (!prepare_) return work_.exec_params(query.sql, std::move(parameters));
  connection_.prepare_once(query);
  return work_.exec_prepared(query.name, std::move(parameters));
} catch (const pqxx::sql_error& error) {
  if (error.sqlstate() == "CP001") quota_news().refused = refused_quota(error.what());
  throw;
}

BinaryRows Transaction::execute_declared(const Query& query, const pqxx::internal::params& parameters, int format) {
  const auto values = parameters.get_pointers();
  const int count = static_cast<int>(values.size());
  const char* const wall = wall_.c_str();
  PGconn* const raw = connection_.raw();
  if (prepare_) {
    for (const Query* one : {&kDeclare, &query}) {
      connection_.prepare_once(*one);
      connection_.get().prepare_now(one->name);
    }
  }
  Answer said, made;
  {
    const Pipeline pipeline(raw);
    const bool sent = prepare_
                          ? PQsendQueryPrepared(raw, kDeclare.name, 1, &wall, nullptr, nullptr, kText) == 1 &&
                                PQsendQueryPrepared(raw, query.name, count, values.data(), parameters.lengths.data(),
                                                    parameters.binaries.data(), format) == 1
                          : PQsendQueryParams(raw, kDeclareHere.sql, 1, nullptr, &wall, nullptr, nullptr, kText) == 1 &&
                                PQsendQueryParams(raw, query.sql, count, nullptr, values.data(),
                                                  parameters.lengths.data(), parameters.binaries.data(), format) == 1;
    if (!sent || PQpipelineSync(raw) != 1) fail_with(raw, nullptr, query);
    // Each answer is followed by a null; two of them: nothing more will come.
    for (bool ended = false;;) {
      Answer one(PQgetResult(raw));
      if (!one && ended) break;
      ended = !one;
      if (PQresultStatus(one.get()) == PGRES_PIPELINE_SYNC) break;
      if (one) (said ? made : said) = std::move(one);
    }
  }
  if (!worked(said.get())) fail_with(raw, said.get(), kDeclare);
  if (!worked(made.get())) fail_with(raw, made.get(), query);
  if (prepare_) connection_.note_wall(wall_);
  return BinaryRows(made.release());
}

BinaryRows Transaction::execute_binary(const Query& query, const pqxx::internal::params& parameters) {
  if (undeclared()) return execute_declared(query, parameters, kBinary);
  const auto values = parameters.get_pointers();
  const int count = static_cast<int>(values.size());
  PGconn* const raw = connection_.raw();
  PGresult* result = nullptr;
  if (prepare_) {
    connection_.prepare_once(query);
    connection_.get().prepare_now(query.name);
    result = PQexecPrepared(raw, query.name, count, values.data(), parameters.lengths.data(),
                            parameters.binaries.data(), kBinary);
  } else {
    result = PQexecParams(raw, query.sql, count, nullptr, values.data(), parameters.lengths.data(),
                          parameters.binaries.data(), kBinary);
  }
  BinaryRows rows(result);
  if (PQresultStatus(result) == PGRES_TUPLES_OK) return rows;
  const std::string message = PQerrorMessage(raw);
  if (PQstatus(raw) != CONNECTION_OK) throw pqxx::broken_connection(message);
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  throw pqxx::sql_error(message, query.name, state);
}

pqxx::result Transaction::exec_raw(const std::string& sql) { return work_.exec(sql); }

namespace {

template <class Number>
std::string number_array(std::span<const Number> numbers) {
  std::string out = "{";
  for (const Number number : numbers) {
    if (out.size() > 1) out += ',';
    out += std::to_string(number);
  }
  return out += '}';
}

}  // namespace

std::string array(std::span<const std::uint32_t> numbers) { return number_array(numbers); }
std::string array(std::span<const std::int64_t> numbers) { return number_array(numbers); }

std::string array(std::span<const std::string> texts) {
  std::string out = "{";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    out += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out += '}';
}

std::string bytea_array(std::span<const std::string_view> values) {
  constexpr char kHex[] = "0123456789abcdef";
  std::size_t total = 2;
  for (const std::string_view value : values) total += value.size() * 2 + 8;
  std::string out = "{";
  out.reserve(total);
  for (const std::string_view value : values) {
    if (out.size() > 1) out += ',';
    out += "\"\\\\x";
    for (const char c : value) {
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
    out += '"';
  }
  return out += '}';
}

pqxx::binarystring bytes(std::string_view value) { return pqxx::binarystring(value.data(), value.size()); }

std::string from_bytea(const pqxx::field& field) {
  // Hex output ("\x…") is what every supported server sends; decoding it here is several times faster than by libpq.
  static constexpr auto kValues = [] {
    std::array<std::uint8_t, 256> table{};
    for (int i = 0; i < 10; ++i) table[static_cast<std::size_t>('0' + i)] = static_cast<std::uint8_t>(i);
    for (int i = 0; i < 6; ++i) {
      table[static_cast<std::size_t>('a' + i)] = static_cast<std::uint8_t>(10 + i);
      table[static_cast<std::size_t>('A' + i)] = static_cast<std::uint8_t>(10 + i);
    }
    return table;
  }();
  if (field.is_null()) return {};
  const std::string_view text(field.c_str(), field.size());
  if (text.size() < 2 || text[0] != '\\' || text[1] != 'x') return pqxx::binarystring(field).str();
  std::string out((text.size() - 2) / 2, '\0');
  const auto* hex = reinterpret_cast<const unsigned char*>(text.data() + 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<char>(kValues[hex[2 * i]] << 4 | kValues[hex[2 * i + 1]]);
  }
  return out;
}

}  // namespace cpm::schema
