// Which accounts a piece of work may see rows of: PostgreSQL shows it no others, whatever its statements ask for
// (migrations/0020_row_security.sql, docs/decisions/0047-row-level-security.md). A value, declared by Database with
// each transaction and each statement outside of one.
//   Wall::of(account)  the work of a session: rows of its account. Other owners are let in one by one, by
//                      Transaction::admit(), and the database decides whether they share anything
//   Wall::closed()     before somebody has logged in: no account
//   Wall::open()       the store's own work (upkeep, push, cpmctl): all
// Runs on: any thread, but for wall_holds().
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "schema/statement.h"

#include <compare>
#include <string>
#include <utility>
#include <vector>

namespace cpm::schema {

class Database;

// What admit() was asked for. The reader is the account of the wall, or the one that signed a URL (RFC 4467).
struct Admission {
  AccountId reader, owner;
  auto operator<=>(const Admission&) const = default;
};

class Wall {
 public:
  static Wall open() { return Wall(kOpen, {}); }
  static Wall closed() { return Wall({}, {}); }
  static Wall of(AccountId account) {
    return Wall(account ? '{' + std::to_string(account.value) + '}' : std::string(), account);
  }

  // Asked of the database again before the work begins: an earlier piece of the same command was admitted.
  Wall& also(std::vector<Admission> others) {
    others_ = std::move(others);
    return *this;
  }

  [[nodiscard]] bool is_open() const { return declared_ == kOpen; }
  [[nodiscard]] AccountId account() const { return account_; }
  [[nodiscard]] const std::vector<Admission>& others() const { return others_; }
  // The value of cpmstore.wall: `open`, a list of account ids in braces, or nothing.
  [[nodiscard]] const std::string& declared() const { return declared_; }

 private:
  static constexpr const char* kOpen = "open";
  Wall(std::string declared, AccountId account) : declared_(std::move(declared)), account_(account) {}

  std::string declared_;
  AccountId account_;
  std::vector<Admission> others_;
};

// Whether PostgreSQL holds the login of the database to it: not if it is a superuser or has BYPASSRLS.
// Runs on: start-up thread or cpmctl.
[[nodiscard]] Result<bool> wall_holds(Database& database);

// For the session, and for what follows on the connection; and for one transaction or one statement outside of one.
inline constexpr Query kDeclare{"wall_declare", "select set_config('cpmstore.wall', $1, false)"};
inline constexpr Query kDeclareHere{"wall_declare_here", "select set_config('cpmstore.wall', $1, true)"};

}  // namespace cpm::schema
