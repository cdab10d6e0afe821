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

TEST(ChangeHubWatch, Mss63HearsOfTheKeysOfItsMailbox) {
  ChangeHub hub;
  int woken = 0, account_woken = 0;
  const auto watch = hub.watch(AccountId{1}, MailboxId{2}, [&] { ++woken; });
  const auto account = hub.watch(AccountId{1}, [&] { ++account_woken; });
  hub.changed(AccountId{1}, keys_of(MailboxId{3}));
  hub.changed(AccountId{2}, keys_of(MailboxId{2}));
  hub.changed(AccountId{1}, kAnyMetadata);
  hub.changed(AccountId{1}, kNamesChanged);
  EXPECT_EQ(woken, 0);
  EXPECT_FALSE(watch->take_keys_changed());
  static_cast<void>(account->take_dirty());
  account_woken = 0;
  hub.remote(AccountId{1}, keys_of(MailboxId{2}));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(account_woken, 0);
  EXPECT_TRUE(watch->take_dirty());
  EXPECT_TRUE(watch->take_keys_changed());
  EXPECT_FALSE(watch->take_keys_changed());
  hub.changed(AccountId{1}, MailboxId{2});
  EXPECT_FALSE(watch->take_keys_changed());
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

TEST(ChangeHubAccountWatch, RemembersWhichMailboxesChanged) {
  ChangeHub hub;
  int woken = 0;
  const auto watch = hub.watch(AccountId{1}, [&] { ++woken; });
  EXPECT_FALSE(watch->dirty());
  hub.changed(AccountId{1}, MailboxId{5});
  hub.remote(AccountId{1}, MailboxId{3});
  hub.changed(AccountId{1}, MailboxId{5});
  hub.changed(AccountId{2}, MailboxId{9});
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(watch->dirty());
  const auto dirty = watch->take_dirty();
  EXPECT_EQ(dirty.mailboxes, (std::vector<MailboxId>{MailboxId{5}, MailboxId{3}}));
  EXPECT_FALSE(dirty.names);
  EXPECT_FALSE(dirty.everything);
  EXPECT_FALSE(watch->take_dirty().any());
  hub.changed(AccountId{1}, kNamesChanged);
  EXPECT_EQ(woken, 2);
  EXPECT_TRUE(watch->take_dirty().names);
  hub.changed(AccountId{1}, kAnyMetadata);
  EXPECT_EQ(woken, 2);
  EXPECT_FALSE(watch->dirty());
}

TEST(ChangeHubAccountWatch, KeepsABoundedNumberOfThem) {
  ChangeHub hub;
  const auto watch = hub.watch(AccountId{1}, [] {});
  for (int i = 1; i <= static_cast<int>(ChangeHub::kMostMarks); ++i) hub.changed(AccountId{1}, MailboxId{i});
  EXPECT_EQ(watch->take_dirty().mailboxes.size(), ChangeHub::kMostMarks);
  for (int i = 1; i <= 1000; ++i) hub.changed(AccountId{1}, MailboxId{i});
  const auto dirty = watch->take_dirty();
  EXPECT_TRUE(dirty.everything);
  EXPECT_TRUE(dirty.mailboxes.empty());
  hub.all_changed();
  EXPECT_TRUE(watch->take_dirty().everything);
}

TEST(ChangeHubAccountWatch, EndsWithItsLife) {
  ChangeHub hub;
  {
    const auto watch = hub.watch(AccountId{1}, [] {});
    EXPECT_EQ(hub.watchers(), 1U);
  }
  EXPECT_EQ(hub.watchers(), 0U);
  hub.changed(AccountId{1}, MailboxId{2});
}

}  // namespace
}  // namespace cpm::imap
