// A named SQL statement and the unit of work that executes it. The name appears in logs and metrics.
//   constexpr Query kFind{"mailbox_find", "select … where account_id = $1 and …"};
//   const pqxx::result rows = tx.exec(kFind, account.value, name);
// Every statement has `account_id = $1` (storage rule 9.1) unless its table is the address directory.
// Runs on: db thread.
#pragma once

#include "base/ids.h"
#include "schema/binary_rows.h"
#include "schema/quota_news.h"

#include <pqxx/pqxx>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cpm::schema {

class Connection;

struct Query {
  const char* name;
  const char* sql;
};

class Transaction {
 public:
  Transaction(Connection& connection, pqxx::transaction_base& work, bool prepare);

  // Executes with parameters; prepares once per connection when that is on. Parameters: integers, bool, std::string,
  // std::string_view, const char*, pqxx::binarystring, made by bytes() (bytea), std::optional of those and nullptr
  // (NULL); arrays via array(). Throws pqxx exceptions, which Database turns into Error.
  template <class... Args>
  pqxx::result exec(const Query& query, Args&&... args);
  // The same with results in binary. REQUIRES: a statement that only reads.
  template <class... Args>
  BinaryRows exec_binary(const Query& query, Args&&... args);
  pqxx::result exec_raw(const std::string& sql);  // migrations and SET TRANSACTION only

  [[nodiscard]] pqxx::transaction_base& work() { return work_; }
  // What it has found out about quotas so far; a function that refuses by itself notes it here.
  [[nodiscard]] QuotaNews& quota_news();

 private:
  pqxx::result execute(const Query& query, pqxx::internal::params&& parameters);
  BinaryRows execute_binary(const Query& query, const pqxx::internal::params& parameters);

  Connection& connection_;
  pqxx::transaction_base& work_;
  const bool prepare_;
};

// libpqxx 6.4 knows neither optional nor string_view, so its parameter list is filled here.
namespace detail {

inline void add(pqxx::internal::params& to, std::nullptr_t) {
  to.lengths.push_back(0);
  to.nonnulls.push_back(0);
  to.binaries.push_back(0);
}
inline void add(pqxx::internal::params& to, std::string_view text) {
  to.strings.emplace_back(text);
  to.lengths.push_back(static_cast<int>(text.size()));
  to.nonnulls.push_back(1);
  to.binaries.push_back(0);
}
inline void add(pqxx::internal::params& to, const std::string& text) { add(to, std::string_view(text)); }
inline void add(pqxx::internal::params& to, const char* text) {
  if (text == nullptr) return add(to, nullptr);
  add(to, std::string_view(text));
}
inline void add(pqxx::internal::params& to, const pqxx::binarystring& bytes) {
  to.bin_strings.push_back(bytes);
  to.lengths.push_back(static_cast<int>(bytes.size()));
  to.nonnulls.push_back(1);
  to.binaries.push_back(1);
}
inline void add(pqxx::internal::params& to, bool value) { add(to, std::string_view(value ? "t" : "f")); }
template <class Int>
requires(std::is_integral_v<Int> && !std::is_same_v<Int, bool> &&
         !std::is_same_v<Int, char>) void add(pqxx::internal::params& to, Int value) {
  add(to, std::string_view(std::to_string(value)));
}
template <class T>
void add(pqxx::internal::params& to, const std::optional<T>& value) {
  if (value) {
    add(to, *value);
  } else {
    add(to, nullptr);
  }
}

template <class... Args>
pqxx::internal::params parameters_of(const Args&... args) {
  pqxx::internal::params parameters;
  parameters.lengths.reserve(sizeof...(args));
  parameters.strings.reserve(sizeof...(args));
  (add(parameters, args), ...);
  return parameters;
}

}  // namespace detail

template <class... Args>
pqxx::result Transaction::exec(const Query& query, Args&&... args) {
  return execute(query, detail::parameters_of(args...));
}

template <class... Args>
BinaryRows Transaction::exec_binary(const Query& query, Args&&... args) {
  return execute_binary(query, detail::parameters_of(args...));
}

// bytea values both ways; parameters travel in binary, results come as hex text (empty when NULL).
[[nodiscard]] pqxx::binarystring bytes(std::string_view value);
[[nodiscard]] std::string from_bytea(const pqxx::field& field);
// A bytea[] parameter; hex text, so twice the size: for small values.
[[nodiscard]] std::string bytea_array(std::span<const std::string_view> values);

// "{1,2,3}" for an int[] parameter, and "{\"a\",\"b\"}" for text[].
[[nodiscard]] std::string array(std::span<const std::uint32_t> numbers);
[[nodiscard]] std::string array(std::span<const std::int64_t> numbers);
[[nodiscard]] std::string array(std::span<const std::string> texts);

}  // namespace cpm::schema
