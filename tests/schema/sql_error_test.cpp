#include "schema/sql_error.h"

#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include <stdexcept>

namespace cpm::schema {
namespace {

template <class Exception, class... Args>
std::optional<SqlFailure> of(Args&&... args) {
  return sql_failure(std::make_exception_ptr(Exception(std::forward<Args>(args)...)));
}

TEST(SqlError, MapsStates) {
  EXPECT_EQ(sql_failure("57014", "").error.failure, Failure::timeout);
  EXPECT_EQ(sql_failure("55P03", "").error.failure, Failure::timeout);
  EXPECT_EQ(sql_failure("23505", "").error.failure, Failure::exists);
  EXPECT_EQ(sql_failure("P0002", "").error.failure, Failure::not_found);
  EXPECT_EQ(sql_failure("22003", "").error.failure, Failure::limit);
  EXPECT_EQ(sql_failure("42703", "").error.failure, Failure::internal);
  EXPECT_EQ(sql_failure("XX001", "").error.failure, Failure::corrupt);
  for (const char* state : {"57P01", "57P03", "08006", "25006", "25P03"}) {
    EXPECT_EQ(sql_failure(state, "").error.failure, Failure::unavailable) << state;
    EXPECT_TRUE(sql_failure(state, "").broken) << state;
  }
  for (const char* state : {"53100", "53300", "53200"}) {
    EXPECT_EQ(sql_failure(state, "").error.failure, Failure::unavailable) << state;
    EXPECT_FALSE(sql_failure(state, "").broken) << state;
  }
  EXPECT_NE(sql_failure("53100", "").error.detail.find("disk full"), std::string::npos);
}

TEST(SqlError, RetriesConflictsOnly) {
  EXPECT_TRUE(sql_failure("40001", "").retry);
  EXPECT_TRUE(sql_failure("40P01", "").retry);
  EXPECT_FALSE(sql_failure("23505", "").retry);
  EXPECT_TRUE(of<pqxx::deadlock_detected>("deadlock detected")->retry);
  EXPECT_TRUE(of<pqxx::serialization_failure>("conflict")->retry);
}

TEST(SqlError, TellsALostCommitFromALostConnection) {
  const auto lost = of<pqxx::broken_connection>("gone");
  const auto doubt = of<pqxx::in_doubt_error>("gone");
  EXPECT_TRUE(lost->broken);
  EXPECT_TRUE(doubt->broken);
  EXPECT_EQ(lost->error.detail.find("unknown"), std::string::npos);
  EXPECT_NE(doubt->error.detail.find("unknown"), std::string::npos);
}

TEST(SqlError, KeepsRowsAndStatementsFromTheClient) {
  const auto failure =
      of<pqxx::sql_error>("ERROR: no\nDETAIL: Failing row contains (secret)", "select secret", "23514");
  EXPECT_EQ(failure->error.failure, Failure::internal);
  EXPECT_EQ(failure->error.text.find("secret"), std::string::npos);
  EXPECT_EQ(failure->error.detail.find("Failing row"), std::string::npos);
}

TEST(SqlError, LeavesOtherExceptionsAlone) {
  EXPECT_FALSE(of<std::logic_error>("bug"));
  EXPECT_EQ(of<pqxx::conversion_error>("not a number")->error.failure, Failure::internal);
}

}  // namespace
}  // namespace cpm::schema
