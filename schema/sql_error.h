// What a failed statement means: pqxx exceptions become an Error and a verdict on connection and transaction, by
// SQLSTATE. The client's text never holds SQL or data; the detail is one line for the log, without the row that
// PostgreSQL may quote.
// Runs on: db thread.
#pragma once

#include "base/error.h"

#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::schema {

struct SqlFailure {
  Error error;
  bool retry = false;   // serialization failure or deadlock: the same function may run again
  bool broken = false;  // the connection is of no more use
};

// None when the exception is not one of pqxx: the caller lets it go on.
[[nodiscard]] std::optional<SqlFailure> sql_failure(std::exception_ptr exception);

// By SQLSTATE alone, for the classes that matter (PostgreSQL appendix A).
[[nodiscard]] SqlFailure sql_failure(std::string_view sqlstate, std::string detail);

}  // namespace cpm::schema
