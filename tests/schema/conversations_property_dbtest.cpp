// Random operations on the messages of conversations: after each, the counters are what is counted anew (schema/check),
// and now and then a rebuild of all conversations makes the same ones.
#include "schema/content_rows.h"
#include "schema/copy_tree.h"
#include "schema/events.h"
#include "tests/schema/object_fixture.h"

#include <random>

namespace cpm::schema {
namespace {

class ConversationsProperty : public Objects, public ::testing::WithParamInterface<unsigned> {
 protected:
  std::mt19937 random_{GetParam()};
  std::vector<std::string> paths_{"INBOX", "Default", "Default/c1", "Default/c2/k"};
  int made_ = 0;  // objects so far

  ConversationsProperty() { alice_ = support::make_account(test_.database(), {}, paths_); }

  unsigned pick(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random_); }
  const std::string& path() { return paths_[pick(static_cast<unsigned>(paths_.size()))]; }
  std::string identifier(int number) { return "m" + std::to_string(number); }
  UidSet uids(std::string_view in) {
    const std::uint32_t next = row(in).uidnext.value;
    UidSet out;
    for (unsigned i = 0, n = pick(3); i <= n; ++i) {
      const std::uint32_t first = 1 + pick(next);
      out.add(first, first + pick(4));
    }
    return out;
  }

  TestObject object() {
    static constexpr ObjectKind kKinds[] = {
        ObjectKind::mail,         ObjectKind::message,     ObjectKind::chat_message, ObjectKind::notification,
        ObjectKind::session_info, ObjectKind::group_state, ObjectKind::sms,          ObjectKind::signal};
    TestObject out;
    out.kind = kKinds[pick(8)];
    out.direction = static_cast<Direction>(pick(3));
    out.imdn = identifier(++made_);
    out.conversation = "c" + std::to_string(pick(5));
    out.contribution = "k" + std::to_string(pick(5));
    if (out.kind == ObjectKind::mail || pick(10) == 0) out.conversation.clear();
    if (out.kind == ObjectKind::notification) {
      out.reports_on = identifier(1 + static_cast<int>(pick(static_cast<unsigned>(made_) + 3)));
      out.disposition = static_cast<Disposition>(1 + pick(7));
      if (pick(2) == 0) out.conversation.clear();
    }
    if (pick(8) == 0) out.in_reply_to = "k" + std::to_string(pick(6));
    out.people = {"tel:+" + std::to_string(pick(6))};
    out.group = pick(4) == 0;
    out.at = pick(50);
    out.flags.bits = pick(16);
    return out;
  }

  void do_append() {
    std::vector<NewMessage> messages;
    for (unsigned i = 0, n = 1 + pick(4); i < n; ++i) messages.push_back(new_object(object()));
    if (pick(6) == 0) messages[0].octets = new_message(std::string(kInlineOctets + 1, 'x')).octets;
    ASSERT_TRUE(append_messages(path(), messages).has_value());
  }

  void do_once() {
    std::vector<TestObject> objects;
    for (unsigned i = 0, n = 1 + pick(3); i < n; ++i) objects.push_back(object());
    objects.push_back(objects[0]);
    const std::string to = path();
    for (int i = 0; i < 2; ++i) {
      const auto done = in_transaction([&](Transaction& tx) -> Result<DepositedOnce> {
        std::vector<StagedMessage> staged;
        for (const TestObject& one : objects) staged.push_back(hold_inline(new_object(one)));
        return deposit_once(tx, alice_, to, staged, limits_);
      });
      ASSERT_TRUE(done.has_value()) << done.error().text << done.error().detail;
    }
  }

  void do_store() {
    static constexpr std::uint32_t kBits[] = {kSeen, kSeen, kDeleted, kFlagged, kSeen | kDeleted};
    const std::string& in = path();
    store(in, uids(in), static_cast<FlagChange>(pick(3)), {kBits[pick(5)], {}});
  }

  void do_event() {
    EventRequest request;
    for (unsigned i = 0; i < 2; ++i) {
      EventOperation operation{pick(2) == 0, {kSeen, {}}, {}};
      for (unsigned n = 0; n < 3; ++n)
        operation.objects.push_back({.message_id = identifier(1 + static_cast<int>(pick(made_ + 1U)))});
      request.operations.push_back(std::move(operation));
    }
    const auto done = in_transaction([&](Transaction& tx) { return apply_event(tx, alice_, request, limits_); });
    ASSERT_TRUE(done.has_value()) << done.error().text << done.error().detail;
  }

  void do_transfer() {
    const std::string from = path();
    const std::string to = path();
    const auto done = transfer(pick(2) == 0, from, uids(from), to);
    ASSERT_TRUE(done.has_value()) << done.error().text << done.error().detail;
  }

  void do_copy_tree() {
    const std::string from = path();
    const std::string to = "Copy" + std::to_string(++made_);
    const auto done = in_transaction([&](Transaction& tx) { return copy_tree(tx, alice_, from, to, limits_); });
    ASSERT_TRUE(done.has_value()) << done.error().text << done.error().detail;
    for (const CopiedMailbox& one : done->mailboxes) EXPECT_EQ(row(one.from_path).messages, one.messages);
    remove(to);
  }

  // The mailbox with all below it.
  void remove(const std::string& top) {
    const auto rows = in_transaction([&](Transaction& tx) { return list_mailboxes(tx, alice_); }).value();
    for (auto one = rows.rbegin(); one != rows.rend(); ++one) {
      if (one->path != top && !one->path.starts_with(top + '/')) continue;
      const auto gone = with(one->path, [](Transaction& tx, const Grant& grant) { return delete_mailbox(tx, grant); });
      ASSERT_TRUE(gone.has_value()) << gone.error().text << gone.error().detail;
    }
  }

  void do_delete() {
    remove("Default/c2");
    make("Default/c2/k");
  }

  void do_rename() {
    const std::string from = path();
    const std::string to = "Renamed" + std::to_string(++made_);
    const auto rename = [&](const std::string& a, const std::string& b) {
      const auto done = in_transaction([&](Transaction& tx) -> Result<std::vector<Renamed>> {
        CPM_TRY(grant, authorize(tx, alice_, a, kDeleteMailbox));
        return rename_mailbox(tx, alice_, grant, b, limits_);
      });
      ASSERT_TRUE(done.has_value()) << done.error().text << done.error().detail;
    };
    rename(from, to);
    if (from == "INBOX") {
      transfer(true, to, {{1, kMaxWireNumber}}, "Default").value();
      remove(to);
    } else {
      rename(to, from);
    }
  }

  std::string all_conversations() {
    return test_.value(
        "select string_agg(format('%s:%s/%s/%s/%s', conversation_id, objects, messages, unread, last_at), ' ' order by"
        " conversation_id) from conversation where account_id = " +
        std::to_string(alice_.account.value));
  }

  void do_rebuild() {
    const std::string before = all_conversations();
    const auto changed = in_transaction(
        [&](Transaction& tx) -> Result<std::uint64_t> { return rebuild_conversations(tx, alice_.account); });
    ASSERT_TRUE(changed.has_value()) << changed.error().text << changed.error().detail;
    // Only what came before the message that it is about may have changed its conversation.
    if (*changed == 0) {
      EXPECT_EQ(all_conversations(), before);
    }
  }

  void verify() {
    const auto done = check(test_.database(), {alice_.address, false}, [](const CheckFinding& finding) {
      ADD_FAILURE() << finding.mailbox << ": " << finding.what;
    });
    ASSERT_TRUE(done.has_value()) << done.error().detail;
  }
};

TEST_P(ConversationsProperty, CountersAreExact) {
  for (int step = 0; step < 150 && !HasFailure(); ++step) {
    const unsigned what = pick(20);
    switch (what) {
      case 0:
      case 1:
      case 2: do_append(); break;
      case 3:
      case 4: do_once(); break;
      case 5:
      case 6:
      case 7:
      case 8: do_store(); break;
      case 9:
      case 10: do_event(); break;
      case 11: do_copy_tree(); break;
      case 12: do_delete(); break;
      case 13: do_rename(); break;
      case 14: do_rebuild(); break;
      case 15: expunge_in(path()); break;
      default: do_transfer(); break;
    }
    verify();
    if (HasFailure()) ADD_FAILURE() << "seed " << GetParam() << ", step " << step << ", case " << what;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConversationsProperty, ::testing::Values(1U, 2U, 3U, 4U));

}  // namespace
}  // namespace cpm::schema
