#include "imap/session/change_hub.h"

#include <gtest/gtest.h>

namespace cpm::imap {
namespace {

TEST(ChangeHubWatch, WakesOnceUntilLookedAt) {
  ChangeHub hub;
  int woken = 0;
  const auto watch = hub.watch(AccountId{1}, MailboxId{2}, [&] { ++woken; });
  hub.changed(AccountId{1}, MailboxId{2});
  hub.changed(AccountId{1}, MailboxId{2});
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(watch->take_dirty());
  EXPECT_FALSE(watch->take_dirty());
  hub.changed(AccountId{1}, MailboxId{2});
  EXPECT_EQ(woken, 2);
}

TEST(ChangeHubWatch, HearsOnlyItsMailbox) {
  ChangeHub hub;
  int woken = 0;
  const auto watch = hub.watch(AccountId{1}, MailboxId{2}, [&] { ++woken; });
  hub.changed(AccountId{1}, MailboxId{3});
  hub.changed(AccountId{2}, MailboxId{2});
  EXPECT_EQ(woken, 0);
  hub.all_changed();
  EXPECT_EQ(woken, 1);
}

TEST(ChangeHubPublish, PublishesOwnChangesButNotRemoteOnes) {
  ChangeHub hub;
  int published = 0;
  hub.set_publish([&](AccountId, MailboxId) { ++published; });
  hub.changed(AccountId{1}, MailboxId{2});
  hub.remote(AccountId{1}, MailboxId{2});
  EXPECT_EQ(published, 1);
}

TEST(ChangeHubWatch, EndsWithItsOwner) {
  ChangeHub hub;
  {
    const auto watch = hub.watch(AccountId{1}, MailboxId{2}, [] {});
  }
  EXPECT_EQ(hub.watchers(), 0U);
  hub.changed(AccountId{1}, MailboxId{2});
}

}  // namespace
}  // namespace cpm::imap
