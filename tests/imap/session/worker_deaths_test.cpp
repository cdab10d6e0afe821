#include "imap/session/worker_deaths.h"

#include <gtest/gtest.h>

namespace cpm::imap {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
const WorkerDeaths::Clock::time_point kBegin{hours(1000)};

TEST(WorkerDeathsTest, RestsLongerEachTime) {
  WorkerDeaths deaths;
  EXPECT_EQ(deaths.note("a", kBegin), minutes(1));
  EXPECT_EQ(deaths.note("a", kBegin + minutes(1)), WorkerDeaths::kHour);
  EXPECT_EQ(deaths.note("a", kBegin + hours(2)), WorkerDeaths::kDay);
  EXPECT_EQ(deaths.note("a", kBegin + hours(27)), WorkerDeaths::kDay);
  EXPECT_EQ(deaths.note("b", kBegin + hours(27)), minutes(1)) << "each part by itself";
}

TEST(WorkerDeathsTest, ASuccessOrTimeForgives) {
  WorkerDeaths deaths;
  deaths.note("a", kBegin);
  deaths.forgive("a");
  EXPECT_EQ(deaths.note("a", kBegin), minutes(1));
  EXPECT_EQ(deaths.note("a", kBegin + hours(49)), minutes(1));
}

TEST(WorkerDeathsTest, ForgetsTheOldestWhenThereAreTooMany) {
  WorkerDeaths deaths(2);
  deaths.note("z", kBegin);
  deaths.note("a", kBegin + minutes(1));
  deaths.note("m", kBegin + minutes(2));  // "z" goes
  EXPECT_EQ(deaths.note("a", kBegin + minutes(3)), WorkerDeaths::kHour);
  EXPECT_EQ(deaths.note("z", kBegin + minutes(4)), minutes(1));
}

}  // namespace
}  // namespace cpm::imap
