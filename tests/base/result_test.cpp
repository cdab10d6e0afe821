#include "base/result.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace cpm {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Failure::invalid, "odd", "got " + std::to_string(number));
  return number / 2;
}

Result<int> quarter(int number) {
  CPM_TRY(once, half(number));
  CPM_TRY(twice, half(once));
  return twice;
}

Result<void> divisible(int number) {
  CPM_CHECK(quarter(number));
  return {};
}

TEST(Result, PassesErrorsOn) {
  EXPECT_EQ(*quarter(8), 2);
  const auto refused = quarter(6);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::invalid);
  EXPECT_EQ(refused.error().detail, "got 3");
  EXPECT_TRUE(divisible(4));
  EXPECT_FALSE(divisible(5));
}

TEST(Result, ThrowsWhenAnErrorIsTakenForAValue) {
  const auto refused = half(1);
  EXPECT_THROW(static_cast<void>(refused.value()), std::logic_error);
}

TEST(Failure, HasANameOfItsOwnForEachKind) {
  std::set<std::string> names;
  for (int kind = 0; kind <= static_cast<int>(Failure::internal); ++kind) {
    EXPECT_TRUE(names.insert(failure_name(static_cast<Failure>(kind))).second) << kind;
  }
}

}  // namespace
}  // namespace cpm
