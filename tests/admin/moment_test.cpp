// Moments as an administrator writes them.
#include "admin/moment.h"

#include <gtest/gtest.h>

namespace cpm::admin {
namespace {

using std::chrono::sys_seconds;

constexpr sys_seconds at(std::int64_t seconds) { return sys_seconds{std::chrono::seconds(seconds)}; }
const sys_seconds kNow = at(1'000'000);

TEST(Moment, ReadsMomentsAndPeriods) {
  EXPECT_EQ(expiry_from("2026-12-31T23:59:59Z", kNow).value(), at(1'798'761'599));
  EXPECT_EQ(expiry_from("2027-01-01T01:59:59+02:00", kNow).value(), at(1'798'761'599));
  EXPECT_EQ(expiry_from("2026-12-31T18:59:59-05:00", kNow).value(), at(1'798'761'599));
  EXPECT_EQ(expiry_from("2026-12-31", kNow).value(), at(1'798'675'200));
  EXPECT_EQ(expiry_from("30s", kNow).value(), at(1'000'030));
  EXPECT_EQ(expiry_from("+2d", kNow).value(), at(1'172'800));
  EXPECT_EQ(expiry_from("never", kNow).value(), std::nullopt);
}

TEST(Moment, RefusesWhatIsNone) {
  for (const char* text : {"", "+", "-1d", "tomorrow", "2026-13-01", "2026-02-30", "2026-12-31T24:00:00Z",
                           "2026-12-31T23:59:59", "2026-12-31T23:59:59Q", "2026-12-31T23:59:59+25:00",
                           "2026-12-31 23:59:59Z", "99999999999999999999d", "101000d", "forever", "12"}) {
    EXPECT_FALSE(expiry_from(text, kNow)) << text;
  }
}

TEST(Moment, OfWhatWas) {
  EXPECT_EQ(moment_from("2026-12-31").value(), 1'798'675'200'000'000);
  EXPECT_EQ(moment_from("2026-12-31T23:59:59Z").value(), 1'798'761'599'000'000);
  EXPECT_LT(moment_from("2d").value(), moment_from("90s").value());
  for (const char* text : {"", "h", "-2h", "yesterday", "2026-02-30", "2026-12-31T25:00:00Z", "99999999999d"}) {
    EXPECT_FALSE(moment_from(text)) << text;
  }
}

}  // namespace
}  // namespace cpm::admin
