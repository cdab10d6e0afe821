#include "schema/content_rows.h"
#include "tests/schema/store_fixture.h"

#include <atomic>
#include <thread>

namespace cpm::schema {
namespace {

class Append : public Store {
 protected:
  std::string where() { return " where account_id = " + std::to_string(alice_.account.value); }
  std::vector<MessageRow> fetch(std::string_view path, std::uint32_t columns, std::uint64_t limit = 1 << 30) {
    return with(path,
                [&](Transaction& tx, const Grant& grant) {
                  return fetch_rows(tx, grant, UidSet{{1, kMaxWireNumber}}, columns, limit);
                })
        .value();
  }
};

std::string noise(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : out) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return out;
}

TEST_F(Append, OneMessageWithEverything) {
  NewMessage message = new_message("Subject: x\r\n\r\nbody", {kSeen | kDeleted, {"one", "ONE", "two"}});
  message.head.sent_at = std::chrono::sys_seconds{std::chrono::seconds{-5}};
  message.head.sent_date = std::chrono::sys_days{std::chrono::year{1969} / 12 / 31};
  message.head.header_text = "subject:x\n";
  message.head.body_text = "body";
  message.head.facts.conversation_id = "conv";
  message.head.facts.contribution_id = "contrib";
  message.head.facts.imdn_message_id = "imdn";
  message.head.facts.message_id = "<id@x>";
  message.head.facts.direction = Direction::received;
  const auto result = append_messages("INBOX", {message});
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->uids, (UidSet{{1, 1}}));
  EXPECT_EQ(result->uidvalidity, row("INBOX").uidvalidity);
  EXPECT_EQ(result->highestmodseq, row("INBOX").highestmodseq);
  const auto rows = fetch("INBOX", 0x7f);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].bytes, "Subject: x\r\n\r\nbody");
  EXPECT_EQ(rows[0].header, "Subject: x\r\n\r\n");
  EXPECT_EQ(rows[0].part_map, message.head.part_map);
  EXPECT_EQ(rows[0].envelope, "(envelope)");
  EXPECT_EQ(rows[0].body, "(body)");
  EXPECT_EQ(rows[0].body_structure, "(structure)");
  EXPECT_EQ(rows[0].internal_date, message.internal_date);
  EXPECT_EQ(rows[0].facts.conversation_id, "conv");
  EXPECT_EQ(rows[0].facts.message_id, "<id@x>");
  EXPECT_EQ(rows[0].facts.direction, Direction::received);
  EXPECT_EQ(test_.value("select sent_date || ' ' || date_part('epoch', sent_at) from content_head" + where()),
            "1969-12-31 -5");
  const ChangeSet set = changes("INBOX");
  EXPECT_EQ(set.changed[0].bits, kSeen | kDeleted);
  EXPECT_EQ(set.changed[0].keywords.size(), 2U);
  EXPECT_EQ(set.mailbox.unseen, 0U);
  EXPECT_EQ(set.mailbox.deleted_bytes, rows[0].size);
  EXPECT_EQ(account_value("used_messages || ' ' || used_bytes"), "1 18");
  expect_consistent();
}

TEST_F(Append, ManyMessagesGetOneModSeqAndConsecutiveUids) {
  append("INBOX", 2);
  std::vector<NewMessage> messages{new_message(noise(2000)), new_message(""),
                                   new_message(noise(300'000), {kSeen, {"k"}}), new_message("small", {0, {"k", "l"}})};
  const auto result = append_messages("INBOX", messages);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->uids, (UidSet{{3, 6}}));
  const auto rows = fetch("INBOX", kColumnBytes);
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows[2].bytes, noise(2000));
  EXPECT_EQ(rows[3].bytes, "");
  EXPECT_EQ(rows[4].bytes, noise(300'000));
  EXPECT_EQ(rows[5].bytes, "small");
  const ChangeSet set = changes("INBOX", result->highestmodseq.value - 1);
  ASSERT_EQ(set.changed.size(), 4U);
  EXPECT_EQ(set.changed[3].keywords.size(), 2U);
  EXPECT_EQ(test_.value("select count(*) from content_chunk" + where()), "6");
  expect_consistent();
}

TEST_F(Append, MoreThanOneBatchOfSmallMessages) {
  std::vector<NewMessage> messages;
  for (int i = 0; i < 50; ++i) messages.push_back(new_message(noise(200'000)));
  ASSERT_TRUE(append_messages("INBOX", std::move(messages)).has_value());
  EXPECT_EQ(row("INBOX").bytes, 10'000'000U);
  expect_consistent();
}

TEST_F(Append, AnyOctetsBecomeStorableText) {
  NewMessage message = new_message("x");
  message.head.header_text = std::string("subject:\xff\0y\n", 12);
  message.head.facts.message_id = std::string(5000, '\xc3');
  message.head.facts.imdn_message_id = std::string(333, 'a') + std::string(3000, '\xe2');
  ASSERT_TRUE(append_messages("INBOX", {message}).has_value());
  EXPECT_EQ(test_.value("select header_text from content_head" + where()), "subject:\xef\xbf\xbdy\n");
  EXPECT_EQ(test_.value("select length(message_id) from content_head" + where()), "333");
}

TEST_F(Append, OverQuotaStoresNothing) {
  test_.execute("update account set limit_messages = 2, limit_bytes = 1000000" + where());
  append("INBOX", 1);
  EXPECT_EQ(append_messages("INBOX", {new_message("a"), new_message("b")}).error().failure, Failure::over_quota);
  EXPECT_EQ(append_messages("INBOX", {new_message(noise(2'000'000))}).error().failure, Failure::over_quota);
  EXPECT_EQ(test_.value("select count(*) from content" + where()), "1");
  EXPECT_TRUE(append_messages("INBOX", {new_message("a")}).has_value());
  expect_consistent();
}

TEST_F(Append, TooBig) {
  limits_.message_octets = 100;
  EXPECT_TRUE(append_messages("INBOX", {new_message(std::string(100, 'x'))}).has_value());
  EXPECT_EQ(append_messages("INBOX", {new_message(std::string(101, 'x'))}).error().failure, Failure::too_big);
}

TEST_F(Append, AFailureOfOneMessageStoresNone) {
  limits_.keywords_per_mailbox = 1;
  const auto result = append_messages("INBOX", {new_message("a", {0, {"one"}}), new_message("b", {0, {"two"}})});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().failure, Failure::limit);
  EXPECT_EQ(row("INBOX").messages, 0U);
  EXPECT_EQ(row("INBOX").highestmodseq, ModSeq{1});
  EXPECT_EQ(test_.value("select count(*) from keyword" + where()), "0");
}

TEST_F(Append, FlagsWithoutTheRightAreDropped) {
  Principal service = alice_;
  service.role = Role::deposit;
  const auto result = in_transaction([&](Transaction& tx) -> Result<AppendResult> {
    CPM_TRY(grant, authorize(tx, service, "INBOX", kInsert));
    CPM_TRY(staged, stage(tx, grant.account(), new_message("x", {kSeen | kDeleted | kFlagged, {}}), limits_));
    std::vector<StagedMessage> messages{staged};
    return deposit(tx, grant, messages, limits_);
  });
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(changes("INBOX").changed[0].bits, kSeen | kFlagged);
}

TEST_F(Append, StagedInItsOwnTransaction) {
  auto staged =
      in_transaction([&](Transaction& tx) { return stage(tx, alice_.account, new_message(noise(600'000)), limits_); });
  ASSERT_TRUE(staged.has_value());
  EXPECT_FALSE(staged->inline_bytes);
  EXPECT_EQ(test_.value("select state || ' ' || refs from content" + where()), "0 0");
  const auto deposit_it = [&] {
    return with("INBOX", [&](Transaction& tx, const Grant& grant) {
      std::vector<StagedMessage> messages{*staged};
      return deposit(tx, grant, messages, limits_);
    });
  };
  ASSERT_TRUE(deposit_it().has_value());
  EXPECT_EQ(test_.value("select state || ' ' || refs from content" + where()), "1 1");
  EXPECT_EQ(deposit_it().error().failure, Failure::unavailable);  // it is not staged any more
  EXPECT_EQ(row("INBOX").messages, 1U);
  expect_consistent();
}

TEST_F(Append, AtAPathInOneStatement) {
  alice_ = support::make_account(test_.database(), {}, {"INBOX", "a/b"});
  const auto deposit_to = [&](Principal who, std::string_view path, std::vector<NewMessage> wanted, Mode mode) {
    return test_.database().run_blocking(
        support::TestDatabase::kPatience,
        [&](Transaction& tx) -> Result<DepositedAt> {
          std::vector<StagedMessage> messages;
          for (const NewMessage& message : wanted) {
            CPM_TRY(staged, stage(tx, who.account, message, limits_));
            messages.push_back(staged);
          }
          EXPECT_EQ(deposits_in_one_statement(messages), mode == Mode::single);
          return deposit_at(tx, who, path, messages, limits_);
        },
        mode);
  };
  auto result = deposit_to(alice_, "a/b", {new_message("one", {kSeen, {}}), new_message("")}, Mode::single);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->mailbox, row("a/b").ref());
  EXPECT_EQ(result->result.uids, (UidSet{{1, 2}}));
  EXPECT_EQ(result->result.uidvalidity, row("a/b").uidvalidity);
  EXPECT_EQ(result->result.highestmodseq, row("a/b").highestmodseq);
  EXPECT_EQ(changes("a/b").changed[0].bits, kSeen);

  EXPECT_EQ(deposit_to(alice_, "a/c", {new_message("x")}, Mode::single).error().failure, Failure::not_found);
  EXPECT_EQ(deposit_to(alice_, "b", {new_message("x")}, Mode::single).error().failure, Failure::not_found);
  Principal service = alice_;
  service.role = Role::deposit;
  ASSERT_TRUE(deposit_to(service, "a", {new_message("x", {kDeleted | kFlagged, {}})}, Mode::single).has_value());
  EXPECT_EQ(changes("a").changed[0].bits, kFlagged);

  // What needs more than one statement takes the long way.
  result = deposit_to(alice_, "a", {new_message("k", {0, {"word"}}), new_message(noise(300'000))}, Mode::transaction);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->mailbox, row("a").ref());
  EXPECT_EQ(changes("a").changed[1].keywords.size(), 1U);

  // A refusal leaves nothing, though there is no transaction to roll back.
  test_.execute("update account set limit_messages = 5" + where());
  EXPECT_EQ(deposit_to(alice_, "a/b", {new_message("x")}, Mode::single).error().failure, Failure::over_quota);
  EXPECT_EQ(test_.value("select count(*) from content" + where()), "5");
  EXPECT_EQ(row("a/b").highestmodseq, ModSeq{2});
  expect_consistent();
}

TEST_F(Append, ToAMailboxThatIsGone) {
  const auto result = in_transaction([&](Transaction& tx) -> Result<AppendResult> {
    CPM_TRY(grant, authorize(tx, alice_, "Default", kAllRights));
    CPM_CHECK(delete_mailbox(tx, grant));
    CPM_TRY(staged, stage(tx, grant.account(), new_message("x"), limits_));
    std::vector<StagedMessage> messages{staged};
    return deposit(tx, grant, messages, limits_);
  });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().failure, Failure::not_found);
}

// MSS-83
TEST_F(Append, NumbersStayBelowTwoToThe31) {
  append("INBOX", 1);
  test_.execute("update mailbox set uidnext = 2147483646" + where() + " and mailbox_id = 1");
  EXPECT_EQ(append("INBOX", 1).uids, (UidSet{{2147483646, 2147483646}}));
  EXPECT_EQ(append_messages("INBOX", {new_message("a")}).error().failure, Failure::limit);
  test_.execute("update mailbox set highestmodseq = 2147483647" + where() + " and mailbox_id = 1");
  EXPECT_EQ(store_result("INBOX", {UidSet{{1, 1}}, FlagChange::add, {kSeen, {}}, {}}).error().failure, Failure::limit);
  EXPECT_EQ(row("INBOX").unseen, 2U);
}

TEST_F(Append, ParallelDepositsNeverPassTheLimit) {
  test_.execute("update account set limit_messages = 50" + where());
  std::atomic<int> stored = 0, refused = 0;
  std::vector<std::thread> threads;
  schema::Database database({test_.url(), 4, true, 100});
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      schema::Database own({test_.url(), 1, true, 10});
      for (int i = 0; i < 20; ++i) {
        const auto result = own.run_blocking(std::chrono::seconds(60), [&](Transaction& tx) -> Result<AppendResult> {
          CPM_TRY(grant, authorize(tx, alice_, i % 2 == 0 ? "INBOX" : "Default", kInsert));
          CPM_TRY(staged, stage(tx, grant.account(), new_message("x"), limits_));
          std::vector<StagedMessage> messages{staged};
          return deposit(tx, grant, messages, limits_);
        });
        if (result) {
          ++stored;
        } else {
          EXPECT_EQ(result.error().failure, Failure::over_quota) << result.error().detail;
          ++refused;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(stored, 50);
  EXPECT_EQ(refused, 30);
  EXPECT_EQ(account_value("used_messages"), "50");
  expect_consistent();
}

}  // namespace
}  // namespace cpm::schema
