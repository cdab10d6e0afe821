#include "imap/auth/lockout.h"

#include <gtest/gtest.h>

namespace cpm::imap::auth {
namespace {

using namespace std::chrono_literals;

const PeerInfo kPeer{"192.0.2.7", 1, false};
const PeerInfo kNeighbour{"192.0.2.200", 1, false};
const PeerInfo kFar{"198.51.100.1", 1, false};
const PeerInfo kLoopback{"127.0.0.1", 1, true};

LockoutSettings settings() {
  LockoutSettings out;
  out.name_failures = 3;
  out.network_failures = 5;
  out.window = 600s;
  out.lock_time = 300s;
  out.first_delay = 50ms;
  out.longest_delay = 150ms;
  return out;
}

struct Fixture {
  explicit Fixture(LockoutSettings with = settings()) : lockout(with) {}
  Lockout lockout;
  Lockout::Time now = Lockout::Time{} + 1000h;

  std::chrono::milliseconds fail(std::string_view name, const PeerInfo& peer = kLoopback) {
    return lockout.failed(name, peer, now);
  }
  std::chrono::milliseconds locked(std::string_view name, const PeerInfo& peer = kLoopback) {
    return lockout.locked_for(name, peer, now);
  }
};

TEST(Lockout, DelaysMoreAndMore) {
  Fixture f;
  EXPECT_EQ(f.fail("a"), 50ms);
  EXPECT_EQ(f.fail("a"), 100ms);
  EXPECT_EQ(f.fail("a"), 150ms);
  EXPECT_EQ(f.fail("b"), 50ms);
}

TEST(Lockout, LocksANameFromEverywhere) {
  Fixture f;
  f.fail("a");
  f.fail("a");
  EXPECT_EQ(f.locked("a"), 0ms);
  f.fail("a");
  EXPECT_EQ(f.locked("a"), 300s);
  EXPECT_EQ(f.locked("a", kFar), 300s);
  EXPECT_EQ(f.locked("b"), 0ms);
  f.now += 299s;
  EXPECT_EQ(f.locked("a"), 1s);
  f.now += 1s;
  EXPECT_EQ(f.locked("a"), 0ms);
}

TEST(Lockout, DoublesEachFurtherLock) {
  Fixture f;
  std::chrono::seconds expected = 300s;
  for (int round = 0; round < 9; ++round) {
    for (int i = 0; i < 3; ++i) f.fail("a");
    EXPECT_EQ(f.locked("a"), expected) << round;
    f.now += expected;
    EXPECT_EQ(f.locked("a"), 0ms);
    expected = std::min<std::chrono::seconds>(expected * 2, 300s * 64);
  }
  f.now += 24h;
  for (int i = 0; i < 3; ++i) f.fail("a");
  EXPECT_EQ(f.locked("a"), 300s);
}

TEST(Lockout, CountsWithinTheWindowOnly) {
  Fixture f;
  f.fail("a");
  f.fail("a");
  f.now += 600s;
  EXPECT_EQ(f.fail("a"), 50ms);
  f.fail("a");
  EXPECT_EQ(f.locked("a"), 0ms);
  f.fail("a");
  EXPECT_EQ(f.locked("a"), 300s);
}

TEST(Lockout, LocksANetworkWhateverTheName) {
  Fixture f;
  for (int i = 0; i < 5; ++i) f.fail("name" + std::to_string(i), kPeer);
  EXPECT_EQ(f.locked("anybody", kPeer), 300s);
  EXPECT_EQ(f.locked("anybody", kNeighbour), 300s);
  EXPECT_EQ(f.locked("anybody", kFar), 0ms);
}

TEST(Lockout, NeverLocksLoopbackAsANetwork) {
  Fixture f;
  for (int i = 0; i < 50; ++i) f.fail("name" + std::to_string(i), kLoopback);
  EXPECT_EQ(f.locked("anybody"), 0ms);
}

TEST(Lockout, SuccessForgivesTheNameNotTheNetwork) {
  Fixture f;
  f.fail("a", kPeer);
  f.fail("a", kPeer);
  f.lockout.succeeded("a");
  EXPECT_EQ(f.fail("a", kPeer), 50ms);
  f.fail("a", kPeer);
  EXPECT_EQ(f.locked("b", kPeer), 0ms);
  f.fail("b", kPeer);
  EXPECT_EQ(f.locked("b", kPeer), 300s);
}

TEST(Lockout, CountsNobodyForTheNetworkOnly) {
  Fixture f;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(f.fail("", kPeer), 50ms);
  EXPECT_EQ(f.locked("", kPeer), 0ms);
  f.fail("", kPeer);
  EXPECT_EQ(f.locked("", kPeer), 300s);
  EXPECT_EQ(f.locked("", kFar), 0ms);
}

TEST(Lockout, ZeroMeansNever) {
  LockoutSettings off = settings();
  off.name_failures = 0;
  off.network_failures = 0;
  Fixture f(off);
  for (int i = 0; i < 1000; ++i) f.fail("a", kPeer);
  EXPECT_EQ(f.locked("a", kPeer), 0ms);
  EXPECT_EQ(f.fail("a", kPeer), 150ms);
}

TEST(Lockout, ListsWhatItCounts) {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.fail("a", kPeer);
  f.fail("b", kPeer);
  const auto entries = f.lockout.entries(f.now);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].key, "a");
  EXPECT_EQ(entries[0].locks, 1U);
  EXPECT_EQ(entries[0].locked_for, 300s);
  EXPECT_EQ(entries[1].key, "b");
  EXPECT_EQ(entries[1].failures, 1U);
  EXPECT_EQ(entries[1].locked_for, 0s);
  EXPECT_EQ(entries[2].kind, LockoutEntry::Kind::network);
  EXPECT_EQ(entries[2].key, "192.0.2.0/24");
  EXPECT_EQ(entries[2].failures, 4U);
  f.now += 600s;
  EXPECT_TRUE(f.lockout.entries(f.now).empty());
}

TEST(Lockout, SurvivesAFloodOfNames) {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.fail("victim");
  for (int i = 0; i < 150'000; ++i) {
    f.now += 1us;
    f.fail("invented" + std::to_string(i));
  }
  EXPECT_LE(f.lockout.entries(f.now).size(), 100'000U);
  EXPECT_GT(f.locked("victim"), 0ms);
}

TEST(Lockout, KnowsNetworks) {
  EXPECT_EQ(network_of("192.0.2.7"), "192.0.2.0/24");
  EXPECT_EQ(network_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(network_of("::ffff:192.0.2.7"), "192.0.2.0/24");
  EXPECT_EQ(network_of("somewhere"), "somewhere");
}

}  // namespace
}  // namespace cpm::imap::auth
