// Refusals that our SQL functions raise (migrations/0002_functions.sql) as Errors. Raised, not returned, so that
// everything the function did is undone even when it runs outside a transaction block.
// Runs on: db thread.
#pragma once

#include "base/result.h"

#include <pqxx/pqxx>

namespace cpm::schema {

// Calls `function`, which executes one statement; anything that is no refusal goes on as an exception. After a refusal
// the transaction can only be rolled back: return the Error to Database::run().
template <class Function>
[[nodiscard]] Result<pqxx::result> refusable(Function function) {
  try {
    return function();
  } catch (const pqxx::sql_error& e) {
    if (e.sqlstate() == "CP001") return fail(Failure::over_quota, "the limit of this account is reached");
    if (e.sqlstate() == "CP002") return fail(Failure::limit, "too many keywords in the target mailbox");
    if (e.sqlstate() == "CP004") return fail(Failure::too_many, "too many annotations of one message");
    if (e.sqlstate() == "CP003")
      return fail(Failure::unavailable, "the message was not stored in time, try again", "staged content is gone");
    if (e.sqlstate() == "CP005") return fail(Failure::denied, "no right to do this in this mailbox");
    throw;
  }
}

}  // namespace cpm::schema
