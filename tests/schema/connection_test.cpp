#include "schema/connection.h"

#include <gtest/gtest.h>

namespace cpm::schema {
namespace {

using std::chrono::milliseconds;

TEST(ConnectionString, KeepsWhatIsGivenAndAddsDefaults) {
  const auto out =
      connection_string("postgresql://bob:se'cret@db.example:5433/store?connect_timeout=9&application_name=mine");
  ASSERT_TRUE(out);
  EXPECT_NE(out->find("host='db.example'"), std::string::npos);
  EXPECT_NE(out->find("password='se\\'cret'"), std::string::npos);
  EXPECT_NE(out->find("connect_timeout='9'"), std::string::npos);
  EXPECT_NE(out->find("application_name='mine'"), std::string::npos);
  EXPECT_NE(out->find("keepalives_idle='30'"), std::string::npos);
  EXPECT_NE(connection_string("host=/run/x dbname=d")->find("application_name='cpmstored'"), std::string::npos);
}

TEST(ConnectionString, RefusesWhatItCannotRead) {
  const auto out = connection_string("host=x passwrd=secret");
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().failure, Failure::invalid);
  EXPECT_EQ(out.error().text.find("secret"), std::string::npos);
}

TEST(StatementTimeout, IsALadderThatNeverCutsShort) {
  EXPECT_EQ(statement_timeout_for(milliseconds(1)), milliseconds(100));
  EXPECT_EQ(statement_timeout_for(milliseconds(119'500)), milliseconds(120'000));
  EXPECT_EQ(statement_timeout_for(milliseconds(120'000)), milliseconds(120'000));
  EXPECT_EQ(statement_timeout_for(milliseconds(120'001)), milliseconds(300'000));
  EXPECT_EQ(statement_timeout_for(std::chrono::hours(24)), milliseconds(0));
}

}  // namespace
}  // namespace cpm::schema
