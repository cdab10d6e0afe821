#include "schema/query.h"

#include "schema/connection.h"

#include <libpq-fe.h>

#include <array>

namespace cpm::schema {

Transaction::Transaction(Connection& connection, pqxx::transaction_base& work, bool prepare)
    : connection_(connection), work_(work), prepare_(prepare) {
  connection_.quota_news() = {};
}

QuotaNews& Transaction::quota_news() { return connection_.quota_news(); }

pqxx::result Transaction::execute(const Query& query, pqxx::internal::params&& parameters) try {
  if (!prepare_) return work_.exec_params(query.sql, std::move(parameters));
  connection_.prepare_once(query);
  return work_.exec_prepared(query.name, std::move(parameters));
} catch (const pqxx::sql_error& error) {
  if (error.sqlstate() == "CP001") quota_news().refused = refused_quota(error.what());
  throw;
}

BinaryRows Transaction::execute_binary(const Query& query, const pqxx::internal::params& parameters) {
  constexpr int kBinary = 1;
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
