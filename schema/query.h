// A named SQL statement and the unit of work that executes it. The name appears in logs and metrics.
//   constexpr Query kFind{"mailbox_find", "select … where account_id = $1 and …"};
//   const pqxx::result rows = tx.exec(kFind, account.value, name);
// Every statement has `account_id = $1` (storage rule 9.1) unless its table is the address directory.
// Runs on: db thread.
#pragma once

#include "base/ids.h"
#include "schema/binary_rows.h"
#include "schema/quota_news.h"
#include "schema/statement.h"
#include "schema/wall.h"

#include <pqxx/pqxx>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cpm::schema {

class Connection;

class Transaction {
 public:
  // How the wall is declared: it was, by the statement that began the transaction, or it goes with each statement.
  enum class Declared { with_begin, with_each };
  Transaction(Connection& connection, pqxx::transaction_base& work, bool prepare, const Wall& wall, Declared declared);

  // Executes with parameters; prepares once per connection when that is on. Parameters: integers, bool, std::string,
  // std::string_view, const char*, pqxx::binarystring, made by bytes() (bytea), std::optional of those and nullptr
  // (NULL); arrays via array(). Throws pqxx exceptions, which Database turns into Error.
  template <class... Args>
  pqxx::result exec(const Query& query, Args&&... args);
  // The same with results in binary. REQUIRES: a statement that only reads.
  template <class... Args>
  BinaryRows exec_binary(const Query& query, Args&&... args);
  // Migrations and SET TRANSACTION only. Outside of a transaction it sees no account.
  pqxx::result exec_raw(const std::string& sql);

  [[nodiscard]] pqxx::transaction_base& work() { return work_; }
  // What it has found out about quotas so far; a function that refuses by itself notes it here.
  [[nodiscard]] QuotaNews& quota_news();

  // Lets the following statements see the owner's rows when the owner shares anything with `reader`: the database
  // decides. Not in which mailbox, and what of it: that is for authorize() to say (schema/access.h). A reader that is
  // not the account of the wall must also have signed URLs there. One statement, none when there is nothing to ask.
  void admit(AccountId reader, AccountId owner);
  // The same for many at once; not noted.
  void admit_all(AccountId reader, std::span<const AccountId> owners);
  // Of those that admit() was called for, who was admitted.
  [[nodiscard]] const std::vector<Admission>& admitted() const { return admitted_; }

 private:
  pqxx::result execute(const Query& query, pqxx::internal::params&& parameters);
  BinaryRows execute_binary(const Query& query, const pqxx::internal::params& parameters);
  // Whether the next statement must take the declaration of the wall along.
  [[nodiscard]] bool undeclared() const;
  // Sends the declaration and the statement together and waits for both answers.
  BinaryRows execute_declared(const Query& query, const pqxx::internal::params& parameters, int format);

  Connection& connection_;
  pqxx::transaction_base& work_;
  const bool prepare_;
  const Declared declared_;
  const AccountId account_;  // of the wall
  std::string wall_;         // what statements are to see: the value of cpmstore.wall
  std::vector<Admission> admitted_;
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
