#include "base/percent.h"

#include <gtest/gtest.h>

namespace cpm {
namespace {

TEST(Percent, EncodesWhatIsNotUnreserved) {
  EXPECT_EQ(percent_encode("192.0.2.0/24"), "192.0.2.0%2F24");
  EXPECT_EQ(percent_encode("a-Z_0.9~"), "a-Z_0.9~");
  EXPECT_EQ(percent_encode("\xFF%?"), "%FF%25%3F");
  EXPECT_EQ(percent_encode(""), "");
}

TEST(Percent, DecodesWhatIsWellFormed) {
  EXPECT_EQ(percent_decode("192.0.2.0%2F24"), "192.0.2.0/24");
  EXPECT_EQ(percent_decode("%2f%2F"), "//");
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%"), "%zz%");
  EXPECT_EQ(percent_decode("%00").size(), 1U);
}

TEST(Percent, GoesThereAndBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

}  // namespace
}  // namespace cpm
