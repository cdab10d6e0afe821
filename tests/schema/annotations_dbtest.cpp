#include "schema/annotations.h"

#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

class Annotations : public Store {
 protected:
  AnnotationChange mine(std::string entry, std::optional<std::string> value) {
    return {std::move(entry), alice_.account, std::move(value)};
  }
  static AnnotationChange shared(std::string entry, std::optional<std::string> value) {
    return {std::move(entry), {}, std::move(value)};
  }
  Result<StoreResult> annotate(UidSet uids, std::vector<AnnotationChange> changes, std::optional<ModSeq> unchanged = {},
                               PartCheck parts = {}) {
    return with("INBOX", [&](Transaction& tx, const Grant& grant) {
      return store_annotations(tx, grant, {uids, changes, unchanged, parts}, limits_);
    });
  }
  // "uid entry=value; …", shared values with a star.
  std::string all(std::string_view path, AccountId user, AnnotationsWanted wanted = {}) {
    const auto read = with(path, [&](Transaction& tx, const Grant& grant) {
      return read_annotations(tx, grant, user, {{1, kMaxWireNumber}}, wanted);
    });
    std::string out;
    for (const MessageAnnotations& message : read.value()) {
      out += std::to_string(message.uid.value);
      for (const AnnotationValue& one : message.values) {
        out += ' ' + one.entry + (one.shared ? "*=" : "=") + one.value.value_or("(" + std::to_string(one.octets) + ")");
      }
      out += "; ";
    }
    return out;
  }
  std::string all(std::string_view path = "INBOX") { return all(path, alice_.account); }
  std::string octets() { return account_value("annotation_octets"); }
  std::string changed(std::uint64_t since, std::vector<std::int64_t> own = {}) {
    const auto read = with("INBOX", [&](Transaction& tx, const Grant& grant) {
      return changed_annotations(tx, grant, alice_.account, ModSeq{since}, own);
    });
    std::string out;
    for (const ChangedAnnotation& one : read.value()) out += std::to_string(one.uid.value) + one.entry + ' ';
    return out;
  }
};

TEST_F(Annotations, AreSetReadAndRemoved) {
  append("INBOX", 3);
  const auto done = annotate({{1, 2}}, {mine("/comment", "mine"), shared("/comment", "ours"), mine("/vendor/x", "")});
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->changed.to_string(), "1:2");
  EXPECT_EQ(done->highestmodseq, row("INBOX").highestmodseq);
  EXPECT_EQ(all(), "1 /comment=mine /comment*=ours /vendor/x=; 2 /comment=mine /comment*=ours /vendor/x=; ");
  EXPECT_EQ(octets(), std::to_string(2 * (8 + 4 + 8 + 4 + 9)));
  EXPECT_EQ(all("INBOX", AccountId{99}), "1 /comment*=ours; 2 /comment*=ours; ");
  EXPECT_EQ(all("INBOX", alice_.account, {{"/vendor/x", "/nothing"}, true, true, 10}), "1 /vendor/x=; 2 /vendor/x=; ");
  EXPECT_EQ(all("INBOX", alice_.account, {{}, true, false, 3}),
            "1 /comment=(4) /vendor/x=; 2 /comment=(4) /vendor/x=; ");
  ASSERT_TRUE(annotate({{1, 3}}, {mine("/comment", std::nullopt), shared("/comment", std::nullopt)}).has_value());
  EXPECT_EQ(all(), "1 /vendor/x=; 2 /vendor/x=; ");
  EXPECT_EQ(octets(), "18");
  expect_consistent();
}

TEST_F(Annotations, OnlyARealChangeTakesAModSeq) {
  append("INBOX", 2);
  const ModSeq before = row("INBOX").highestmodseq;
  ASSERT_TRUE(annotate({{1, 1}}, {mine("/comment", "a")}).has_value());
  EXPECT_EQ(row("INBOX").highestmodseq.value, before.value + 1);
  const auto again = annotate({{1, 2}}, {mine("/comment", "a"), shared("/altsubject", std::nullopt)});
  EXPECT_EQ(again->changed.to_string(), "2");
  EXPECT_EQ(changes("INBOX", before.value + 1).changed.size(), 1U);
  const auto nothing = annotate({{1, 2}}, {mine("/comment", "a"), shared("/altsubject", std::nullopt)});
  EXPECT_TRUE(nothing->changed.empty());
  EXPECT_EQ(row("INBOX").highestmodseq.value, before.value + 2);
  const auto failed = annotate({{1, 2}}, {mine("/comment", "b")}, ModSeq{before.value + 1});
  EXPECT_EQ(failed->modified.to_string(), "2");
  EXPECT_EQ(failed->changed.to_string(), "1");
  expect_consistent();
}

TEST_F(Annotations, WhatChangedIsKnown) {
  append("INBOX", 2);
  const std::uint64_t before = row("INBOX").highestmodseq.value;
  ASSERT_TRUE(annotate({{1, 2}}, {mine("/comment", "a"), shared("/comment", "b")}).has_value());
  ASSERT_TRUE(annotate({{1, 1}}, {shared("/altsubject", "c"), AnnotationChange{"/vendor/x", AccountId{99}, "other"}})
                  .has_value());
  EXPECT_EQ(changed(before), "1/altsubject 1/comment 2/comment ");
  EXPECT_EQ(changed(before + 1), "1/altsubject ");
  EXPECT_EQ(changed(before, {static_cast<std::int64_t>(before + 2)}), "1/comment 2/comment ");
  ASSERT_TRUE(annotate({{1, 1}}, {shared("/altsubject", std::nullopt)}).has_value());
  EXPECT_EQ(changed(before + 2), "1/altsubject ");
}

TEST_F(Annotations, AreBounded) {
  append("INBOX", 2);
  limits_.metadata_entries = 3;
  const auto entry = [](int n) { return "/vendor/" + std::to_string(n); };
  ASSERT_TRUE(annotate({{1, 1}}, {mine(entry(1), "x"), mine(entry(2), "x"), mine(entry(3), "x")}).has_value());
  const auto over = annotate({{1, 2}}, {mine(entry(4), "x")});
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().failure, Failure::too_many);
  EXPECT_EQ(all(), "1 /vendor/1=x /vendor/2=x /vendor/3=x; ");
  EXPECT_TRUE(annotate({{1, 1}}, {shared(entry(4), "x")}).has_value()) << "shared ones count apart";
  EXPECT_TRUE(annotate({{1, 1}}, {mine(entry(4), "x"), mine(entry(1), std::nullopt)}).has_value());
  limits_.metadata_account_octets = 60;
  const auto full = annotate({{2, 2}}, {mine(entry(1), std::string(100, 'x'))});
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().failure, Failure::over_quota);
  EXPECT_TRUE(annotate({{1, 1}}, {mine(entry(4), std::nullopt)}).has_value()) << "less is always possible";
  expect_consistent();
}

TEST_F(Annotations, ForgetsOldRemovals) {
  append("INBOX");
  for (int n = 0; n < 50; ++n) {
    ASSERT_TRUE(annotate({{1, 1}}, {mine("/vendor/" + std::to_string(n), "x")}).has_value());
    ASSERT_TRUE(annotate({{1, 1}}, {mine("/vendor/" + std::to_string(n), std::nullopt)}).has_value());
  }
  EXPECT_EQ(
      test_.value("select count(*) from message_annotation where account_id = " + std::to_string(alice_.account.value)),
      "32");
  EXPECT_EQ(octets(), "0");
  expect_consistent();
}

TEST_F(Annotations, APartThatIsMissingChangesNothing) {
  append("INBOX", 2);
  const auto refused = annotate({{1, 2}}, {mine("/2/comment", "x")}, {}, [](const std::string&) { return false; });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().failure, Failure::bad_syntax);
  EXPECT_EQ(all(), "");
}

TEST_F(Annotations, AreCopiedForTheUserAlone) {
  append("INBOX", 2);
  ASSERT_TRUE(annotate({{1, 1}}, {mine("/comment", "mine"), shared("/comment", "ours"),
                                  AnnotationChange{"/comment", AccountId{99}, "theirs"}})
                  .has_value());
  const auto copied = in_transaction([&](Transaction& tx) -> Result<CopyResult> {
    CPM_TRY(from, authorize(tx, alice_, "INBOX", kRead));
    CPM_TRY(to, authorize(tx, alice_, "Default", kRead));
    return copy_messages(tx, from, {{1, 2}}, to, limits_, alice_.account);
  });
  ASSERT_TRUE(copied.has_value());
  EXPECT_EQ(all("Default"), "1 /comment=mine /comment*=ours; ");
  EXPECT_EQ(all("Default", AccountId{99}), "1 /comment*=ours; ");
  EXPECT_EQ(all("INBOX", AccountId{99}), "1 /comment=theirs /comment*=ours; ");
  expect_consistent();
  move("INBOX", {{1, 2}}, "Default");
  EXPECT_EQ(all("INBOX"), "");
  EXPECT_EQ(all("Default", AccountId{99}), "1 /comment*=ours; 3 /comment=theirs /comment*=ours; ");
  expect_consistent();
}

TEST_F(Annotations, GoWithTheirMessage) {
  append("INBOX", 3);
  ASSERT_TRUE(annotate({{1, 3}}, {mine("/comment", "x")}).has_value());
  store("INBOX", {{2, 2}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  EXPECT_EQ(all(), "1 /comment=x; 3 /comment=x; ");
  EXPECT_EQ(octets(), "18");
  expect_consistent();
  ASSERT_TRUE(in_transaction([&](Transaction& tx) -> Result<bool> {
                CPM_TRY(made, create_mailbox(tx, alice_, "Box", SpecialUse::none, limits_));
                CPM_TRY(from, authorize(tx, alice_, "INBOX", kRead));
                CPM_TRY(to, authorize(tx, alice_, made.ref(), kRead));
                CPM_CHECK(copy_messages(tx, from, {{1, 3}}, to, limits_));
                return true;
              }).has_value());
  EXPECT_EQ(octets(), "36");
  ASSERT_TRUE(in_transaction([&](Transaction& tx) -> Result<bool> {
                CPM_TRY(box, authorize(tx, alice_, "Box", kRead));
                CPM_CHECK(delete_mailbox(tx, box));
                return true;
              }).has_value());
  EXPECT_EQ(octets(), "18");
  expect_consistent();
}

TEST_F(Annotations, ComeWithADeposit) {
  NewMessage first = new_message("a");
  NewMessage second = new_message("b");
  second.annotations = {mine("/comment", "mine"), shared("/comment", "ours")};
  const auto stored = append_messages("INBOX", {first, second});
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(all(), "2 /comment=mine /comment*=ours; ");
  EXPECT_EQ(row("INBOX").highestmodseq, stored->highestmodseq);
  limits_.metadata_entries = 0;
  EXPECT_EQ(append_messages("INBOX", {second}).error().failure, Failure::too_many);
  EXPECT_EQ(row("INBOX").messages, 2U);
  expect_consistent();
}

}  // namespace
}  // namespace cpm::schema
