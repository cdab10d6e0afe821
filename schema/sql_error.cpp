#include "schema/sql_error.h"

#include <pqxx/pqxx>

#include <string>
#include <string_view>

namespace cpm::schema {

namespace {

constexpr const char* kAway = "the database is not available, try again later";

// The first line only: the following ones may quote a row.
std::string first_line(const char* message) {
  const std::string_view text(message);
  return std::string(text.substr(0, text.find('\n')));
}

SqlFailure away(std::string detail, bool broken) {
  return {fail(Failure::unavailable, kAway, std::move(detail)), false, broken};
}

}  // namespace

SqlFailure sql_failure(std::string_view sqlstate, std::string detail) {
  detail += " (SQLSTATE ";
  detail += sqlstate;
  detail += ')';
  const std::string_view group = sqlstate.substr(0, 2);
  if (sqlstate == "40001" || sqlstate == "40P01") {
    return {fail(Failure::unavailable, "too many changes at the same time, try again", std::move(detail)), true, false};
  }
  if (sqlstate == "57014")
    return {fail(Failure::timeout, "the database took too long", std::move(detail)), false, false};
  if (sqlstate == "55P03")
    return {fail(Failure::timeout, "locked by somebody else, try again", std::move(detail)), false, false};
  if (sqlstate == "CP001")
    return {fail(Failure::over_quota, "the limit of this account is reached", std::move(detail)), false, false};
  if (sqlstate == "23505") return {fail(Failure::exists, "already exists", std::move(detail)), false, false};
  if (sqlstate == "P0002")
    return {fail(Failure::not_found, "no such mailbox", std::move(detail)), false, false};  // raised by our functions
  if (sqlstate == "22003")
    return {fail(Failure::limit, "a counter of this mailbox is exhausted", std::move(detail)), false, false};
  if (sqlstate == "53100") return away("disk full: " + detail, false);
  if (sqlstate == "25006") return away("the server is read-only: " + detail, true);  // a standby: look for the primary
  if (sqlstate == "25P03") return away(std::move(detail), true);                     // idle in transaction too long
  if (group == "08" || group == "57") return away(std::move(detail), true);
  if (group == "53") return away(std::move(detail), false);
  if (group == "XX" && sqlstate != "XX000")
    return {fail(Failure::corrupt, "stored data is damaged", std::move(detail)), false, false};
  return {fail(Failure::internal, "internal error", std::move(detail)), false, false};
}

std::optional<SqlFailure> sql_failure(std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const pqxx::broken_connection& e) {
    return away(first_line(e.what()), true);
  } catch (const pqxx::in_doubt_error& e) {
    return away("outcome of the commit unknown: " + first_line(e.what()), true);
  } catch (const pqxx::statement_completion_unknown& e) {
    return away("outcome of the commit unknown: " + first_line(e.what()), true);
  } catch (const pqxx::deadlock_detected& e) {
    return sql_failure("40P01", first_line(e.what()));
  } catch (const pqxx::transaction_rollback& e) {
    return sql_failure("40001", first_line(e.what()));
  } catch (const pqxx::sql_error& e) {
    // e.query() is the name of a prepared statement, or SQL text: both are for the log only.
    const std::string state = e.sqlstate().empty() ? "?????" : e.sqlstate();
    return sql_failure(state, first_line(e.query().c_str()) + ": " + first_line(e.what()));
  } catch (const pqxx::pqxx_exception& e) {  // a value that does not convert, a row that is not there: our bug
    return SqlFailure{fail(Failure::internal, "internal error", first_line(e.base().what())), false, false};
  } catch (...) {
    return std::nullopt;
  }
}

}  // namespace cpm::schema
