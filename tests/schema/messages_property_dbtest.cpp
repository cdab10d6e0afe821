// Random operations on three mailboxes, each compared with a simple model in memory; then the invariants of the store.
#include "schema/keywords.h"
#include "tests/schema/store_fixture.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace cpm::schema {
namespace {

struct Message {
  std::uint32_t bits = 0;
  std::set<std::string> keywords;
  std::uint64_t modseq = 0;
  std::string octets;
};

struct Mailbox {
  std::map<std::uint32_t, Message> messages;
  std::map<std::uint32_t, std::uint64_t> gone;  // uid → modseq
  std::uint32_t uidnext = 1;
  std::uint64_t modseq = 1;

  void add(Message message) { messages[uidnext++] = std::move(message); }
};

class MessagesProperty : public Store, public ::testing::WithParamInterface<unsigned> {
 protected:
  const std::vector<std::string> paths_{"INBOX", "Default", "Third"};
  const std::vector<std::string> words_{"a", "b", "C", "d"};
  std::map<std::string, Mailbox> model_;
  std::mt19937 random_{GetParam()};

  MessagesProperty() { alice_ = support::make_account(test_.database(), {}, paths_); }

  unsigned pick(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random_); }
  const std::string& path() { return paths_[pick(3)]; }
  FlagSet flags() {
    FlagSet out{pick(32) | (pick(4) == 0 ? std::uint32_t{kForwarded} : 0U), {}};
    if (pick(3) == 0) {
      for (const std::string& word : words_) {
        if (pick(3) == 0) out.keywords.push_back(word);
      }
    }
    return out;
  }
  UidSet uids(const Mailbox& mailbox) {
    UidSet out;
    for (unsigned i = 0, n = pick(4); i <= n; ++i) {
      const std::uint32_t first = 1 + pick(mailbox.uidnext + 2);
      out.add(first, first + pick(6));
    }
    return out;
  }
  static std::vector<std::uint32_t> existing(const Mailbox& mailbox, const UidSet& uids) {
    std::vector<std::uint32_t> out;
    for (const auto& [uid, message] : mailbox.messages) {
      if (uids.contains(uid)) out.push_back(uid);
    }
    return out;
  }

  void do_append() {
    const std::string& to = path();
    Mailbox& mailbox = model_[to];
    std::vector<NewMessage> messages;
    ++mailbox.modseq;
    const std::uint32_t first = mailbox.uidnext;
    for (unsigned i = 0, n = 1 + pick(4); i < n; ++i) {
      const FlagSet set = flags();
      Message message{set.bits,
                      {set.keywords.begin(), set.keywords.end()},
                      mailbox.modseq,
                      std::string(pick(300), 'x') + std::to_string(pick(1000))};
      messages.push_back(new_message(message.octets, set));
      mailbox.add(message);
    }
    const auto result = append_messages(to, messages);
    ASSERT_TRUE(result.has_value()) << result.error().detail;
    EXPECT_EQ(result->uids, (UidSet{{first, mailbox.uidnext - 1}}));
    EXPECT_EQ(result->highestmodseq.value, mailbox.modseq);
  }

  void do_store() {
    const std::string& in = path();
    Mailbox& mailbox = model_[in];
    StoreRequest request{uids(mailbox), static_cast<FlagChange>(pick(3)), flags(), {}};
    if (pick(3) == 0) request.unchanged_since = ModSeq{pick(static_cast<unsigned>(mailbox.modseq) + 2)};
    const std::set<std::string> words(request.flags.keywords.begin(), request.flags.keywords.end());
    UidSet changed, modified;
    for (const std::uint32_t uid : existing(mailbox, request.uids)) {
      Message& message = mailbox.messages[uid];
      if (request.unchanged_since && message.modseq > request.unchanged_since->value) {
        modified.add(uid);
        continue;
      }
      Message after = message;
      if (request.change == FlagChange::replace) {
        after.bits = request.flags.bits;
        after.keywords = words;
      } else if (request.change == FlagChange::add) {
        after.bits |= request.flags.bits;
        after.keywords.insert(words.begin(), words.end());
      } else {
        after.bits &= ~request.flags.bits;
        for (const std::string& word : words) after.keywords.erase(word);
      }
      if (after.bits == message.bits && after.keywords == message.keywords) continue;
      after.modseq = mailbox.modseq + 1;
      message = after;
      changed.add(uid);
    }
    if (!changed.empty()) ++mailbox.modseq;
    const StoreResult result = store_result(in, request).value();
    EXPECT_EQ(result.changed, changed);
    EXPECT_EQ(result.modified, modified);
    EXPECT_EQ(result.highestmodseq.value, mailbox.modseq);
    const KeywordTable table = in_one_statement(request) ? keywords_of(in) : result.keywords;
    for (const MessageFlags& message : result.messages) compare(message, mailbox.messages.at(message.uid.value), table);
    EXPECT_EQ(result.messages.size() + modified.size(), existing(mailbox, request.uids).size());
  }

  void do_expunge() {
    const std::string& in = path();
    Mailbox& mailbox = model_[in];
    std::optional<UidSet> only;
    if (pick(2) == 0) only = uids(mailbox);
    UidSet removed;
    for (const std::uint32_t uid : existing(mailbox, only ? *only : UidSet{{1, kMaxWireNumber}})) {
      if ((mailbox.messages[uid].bits & kDeleted) != 0) removed.add(uid);
    }
    remove(mailbox, removed, removed.empty() ? mailbox.modseq : ++mailbox.modseq);
    const ExpungeResult result = expunge_in(in, only);
    EXPECT_EQ(result.uids, removed);
    EXPECT_EQ(result.highestmodseq.value, mailbox.modseq);
  }

  static void remove(Mailbox& mailbox, const UidSet& uids, std::uint64_t modseq) {
    for (const std::uint32_t uid : uids.numbers()) {
      mailbox.messages.erase(uid);
      mailbox.gone[uid] = modseq;
    }
  }

  void do_transfer() {
    const bool move = pick(2) == 0;
    const std::string& from = path();
    const std::string& to = path();
    Mailbox& source = model_[from];
    Mailbox& target = model_[to];
    const UidSet wanted = uids(source);
    UidSet taken, given;
    const auto present = existing(source, wanted);
    if (!present.empty()) ++target.modseq;
    if (!present.empty() && move && from != to) ++source.modseq;
    for (const std::uint32_t uid : present) {
      Message message = source.messages[uid];
      message.modseq = target.modseq;
      taken.add(uid);
      given.add(target.uidnext);
      target.add(message);
    }
    if (move) remove(source, taken, source.modseq);
    const CopyResult result = transfer(move, from, wanted, to).value();
    EXPECT_EQ(result.source, taken);
    EXPECT_EQ(result.target, given);
    if (move) {
      EXPECT_EQ(result.source_modseq.value, source.modseq);
    }
  }

  KeywordTable keywords_of(const std::string& path) {
    return with(path,
                [](Transaction& tx, const Grant& grant) -> Result<KeywordTable> {
                  return read_keywords(tx, grant.account(), grant.mailbox().id);
                })
        .value();
  }

  static void compare(const MessageFlags& real, const Message& expected, const KeywordTable& table) {
    EXPECT_EQ(real.bits, expected.bits) << real.uid.value;
    EXPECT_EQ(real.modseq.value, expected.modseq) << real.uid.value;
    std::set<std::string> words;
    for (const KeywordId id : real.keywords) {
      ASSERT_NE(table.name(id), nullptr);
      words.insert(*table.name(id));
    }
    EXPECT_EQ(words, expected.keywords) << real.uid.value;
  }

  void compare_all() {
    for (const std::string& at : paths_) {
      const Mailbox& mailbox = model_[at];
      const std::uint64_t since = pick(2) == 0 ? 0 : 1 + pick(static_cast<unsigned>(mailbox.modseq));
      const ChangeSet set = changes(at, since);
      EXPECT_EQ(set.mailbox.highestmodseq.value, mailbox.modseq);
      EXPECT_EQ(set.mailbox.uidnext.value, mailbox.uidnext);
      EXPECT_EQ(set.mailbox.messages, mailbox.messages.size());
      std::vector<std::uint32_t> expected, got;
      for (const auto& [uid, message] : mailbox.messages) {
        if (message.modseq > since) expected.push_back(uid);
      }
      for (const MessageFlags& message : set.changed) {
        got.push_back(message.uid.value);
        compare(message, mailbox.messages.at(message.uid.value), set.keywords);
      }
      EXPECT_EQ(got, expected);
      // Every UID gone since then, and none that lives or was never given.
      for (const auto& [uid, modseq] : mailbox.gone) {
        if (since != 0 && modseq > since) {
          EXPECT_TRUE(set.vanished.contains(uid)) << uid;
        }
      }
      for (const std::uint32_t uid : set.vanished.numbers()) EXPECT_TRUE(mailbox.gone.contains(uid)) << uid;
      const auto rows = with(at, [&](Transaction& tx, const Grant& grant) {
                          return fetch_rows(tx, grant, {{1, kMaxWireNumber}}, kColumnBytes, 1000);
                        }).value();
      ASSERT_EQ(rows.size(), mailbox.messages.size());
      for (const MessageRow& one : rows) EXPECT_EQ(one.bytes, mailbox.messages.at(one.uid.value).octets);
    }
  }
};

TEST_P(MessagesProperty, StoreAndModelAgree) {
  for (int step = 0; step < 300 && !HasFailure(); ++step) {
    switch (pick(6)) {
      case 0: do_append(); break;
      case 1:
      case 2: do_store(); break;
      case 3: do_expunge(); break;
      default: do_transfer(); break;
    }
    if (step % 10 == 9) compare_all();
    if (HasFailure()) ADD_FAILURE() << "seed " << GetParam() << ", step " << step;
  }
  compare_all();
  expect_consistent();
}

INSTANTIATE_TEST_SUITE_P(Seeds, MessagesProperty, ::testing::Values(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U));

}  // namespace
}  // namespace cpm::schema
