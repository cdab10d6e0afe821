#include "base/spool.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace cpm {
namespace {

Limits small_limits() {
  Limits limits;
  limits.spool_memory_octets = 10;
  limits.spool_disk_octets = 100;
  return limits;
}

TEST(Spool, StaysInMemoryUpToItsLimit) {
  Spool spool(small_limits());
  ASSERT_TRUE(spool.append("12345"));
  ASSERT_TRUE(spool.append("67890"));
  EXPECT_TRUE(spool.in_memory());
  EXPECT_EQ(spool.memory(), "1234567890");
  EXPECT_EQ(spool.size(), 10U);
  EXPECT_EQ(Spool::disk_in_use(), 0U);
}

TEST(Spool, MovesToAFileAboveIt) {
  {
    Spool spool(small_limits());
    ASSERT_TRUE(spool.append("1234567890"));
    ASSERT_TRUE(spool.append("A"));
    EXPECT_FALSE(spool.in_memory());
    EXPECT_EQ(Spool::disk_in_use(), 11U);
    ASSERT_TRUE(spool.append("BC"));
    EXPECT_EQ(spool.text(), "1234567890ABC");
    char part[4] = {};
    EXPECT_EQ(spool.read(9, part, 3), 3U);
    EXPECT_EQ(std::string(part), "0AB");
    EXPECT_EQ(spool.read(13, part, 3), 0U);
    EXPECT_EQ(spool.read(12, part, 3), 1U);
  }
  EXPECT_EQ(Spool::disk_in_use(), 0U);
}

TEST(Spool, RefusesAboveTheDiskOfAllSpools) {
  const Limits limits = small_limits();
  Spool first(limits);
  ASSERT_TRUE(first.append(std::string(80, 'x')));
  Spool second(limits);
  const auto refused = second.append(std::string(30, 'y'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::limit);
  EXPECT_EQ(second.size(), 0U);
  EXPECT_EQ(Spool::disk_in_use(), 80U);
  first = Spool(std::string());
  EXPECT_EQ(Spool::disk_in_use(), 0U);
  EXPECT_TRUE(second.append(std::string(30, 'y')));
}

TEST(Spool, RefusedOctetsLeaveWhatWasThere) {
  Spool spool(small_limits());
  ASSERT_TRUE(spool.append(std::string(90, 'a')));
  EXPECT_FALSE(spool.append(std::string(11, 'b')));
  EXPECT_EQ(spool.size(), 90U);
  EXPECT_EQ(spool.text(), std::string(90, 'a'));
}

TEST(Spool, MovingHandsOverTheFile) {
  Spool spool(small_limits());
  ASSERT_TRUE(spool.append(std::string(20, 'a')));
  Spool other(std::move(spool));
  EXPECT_EQ(other.text(), std::string(20, 'a'));
  EXPECT_EQ(Spool::disk_in_use(), 20U);
  Spool third(small_limits());
  ASSERT_TRUE(third.append(std::string(30, 'b')));
  third = std::move(other);
  EXPECT_EQ(third.text(), std::string(20, 'a'));
  EXPECT_EQ(Spool::disk_in_use(), 20U);
}

TEST(Spool, LeavesNoNameInItsDirectory) {
  const auto directory = std::filesystem::temp_directory_path() / ("spool-test-" + std::to_string(::getpid()));
  std::filesystem::create_directory(directory);
  {
    Spool spool(small_limits(), directory.string());
    ASSERT_TRUE(spool.append(std::string(50, 'a')));
    EXPECT_FALSE(spool.in_memory());
    EXPECT_TRUE(std::filesystem::is_empty(directory));
  }
  std::filesystem::remove(directory);
}

TEST(Spool, SaysWhenItsDirectoryIsMissing) {
  Spool spool(small_limits(), "/nonexistent/spool");
  const auto refused = spool.append(std::string(50, 'a'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::unavailable);
  EXPECT_NE(refused.error().detail.find("No such file"), std::string::npos);
  EXPECT_EQ(Spool::disk_in_use(), 0U);
}

}  // namespace
}  // namespace cpm
