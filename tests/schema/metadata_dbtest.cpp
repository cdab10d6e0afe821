#include "schema/metadata.h"

#include "schema/accounts.h"
#include "tests/schema/store_fixture.h"

#include <atomic>
#include <thread>

namespace cpm::schema {
namespace {

class MetadataTest : public Store {
 protected:
  static MetadataChange put(std::string name, std::optional<std::string> value) {
    return {MetadataEntry(std::move(name)), std::move(value)};
  }
  // `path` empty: the server.
  static Result<MetadataAccess> access(Transaction& tx, const Principal& who, const std::string& path) {
    if (path.empty()) return metadata_of_server(who);
    CPM_TRY(grant, authorize(tx, who, path, kLookup));
    return metadata_of(who, grant);
  }
  Result<std::int64_t> set_as(const Principal& who, const std::string& path,
                              const std::vector<MetadataChange>& changes) {
    return in_transaction([&](Transaction& tx) -> Result<std::int64_t> {
      CPM_TRY(allowed, access(tx, who, path));
      return set_metadata(tx, allowed, changes, limits_);
    });
  }
  Result<std::int64_t> set(const std::string& path, const std::vector<MetadataChange>& changes) {
    return set_as(alice_, path, changes);
  }
  // The value, "NIL" when there is none.
  std::string get(const std::string& path, const std::string& key, std::optional<Principal> who = {}) {
    auto values = in_transaction([&](Transaction& tx) -> Result<std::vector<MetadataValue>> {
      CPM_TRY(allowed, access(tx, who.value_or(alice_), path));
      return read_metadata(tx, allowed, {key});
    });
    if (!values) return failure_name(values.error().failure);
    return values->empty() ? "NIL" : values->front().value;
  }
  std::string listed(const std::string& path, const std::vector<std::string>& keys = {}) {
    auto items = in_transaction([&](Transaction& tx) -> Result<std::vector<MetadataItem>> {
      CPM_TRY(allowed, access(tx, alice_, path));
      return list_metadata(tx, allowed, keys);
    });
    std::string out;
    for (const MetadataItem& item : items.value())
      out += item.entry.spelling() + ":" + std::to_string(item.octets) + " ";
    return out;
  }
  MetadataNewsPage news(const MetadataCursor& after, std::optional<Principal> who = {}) {
    return in_transaction([&](Transaction& tx) { return metadata_news(tx, who.value_or(alice_), after); }).value();
  }
  std::string told(const MetadataCursor& after, std::optional<Principal> who = {}) {
    std::string out;
    for (const MetadataNewsItem& item : news(after, std::move(who)).items) out += item.mailbox + item.spelling + " ";
    return out;
  }
  Principal deposit() const { return {alice_.account, alice_.address, "pf", Role::deposit}; }
};

TEST(MetadataCovers, DepthCountsComponents) {
  EXPECT_TRUE(covers("/a/b", MetadataDepth::itself, "/a/b"));
  EXPECT_FALSE(covers("/a/b", MetadataDepth::itself, "/a/b/c"));
  EXPECT_TRUE(covers("/a/b", MetadataDepth::children, "/a/b"));
  EXPECT_TRUE(covers("/a/b", MetadataDepth::children, "/a/b/c"));
  EXPECT_FALSE(covers("/a/b", MetadataDepth::children, "/a/b/c/d"));
  EXPECT_TRUE(covers("/a/b", MetadataDepth::all, "/a/b/c/d"));
  EXPECT_FALSE(covers("/a/b", MetadataDepth::all, "/a/bc"));
  EXPECT_FALSE(covers("/a/b", MetadataDepth::all, "/a"));
}

TEST_F(MetadataTest, KeepsOctetsAndSpelling) {
  const std::string octets("\0\xff\r\n\"\\", 6);
  ASSERT_TRUE(set("INBOX", {put("/Private/Vendor/X/Y", octets), put("/shared/comment", "")}));
  EXPECT_EQ(get("INBOX", "/private/vendor/x/y"), octets);
  EXPECT_EQ(get("INBOX", "/shared/comment"), "");
  EXPECT_EQ(listed("INBOX"), "/Private/Vendor/X/Y:6 /shared/comment:0 ");
  EXPECT_EQ(listed("INBOX", {"/shared/comment", "/shared/x"}), "/shared/comment:0 ");
  ASSERT_TRUE(set("INBOX", {put("/private/vendor/x/Y", "new")}));
  EXPECT_EQ(listed("INBOX"), "/private/vendor/x/Y:3 /shared/comment:0 ") << "one row, spelled as last written";
  ASSERT_TRUE(set("INBOX", {put("/PRIVATE/vendor/x/y", std::nullopt)}));
  EXPECT_EQ(get("INBOX", "/private/vendor/x/y"), "NIL");
  EXPECT_EQ(listed("Default"), "");
  EXPECT_EQ(listed(""), "");
  expect_consistent();
}

TEST_F(MetadataTest, IsAllOrNothing) {
  limits_.metadata_entries = 3;
  ASSERT_TRUE(set("INBOX", {put("/private/1", "a"), put("/private/2", "a"), put("/shared/1", "a")}));
  EXPECT_EQ(set("INBOX", {put("/private/1", "b"), put("/private/3", "b"), put("/private/4", "b")}).error().failure,
            Failure::too_many);
  EXPECT_EQ(get("INBOX", "/private/1"), "a");
  EXPECT_EQ(get("INBOX", "/private/3"), "NIL");
  // Private and shared ones are counted apart, so are mailboxes; removing makes room in the same command.
  EXPECT_TRUE(set("INBOX", {put("/shared/2", "a"), put("/shared/3", "a")}));
  EXPECT_TRUE(set("Default", {put("/private/1", "a"), put("/private/2", "a"), put("/private/3", "a")}));
  EXPECT_TRUE(set("INBOX", {put("/private/3", "b"), put("/private/4", "b"), put("/private/1", std::nullopt)}));
  // A lower bound forbids more, not less.
  limits_.metadata_entries = 1;
  EXPECT_TRUE(set("INBOX", {put("/private/2", "changed")}));
  EXPECT_TRUE(set("INBOX", {put("/private/2", std::nullopt)}));
  EXPECT_EQ(set("INBOX", {put("/private/2", "back")}).error().failure, Failure::too_many);
  expect_consistent();
}

TEST_F(MetadataTest, AnAccountHasSoMuchRoom) {
  limits_.metadata_account_entries = 4;
  ASSERT_TRUE(set("", {put("/private/1", "a"), put("/shared/1", "a")}));
  ASSERT_TRUE(set("INBOX", {put("/private/1", "a"), put("/shared/1", "a")}));
  EXPECT_EQ(set("Default", {put("/private/1", "a")}).error().failure, Failure::too_many);
  limits_.metadata_account_entries = 100;
  limits_.metadata_account_octets = 1000;
  EXPECT_EQ(set("Default", {put("/private/1", std::string(1000, 'x'))}).error().failure, Failure::over_quota);
  EXPECT_TRUE(set("Default", {put("/private/1", std::string(900, 'x'))}));
  EXPECT_EQ(set("", {put("/private/2", std::string(100, 'x'))}).error().failure, Failure::over_quota);
  limits_.metadata_account_octets = 10;
  EXPECT_TRUE(set("Default", {put("/private/1", "short")})) << "less is always possible";
}

TEST_F(MetadataTest, FollowsRights) {
  ASSERT_TRUE(set("", {put("/private/vendor/x/policy", "p"), put("/shared/note", "s")}));
  ASSERT_TRUE(set("INBOX", {put("/private/comment", "c")}));
  EXPECT_EQ(get("", "/private/vendor/x/policy", deposit()), "p");
  EXPECT_EQ(get("", "/shared/note", deposit()), "s");
  EXPECT_EQ(get("INBOX", "/private/comment", deposit()), "c");
  EXPECT_EQ(set_as(deposit(), "", {put("/private/vendor/x/policy", "q")}).error().failure, Failure::denied);
  EXPECT_TRUE(set_as(deposit(), "INBOX", {put("/shared/vendor/x/thread", "t")}));
  EXPECT_EQ(get("INBOX", "/shared/vendor/x/thread"), "t");
  EXPECT_EQ(get("Nowhere", "/private/comment"), "not_found");
  const Principal bob = support::make_account(test_.database());
  EXPECT_EQ(get("", "/shared/note", bob), "NIL") << "another account is another server";
  EXPECT_EQ(get("INBOX", "/private/comment", bob), "NIL");
}

TEST_F(MetadataTest, GoesWithItsMailbox) {
  for (const char* path : {"Trip", "Trip/Sea"}) {
    ASSERT_TRUE(
        in_transaction([&](Transaction& tx) { return create_mailbox(tx, alice_, path, SpecialUse::none, limits_); }));
    ASSERT_TRUE(set(path, {put("/private/comment", path)}));
  }
  const auto rename = [&](const char* from, const char* to) {
    return in_transaction([&](Transaction& tx) -> Result<std::vector<Renamed>> {
      CPM_TRY(grant, authorize(tx, alice_, from, kRead));
      return rename_mailbox(tx, alice_, grant, to, limits_);
    });
  };
  ASSERT_TRUE(rename("Trip", "Tour"));
  EXPECT_EQ(get("Tour/Sea", "/private/comment"), "Trip/Sea");
  ASSERT_TRUE(set("INBOX", {put("/private/comment", "in"), put("/shared/gone", "x")}));
  ASSERT_TRUE(set("INBOX", {put("/shared/gone", std::nullopt)}));
  ASSERT_TRUE(rename("INBOX", "Old"));
  EXPECT_EQ(get("Old", "/private/comment"), "in");
  EXPECT_EQ(get("INBOX", "/private/comment"), "in");
  EXPECT_EQ(listed("Old"), "/private/comment:2 ");
  limits_.metadata_account_octets = 20;
  EXPECT_EQ(rename("INBOX", "Older").error().failure, Failure::over_quota);
  EXPECT_EQ(get("Older", "/private/comment"), "not_found");
  limits_ = {};
  ASSERT_TRUE(with("Tour/Sea", [&](Transaction& tx, const Grant& grant) { return delete_mailbox(tx, grant); }));
  EXPECT_EQ(test_.value("select count(*) from metadata where mailbox_id <> 0 and in_mailbox not in (select mailbox_id"
                        " from mailbox b where b.account_id = metadata.account_id)"),
            "0");
  expect_consistent();
  ASSERT_TRUE(set("", {put("/shared/comment", "x")}));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return delete_account(tx, alice_.address); }));
  EXPECT_EQ(test_.value("select count(*) from metadata where account_id = " + std::to_string(alice_.account.value)),
            "0");
}

TEST_F(MetadataTest, SpecialUseIsTheMailboxs) {
  ASSERT_TRUE(set("Default", {put("/private/specialuse", "\\sent")}));
  EXPECT_EQ(row("Default").use, SpecialUse::sent);
  EXPECT_EQ(get("Default", "/private/specialuse"), "\\Sent");
  EXPECT_EQ(listed("Default"), "/private/specialuse:5 ");
  EXPECT_EQ(set("INBOX", {put("/private/specialuse", "\\Sent")}).error().failure, Failure::use_attr);
  for (const char* wrong : {"\\All", "\\Flagged", "Sent", "\\Sent \\Junk", "\\Nonsense"}) {
    EXPECT_EQ(set("INBOX", {put("/private/specialuse", wrong)}).error().failure, Failure::use_attr) << wrong;
  }
  EXPECT_TRUE(set("Default", {put("/private/specialuse", " \\Junk \\junk ")}));
  EXPECT_TRUE(set("INBOX", {put("/private/specialuse", "\\Sent")}));
  EXPECT_TRUE(set("INBOX", {put("/private/specialuse", std::nullopt)}));
  EXPECT_EQ(get("INBOX", "/private/specialuse"), "NIL");
  EXPECT_TRUE(set("", {put("/private/specialuse", "anything")})) << "the server has none";
  EXPECT_EQ(get("", "/private/specialuse"), "anything");
  expect_consistent();
}

TEST_F(MetadataTest, NewsAreOfWhatMayBeSeen) {
  const auto first = set("INBOX", {put("/private/b", "1"), put("/shared/a", "1")}).value();
  const auto second = set("", {put("/shared/c", "1")}).value();
  EXPECT_LT(first, second);
  EXPECT_EQ(in_transaction([&](Transaction& tx) { return newest_metadata_change(tx, alice_); }).value(), second);
  EXPECT_EQ(told({}), "INBOX/private/b INBOX/shared/a /shared/c ");
  EXPECT_EQ(told({}, deposit()), "INBOX/private/b INBOX/shared/a /shared/c ");
  const MetadataCursor here = news({}).end;
  EXPECT_EQ(here.change, second);
  EXPECT_EQ(told(here), "");
  ASSERT_TRUE(set("INBOX", {put("/private/b", std::nullopt), put("/private/never", std::nullopt)}));
  EXPECT_EQ(told(here), "INBOX/private/b ");
  EXPECT_EQ(told({}), "INBOX/shared/a /shared/c INBOX/private/b ") << "the last change counts";
  ASSERT_TRUE(set("Default", {put("/private/x", "1")}));
  ASSERT_TRUE(with("Default", [&](Transaction& tx, const Grant& grant) { return delete_mailbox(tx, grant); }));
  EXPECT_EQ(told(here), "INBOX/private/b ");
}

TEST_F(MetadataTest, NewsComeInPages) {
  limits_.metadata_entries = 10000;
  std::vector<MetadataChange> changes;
  for (int i = 0; i < 700; ++i) changes.push_back(put("/private/" + std::to_string(i), "x"));
  ASSERT_TRUE(set("INBOX", changes));
  ASSERT_TRUE(set("", {put("/shared/last", "x")}));
  std::size_t seen = 0;
  MetadataCursor at;
  for (bool more = true; more;) {
    const MetadataNewsPage page = news(at);
    seen += page.items.size();
    EXPECT_LE(page.items.size(), 300U);
    at = page.end;
    more = page.more;
  }
  EXPECT_EQ(seen, 701U);
}

TEST_F(MetadataTest, RemovalsAreNotRememberedForEver) {
  limits_.metadata_entries = 10000;
  for (int round = 0; round < 2; ++round) {
    std::vector<MetadataChange> made, removed;
    for (int i = 0; i < 900; ++i) {
      const std::string name = "/private/" + std::to_string(round * 1000 + i);
      made.push_back(put(name, "x"));
      removed.push_back(put(name, std::nullopt));
    }
    ASSERT_TRUE(set("INBOX", made));
    ASSERT_TRUE(set("INBOX", removed));
  }
  EXPECT_EQ(test_.value("select count(*) <= 1000 and count(*) >= 900 from metadata where account_id = " +
                        std::to_string(alice_.account.value)),
            "t");
  expect_consistent();
}

TEST_F(MetadataTest, ManyWritersAtOnce) {
  std::vector<std::thread> writers;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      Database own({test_.url(), 1, true, 10});
      for (int n = 0; n < 10; ++n) {
        const auto done = own.run_blocking(support::TestDatabase::kPatience, [&](Transaction& tx) {
          return set_metadata(tx, metadata_of_server(alice_),
                              {put("/private/" + std::to_string(i), "x"), put("/private/same", "x")}, limits_);
        });
        if (done) ++good;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(good, 40);
  EXPECT_EQ(account_value("metadata_changes"), "40") << "each change has a number of its own";
  expect_consistent();
}

}  // namespace
}  // namespace cpm::schema
