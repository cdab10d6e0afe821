#include "server/data_directory.h"

#include "tests/server/as_service.h"

#include <gtest/gtest.h>

#include <fstream>

namespace cpm::server {
namespace {

TEST(DataDirectory, IsMadeForItsUser) {
  const ServiceDirectory parent;
  const auto user = choose_user("");
  ASSERT_TRUE(user) << user.error().text;
  const auto path = prepare_data_directory(parent.path() + "/a/b/../data", *user);
  ASSERT_TRUE(path) << path.error().text;
  EXPECT_EQ(*path, parent.path() + "/a/data");
  struct stat facts {};
  ASSERT_EQ(::stat(path->c_str(), &facts), 0);
  EXPECT_EQ(facts.st_uid, user->uid);
  EXPECT_EQ(facts.st_mode & 0777U, 0700U);
  EXPECT_TRUE(prepare_data_directory(*path, *user));
}

TEST(DataDirectory, OfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const ServiceDirectory parent;
  const std::string path = parent.path() + "/data";
  std::filesystem::create_directory(path);
  std::ofstream(path + "/file") << "x";
  const auto user = choose_user("");
  const auto refused = prepare_data_directory(path, *user);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "the data directory " + path + " belongs to user root, but the server runs as " +
                                      user->name + "\nGive it over (chown -R " + user->name + " " + path +
                                      ") or set database.run_as");
  std::filesystem::remove(path + "/file");
  EXPECT_TRUE(prepare_data_directory(path, *user)) << "an empty one is given over";
}

TEST(DataDirectory, MustBeADirectory) {
  const ServiceDirectory parent;
  std::ofstream(parent.path() + "/file") << "x";
  const auto refused = prepare_data_directory(parent.path() + "/file", *choose_user(""));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("is not a directory"), std::string::npos);
}

TEST(DirectoryLock, LetsOneServerIn) {
  const ServiceDirectory directory;
  as_service([&](const User& user) {
    {
      const auto first = DirectoryLock::take(directory.path(), user);
      ASSERT_TRUE(first) << first.error().text;
      const auto second = DirectoryLock::take(directory.path(), user);
      ASSERT_FALSE(second);
      EXPECT_EQ(second.error().failure, Failure::in_use);
      EXPECT_EQ(second.error().text, "another cpmstored (process " + std::to_string(::getpid()) + ") uses " +
                                         directory.path() +
                                         "\nStop it first, or choose another directory with --data DIR");
    }
    EXPECT_TRUE(DirectoryLock::take(directory.path(), user));
  });
}

TEST(DirectoryLock, SaysWhenTheUserCannotReachIt) {
  const ServiceDirectory directory;
  as_service([&](const User& user) {
    const std::string closed = directory.path() + "/closed";
    std::filesystem::create_directory(closed);
    ::chmod(closed.c_str(), 0);
    const auto refused = DirectoryLock::take(closed + "/data", user);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().text.starts_with("user " + user.name + " cannot use ")) << refused.error().text;
    ::chmod(closed.c_str(), 0700);
  });
}

TEST(User, IsNeverRoot) {
  const auto refused = choose_user("root");
  ASSERT_FALSE(refused);
  if (::geteuid() == 0) {
    EXPECT_EQ(refused.error().text, "database.run_as must name an unprivileged user: PostgreSQL does not run as root");
  }
}

TEST(User, MustExist) {
  const auto refused = choose_user("no-such-user-here");
  ASSERT_FALSE(refused);
  if (::geteuid() == 0) {
    EXPECT_TRUE(refused.error().text.starts_with("there is no system user \"no-such-user-here\"\n"));
  }
}

TEST(User, GivesRootUpForGood) {
  as_service([](const User& user) {
    EXPECT_EQ(::geteuid(), user.uid);
    EXPECT_NE(::setuid(0), 0);
    const auto refused = choose_user("somebody-else");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("but this was started as " + user.name), std::string::npos);
  });
}

TEST(WriteFile, ReplacesAsAWhole) {
  const ServiceDirectory directory;
  const std::string path = directory.path() + "/file";
  ASSERT_TRUE(write_file(path, "first", true));
  ASSERT_TRUE(write_file(path, "second"));
  EXPECT_EQ(*read_small_file(path), "second");
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  const auto missing = read_small_file(path + "x");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().failure, Failure::not_found);
  EXPECT_FALSE(write_file(directory.path() + "/no/file", "x"));
  EXPECT_NE(random_token(), random_token());
  EXPECT_EQ(random_token().size(), 64U);
}

}  // namespace
}  // namespace cpm::server
