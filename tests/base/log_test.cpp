#include "base/log.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cpm::log {
namespace {

// What a function writes to standard error.
template <class Function>
std::string captured(Function function) {
  testing::internal::CaptureStderr();
  function();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesOneTextLineWithFields) {
  configure({});
  const std::string line = captured([] { info("imap", "login", {{"user", "alice"}, {"client", "a b"}}); });
  EXPECT_NE(line.find(" info imap: login user=alice client=\"a b\"\n"), std::string::npos) << line;
}

TEST(Log, KeepsForeignControlCharactersOnTheLine) {
  configure({});
  const std::string line = captured([] { info("imap", "bad", {{"text", "a\r\nb\x1b"}}); });
  EXPECT_NE(line.find("text=a\\x0d\\x0ab\\x1b\n"), std::string::npos) << line;
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(Log, WritesJson) {
  configure({.json = true});
  const std::string line = captured([] { warn("db", "slow \"x\"", {{"ms", "12"}, {"raw", "\xff"}}); });
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object["level"], "warn");
  EXPECT_EQ(object["area"], "db");
  EXPECT_EQ(object["message"], "slow \"x\"");
  EXPECT_EQ(object["ms"], "12");
  EXPECT_TRUE(object.contains("time"));
}

TEST(Log, HasALevelPerArea) {
  configure({.level = Level::warn, .area_levels = "imap=debug,db=off"});
  EXPECT_TRUE(enabled("imap", Level::debug));
  EXPECT_FALSE(enabled("imap", Level::trace));
  EXPECT_FALSE(enabled("db", Level::error));
  EXPECT_FALSE(enabled("tls", Level::info));
  EXPECT_TRUE(enabled("tls", Level::warn));
}

TEST(Log, CanBeConfiguredAgain) {
  configure({.level = Level::error});
  EXPECT_EQ(captured([] { info("imap", "hidden"); }), "");
  configure({.level = Level::debug});
  EXPECT_NE(captured([] { debug("imap", "shown"); }).find("shown"), std::string::npos);
}

}  // namespace
}  // namespace cpm::log
