#include "imap/session/view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace cpm::imap {
namespace {

schema::MessageFlags message(std::uint32_t uid, std::uint64_t modseq, std::uint32_t bits = 0,
                             std::vector<schema::KeywordId> keywords = {}) {
  return {Uid{uid}, ModSeq{modseq}, bits, std::move(keywords)};
}

schema::ChangeSet changes(std::uint64_t modseq, std::vector<schema::MessageFlags> changed, UidSet vanished = {}) {
  schema::ChangeSet set;
  set.mailbox.highestmodseq = ModSeq{modseq};
  set.changed = std::move(changed);
  set.vanished = std::move(vanished);
  return set;
}

std::vector<std::uint32_t> numbers(const std::vector<Msn>& msns) {
  std::vector<std::uint32_t> out;
  for (const Msn msn : msns) out.push_back(msn.value);
  return out;
}

grammar::SequenceSet sequence(std::uint32_t first, std::uint32_t last) {
  grammar::SequenceSet set;
  set.ranges.push_back({first, last});
  return set;
}

TEST(SnapshotApply, StartsFromNothing) {
  const auto snapshot = apply_changes(nullptr, changes(5, {message(2, 3), message(7, 5, schema::kSeen, {4, 9})}));
  EXPECT_EQ(snapshot->uids, (std::vector<std::uint32_t>{2, 7}));
  EXPECT_EQ(snapshot->flags_at(1).keywords, (std::vector<schema::KeywordId>{4, 9}));
  EXPECT_EQ(snapshot->index_of(7), 1U);
  EXPECT_EQ(snapshot->index_of(3), Snapshot::npos);
}

TEST(SnapshotApply, MergesChangedNewAndVanished) {
  const auto base = apply_changes(nullptr, changes(5, {message(1, 2), message(2, 3), message(3, 4), message(9, 5)}));
  const auto next = apply_changes(base, changes(8, {message(2, 7, schema::kFlagged), message(10, 8)}, UidSet{{3, 3}}));
  EXPECT_EQ(next->uids, (std::vector<std::uint32_t>{1, 2, 9, 10}));
  EXPECT_EQ(next->bits[1], schema::kFlagged);
  EXPECT_EQ(next->modseqs, (std::vector<std::uint32_t>{2, 7, 5, 8}));
  EXPECT_EQ(base->uids.size(), 4U) << "a snapshot never changes";
}

TEST(ViewAdvance, TellsExpungesHighestFirst) {
  View view(apply_changes(nullptr, changes(5, {message(1, 2), message(2, 3), message(3, 4), message(9, 5)})));
  const auto told = view.advance(apply_changes(view.shared(), changes(6, {}, UidSet{{1, 1}, {3, 3}})), true);
  EXPECT_EQ(numbers(told.expunged), (std::vector<std::uint32_t>{3, 1}));
  EXPECT_FALSE(told.grew);
  EXPECT_EQ(view.exists(), 2U);
}

TEST(ViewAdvance, HoldsExpungesBackAndKeepsNumbers) {
  View view(apply_changes(nullptr, changes(5, {message(1, 2), message(2, 3), message(3, 4)})));
  const auto held = view.advance(apply_changes(view.shared(), changes(7, {message(4, 7)}, UidSet{{2, 2}})), false);
  EXPECT_TRUE(held.expunged.empty());
  EXPECT_TRUE(held.grew);
  EXPECT_EQ(view.exists(), 4U);
  EXPECT_EQ(view.uid_at(Msn{2}).value, 2U) << "the ghost keeps its place";
  EXPECT_EQ(view.uid_at(Msn{3}).value, 3U);
  EXPECT_EQ(view.msn_of(Uid{4}).value, 4U);
  const auto told = view.advance(view.shared(), true);
  EXPECT_EQ(numbers(told.expunged), (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(view.exists(), 3U);
}

TEST(ViewAdvance, TellsFlagChangesOfOthers) {
  View view(apply_changes(nullptr, changes(5, {message(1, 2), message(2, 3)})));
  const auto told = view.advance(apply_changes(view.shared(), changes(6, {message(2, 6, schema::kSeen)})), true);
  EXPECT_EQ(told.flags.to_string(), "2");
  EXPECT_FALSE(told.grew);
}

TEST(ViewResolve, RefusesNumbersAboveExists) {
  View view(apply_changes(nullptr, changes(5, {message(10, 2), message(20, 3)})));
  EXPECT_EQ(view.resolve(sequence(1, 2), false, {})->to_string(), "10,20");
  EXPECT_FALSE(view.resolve(sequence(1, 3), false, {}));
  EXPECT_EQ(view.resolve(sequence(15, 99), true, {})->to_string(), "20") << "unknown UIDs are no error";
  EXPECT_EQ(view.resolve(sequence(99, grammar::SequenceSet::kStar), true, {})->to_string(), "20");
}

// Against a plain list: many random steps, some with expunges held back.
TEST(ViewAdvance, AgreesWithAListModel) {
  std::mt19937 random(7);
  std::vector<std::uint32_t> live;
  std::vector<std::uint32_t> client;
  std::uint32_t next_uid = 1;
  std::uint64_t modseq = 1;
  View view(apply_changes(nullptr, changes(1, {})));
  for (int step = 0; step < 3000; ++step) {
    std::vector<schema::MessageFlags> added;
    UidSet gone;
    ++modseq;
    for (unsigned i = random() % 3; i > 0; --i) {
      live.push_back(next_uid);
      added.push_back(message(next_uid++, modseq));
    }
    for (unsigned i = random() % 3; i > 0 && live.size() > 3; --i) {
      const std::size_t at = random() % (live.size() - 1);
      if (!added.empty() && live[at] >= added.front().uid.value) continue;
      gone.add(live[at]);
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
    }
    const bool expunges = random() % 2 == 0;
    const auto told = view.advance(apply_changes(view.shared(), changes(modseq, added, gone)), expunges);
    for (const Msn msn : told.expunged) client.erase(client.begin() + static_cast<std::ptrdiff_t>(msn.value - 1));
    for (const auto& one : added) client.push_back(one.uid.value);
    ASSERT_EQ(view.exists(), client.size());
    for (std::uint32_t n = 1; n <= client.size(); ++n) {
      ASSERT_EQ(view.uid_at(Msn{n}).value, client[n - 1]) << "step " << step;
      ASSERT_EQ(view.msn_of(Uid{client[n - 1]}).value, n);
    }
    if (expunges) {
      ASSERT_EQ(client, live);
    }
  }
}

// A view that rested between two looks tells what one that did not rest tells.
TEST(ViewRest, ChangesNothingThatIsTold) {
  std::mt19937 random(11);
  std::uint32_t next_uid = 1;
  std::uint64_t modseq = 1;
  auto latest = apply_changes(nullptr, changes(1, {}));
  View awake(latest);
  View rested(latest);
  for (int step = 0; step < 2000; ++step) {
    if (random() % 2 == 0) rested.rest();
    for (unsigned change = random() % 4; change > 0; --change) {
      ++modseq;
      std::vector<schema::MessageFlags> changed;
      UidSet gone;
      for (const std::uint32_t uid : latest->uids) {
        if (random() % 8 == 0) gone.add(uid);
        if (random() % 8 == 0 && !gone.contains(uid)) changed.push_back(message(uid, modseq, random() % 4, {7}));
      }
      for (unsigned i = random() % 4; i > 0; --i) changed.push_back(message(next_uid++, modseq));
      latest = apply_changes(latest, changes(modseq, changed, gone));
    }
    rested.wake(latest);
    ASSERT_FALSE(rested.resting());
    ASSERT_EQ(rested.exists(), awake.exists());
    for (std::uint32_t n = 1; n <= awake.exists(); ++n) ASSERT_EQ(rested.uid_at(Msn{n}), awake.uid_at(Msn{n}));
    if (random() % 4 == 0) continue;  // a command that tells nothing
    const bool expunges = random() % 2 == 0;
    const auto one = awake.advance(latest, expunges);
    const auto two = rested.advance(latest, expunges);
    ASSERT_EQ(numbers(one.expunged), numbers(two.expunged)) << "step " << step;
    ASSERT_EQ(one.expunged_uids, two.expunged_uids);
    ASSERT_EQ(one.added, two.added);
    ASSERT_EQ(one.flags, two.flags);
    ASSERT_EQ(one.exists, two.exists);
    ASSERT_EQ(one.grew, two.grew);
  }
}

}  // namespace
}  // namespace cpm::imap
