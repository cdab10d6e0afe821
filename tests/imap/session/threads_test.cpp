#include "imap/session/threads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

namespace cpm::imap {
namespace {

struct Mail {
  std::int64_t sent = 0;
  std::string subject;
  bool reply = false;
  std::string id;
  std::vector<std::string> references;
};

ThreadKeys keys_of(const std::vector<Mail>& mails) {
  ThreadKeys keys;
  for (const Mail& mail : mails) {
    const std::vector<std::string_view> references(mail.references.begin(), mail.references.end());
    keys.add(mail.sent, mail.subject, mail.reply, mail.id, references);
  }
  return keys;
}

std::string written(const ThreadForest& forest, std::size_t messages, std::size_t piece = 1 << 20) {
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t i = 1; i <= messages; ++i) numbers.push_back(i);
  ThreadWriter writer(forest, numbers);
  std::string all;
  for (;;) {
    std::string part;
    const bool more = writer.write(part, piece);
    all += part;
    if (!more) return all;
  }
}

std::string by_references(const std::vector<Mail>& mails) {
  return written(thread_by_references(keys_of(mails)), mails.size());
}
std::string by_subject(const std::vector<Mail>& mails) {
  return written(thread_by_subject(keys_of(mails)), mails.size());
}

TEST(Threads, NothingIsNoThread) {
  EXPECT_EQ(by_references({}), "");
  EXPECT_EQ(by_subject({}), "");
}

TEST(Threads, OrderedSubjectHasNoGrandchildren) {
  EXPECT_EQ(by_subject({{5, "B", false, "", {}},
                        {4, "A", true, "", {}},
                        {3, "B", false, "", {}},
                        {9, "B", false, "", {}},
                        {1, "", false, "", {}},
                        {2, "", false, "", {}}}),
            "(5 6)(3 (1)(4))(2)");
}

TEST(Threads, OrderedSubjectBreaksTiesByNumber) {
  EXPECT_EQ(by_subject({{1, "B", false, "", {}}, {1, "A", false, "", {}}, {1, "B", false, "", {}}}), "(1 3)(2)");
}

TEST(Threads, RepliesHangBelow) {
  EXPECT_EQ(by_references({{1, "s", false, "a", {}},
                           {2, "s", true, "b", {"a"}},
                           {3, "s", true, "c", {"a", "b"}},
                           {4, "s", true, "d", {"a"}}}),
            "(1 (2 3)(4))");
}

TEST(Threads, AnAbsentParentIsADummyOfSeveralChildren) {
  EXPECT_EQ(by_references({{1, "", false, "a", {"x"}}, {2, "", false, "b", {"x"}}}), "((1)(2))");
  EXPECT_EQ(by_references({{1, "", false, "a", {"x"}}}), "(1)");
  // Dummies between go, the topmost stays.
  EXPECT_EQ(by_references({{1, "", false, "a", {"x", "y"}}, {2, "", false, "b", {"x", "z"}}}), "((1)(2))");
  EXPECT_EQ(by_references({{1, "", false, "a", {"x", "y"}}, {2, "", false, "b", {"x", "y"}}}), "((1)(2))");
  // Below a message they are spliced in.
  EXPECT_EQ(by_references({{1, "", false, "r", {}}, {2, "", false, "a", {"r", "x"}}, {3, "", false, "b", {"r", "x"}}}),
            "(1 (2)(3))");
}

TEST(Threads, ADuplicateIdBelongsToTheFirst) {
  EXPECT_EQ(by_references({{1, "", false, "a", {}}, {2, "", false, "a", {}}, {3, "", false, "b", {"a"}}}), "(1 3)(2)");
}

TEST(Threads, LoopsAreNotMade) {
  EXPECT_EQ(by_references({{1, "", false, "a", {"b"}}, {2, "", false, "b", {"a"}}}), "(2 1)");
  EXPECT_EQ(by_references({{1, "", false, "a", {"a"}}}), "(1)");
  EXPECT_EQ(by_references({{1, "", false, "a", {"b", "a", "b", "a"}}, {2, "", false, "b", {}}}), "(1)(2)");
}

TEST(Threads, TheLastReferenceCountsMost) {
  // 3 says that x is a's parent; a itself knows better.
  EXPECT_EQ(by_references({{1, "", false, "c", {"x", "a"}}, {2, "", false, "a", {"y"}}, {3, "", false, "y", {}}}),
            "(3 2 1)");
  EXPECT_EQ(by_references({{1, "", false, "c", {"x", "a"}}, {2, "", false, "a", {}}, {3, "", false, "x", {}}}),
            "(2 1)(3)");
}

TEST(Threads, SubjectsJoinThreads) {
  // A reply goes below what is none.
  EXPECT_EQ(by_references({{1, "s", true, "a", {}}, {2, "s", false, "b", {}}}), "(2 1)");
  // Equals get a dummy.
  EXPECT_EQ(by_references({{1, "s", false, "a", {}}, {2, "s", false, "b", {}}, {3, "s", true, "c", {}}}),
            "((1)(2)(3))");
  EXPECT_EQ(by_references({{1, "s", true, "a", {}}, {2, "s", true, "b", {}}}), "((1)(2))");
  // Two dummies become one; the thread stands where its first message stands.
  EXPECT_EQ(by_references({{1, "s", true, "a", {"x"}},
                           {2, "s", true, "b", {"y"}},
                           {3, "s", true, "c", {"x"}},
                           {4, "s", true, "d", {"y"}},
                           {0, "t", false, "e", {}}}),
            "(5)((1)(2)(3)(4))");
  EXPECT_EQ(by_references({{1, "s", false, "z", {}}, {2, "s", true, "a", {"x"}}, {3, "s", true, "b", {"x"}}}),
            "((1)(2)(3))");
  // No subject joins nothing.
  EXPECT_EQ(by_references({{1, "", false, "a", {}}, {2, "", false, "b", {}}}), "(1)(2)");
}

TEST(Threads, SiblingsGoByDateThenNumber) {
  EXPECT_EQ(by_references({{9, "", false, "a", {}},
                           {5, "", false, "b", {"a"}},
                           {5, "", false, "c", {"a"}},
                           {4, "", false, "d", {"a"}}}),
            "(1 (4)(2)(3))");
}

TEST(Threads, DeepThreadsNeedNoStack) {
  constexpr std::uint32_t kDepth = 300'000;
  const auto chain = [](bool backwards) {
    ThreadKeys keys;
    for (std::uint32_t i = 0; i < kDepth; ++i) {
      const std::uint32_t place = backwards ? kDepth - i : i + 1;
      const std::string id = std::to_string(place);
      const std::string before = std::to_string(place - 1);
      const std::string_view references[] = {before};
      keys.add(place, "", false, id, references);
    }
    return written(thread_by_references(keys), kDepth, 1000);
  };
  const std::string forwards = chain(false);
  EXPECT_TRUE(forwards.starts_with("(1 2 3 4 "));
  EXPECT_EQ(std::count(forwards.begin(), forwards.end(), '('), 1);
  const std::string backwards = chain(true);
  EXPECT_TRUE(backwards.starts_with("(300000 299999 "));
}

TEST(Threads, CraftedReferencesTakeNoQuadraticTime) {
  // A long chain, at whose end trees are hung whose roots have children: each link asks whether it makes a loop.
  constexpr std::uint32_t kChain = 100'000;
  ThreadKeys keys;
  for (std::uint32_t i = 1; i <= kChain; ++i) {
    const std::string before = "c" + std::to_string(i - 1);
    const std::string_view references[] = {before};
    keys.add(i, "", false, "c" + std::to_string(i), references);
  }
  const std::string end = "c" + std::to_string(kChain);
  for (std::uint32_t i = 0; i < kChain; ++i) {
    const std::string root = "r" + std::to_string(i);
    const std::string_view child[] = {root};
    keys.add(i, "", false, "", child);
    const std::string_view references[] = {end};
    keys.add(i, "", false, root, references);
  }
  const std::string text = written(thread_by_references(keys), keys.size());
  EXPECT_EQ(std::count(text.begin(), text.end(), '('), 1 + kChain);
}

// -- the RFC's words one by one, with no thought of speed

class Model {
 public:
  explicit Model(const std::vector<Mail>& mails) : mails_(mails) {}

  std::string run() {
    step1();
    Node root;
    for (Node& node : nodes_) {
      if (node.parent == nullptr) root.children.push_back(&node);
    }
    prune(root, true);
    sort_top(root);
    step5(root);
    sort_all(root);
    std::string out;
    for (Node* node : root.children) out += "(" + text(*node) + ")";
    return out;
  }

 private:
  struct Node {
    int mail = -1;  // -1: dummy
    Node* parent = nullptr;
    std::vector<Node*> children;
  };

  static void unlink(Node& child) {
    if (child.parent == nullptr) return;
    std::erase(child.parent->children, &child);
    child.parent = nullptr;
  }
  static void link(Node& parent, Node& child) {
    for (Node* up = &parent; up != nullptr; up = up->parent) {
      if (up == &child) return;
    }
    child.parent = &parent;
    parent.children.push_back(&child);
  }
  void step1() {
    std::vector<Node*> of_mail;
    for (std::size_t i = 0; i < mails_.size(); ++i) {
      Node& node = nodes_.emplace_back();
      node.mail = static_cast<int>(i);
      of_mail.push_back(&node);
      if (!mails_[i].id.empty()) ids_.emplace(mails_[i].id, &node);
    }
    for (std::size_t i = 0; i < mails_.size(); ++i) {
      Node* last = nullptr;
      for (const std::string& id : mails_[i].references) {
        auto at = ids_.find(id);
        if (at == ids_.end()) at = ids_.emplace(id, &nodes_.emplace_back()).first;
        if (last != nullptr && at->second->parent == nullptr) link(*last, *at->second);
        last = at->second;
      }
      unlink(*of_mail[i]);
      if (last != nullptr) link(*last, *of_mail[i]);
    }
  }
  static void prune(Node& node, bool root) {
    for (std::size_t i = 0; i < node.children.size();) {
      Node& child = *node.children[i];
      prune(child, false);
      const bool gone = child.mail < 0 && (!root || child.children.size() <= 1);
      if (!gone) {
        ++i;
        continue;
      }
      const std::vector<Node*> promoted = child.children;
      node.children.erase(node.children.begin() + static_cast<std::ptrdiff_t>(i));
      node.children.insert(node.children.begin() + static_cast<std::ptrdiff_t>(i), promoted.begin(), promoted.end());
      i += promoted.size();
    }
  }
  [[nodiscard]] std::pair<std::int64_t, int> date(const Node& node) const {
    const Node& by = node.mail < 0 ? *node.children.front() : node;
    return {mails_[static_cast<std::size_t>(by.mail)].sent, by.mail};
  }
  void sort(std::vector<Node*>& nodes) const {
    std::sort(nodes.begin(), nodes.end(), [this](const Node* a, const Node* b) { return date(*a) < date(*b); });
  }
  void sort_top(Node& root) const {
    for (Node* node : root.children) {
      if (node->mail < 0) sort(node->children);
    }
    sort(root.children);
  }
  void sort_all(Node& node) const {
    for (Node* child : node.children) sort_all(*child);
    sort(node.children);
  }
  [[nodiscard]] const Mail& mail(const Node& node) const {
    return mails_[static_cast<std::size_t>(node.mail < 0 ? node.children.front()->mail : node.mail)];
  }
  void step5(Node& root) {
    std::map<std::string, Node*> table;
    for (Node* node : root.children) {
      const std::string& subject = mail(*node).subject;
      if (subject.empty()) continue;
      const auto [at, added] = table.emplace(subject, node);
      if (added || at->second->mail < 0) continue;
      if (node->mail < 0 || (mail(*at->second).reply && !mail(*node).reply)) at->second = node;
    }
    const std::vector<Node*> threads = root.children;
    for (Node* node : threads) {
      const std::string& subject = mail(*node).subject;
      if (subject.empty()) continue;
      Node*& entry = table.at(subject);
      if (entry == node) continue;
      std::erase(root.children, node);
      if (entry->mail < 0 && node->mail < 0) {
        entry->children.insert(entry->children.end(), node->children.begin(), node->children.end());
      } else if (entry->mail < 0 || (mail(*node).reply && !mail(*entry).reply)) {
        entry->children.push_back(node);
      } else {
        Node& made = nodes_.emplace_back();
        std::erase(root.children, entry);
        made.children = {entry, node};
        root.children.push_back(&made);
        entry = &made;
      }
    }
  }
  [[nodiscard]] std::string text(const Node& node) const {
    std::string out = node.mail < 0 ? "" : std::to_string(node.mail + 1);
    if (node.children.empty()) return out;
    if (node.mail >= 0) out += " ";
    if (node.children.size() == 1) return out + text(*node.children.front());
    for (const Node* child : node.children) out += "(" + text(*child) + ")";
    return out;
  }

  const std::vector<Mail>& mails_;
  std::deque<Node> nodes_;
  std::map<std::string, Node*> ids_;
};

TEST(Threads, ReferencesAgreeWithTheWordsOfTheRfc) {
  std::mt19937 random(5256);
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t count = 1 + random() % 14;
    const std::size_t ids = 1 + random() % 16;
    const auto id = [&] { return "i" + std::to_string(random() % ids); };
    std::vector<Mail> mails;
    for (std::size_t i = 0; i < count; ++i) {
      Mail mail;
      mail.sent = static_cast<std::int64_t>(random() % 8);
      if (random() % 3 != 0) mail.subject = std::string(1, static_cast<char>('a' + random() % 4));
      mail.reply = random() % 2 == 0;
      if (random() % 8 != 0) mail.id = id();
      for (std::size_t n = random() % 5; n > 0; --n) mail.references.push_back(id());
      mails.push_back(std::move(mail));
    }
    ASSERT_EQ(by_references(mails), Model(mails).run()) << "round " << round;
  }
}

TEST(Threads, PiecesOfTheWriterJoin) {
  const std::vector<Mail> mails = {{1, "s", false, "a", {}},        {2, "s", true, "b", {"a"}},
                                   {3, "s", true, "c", {"a", "b"}}, {4, "s", true, "d", {"a"}},
                                   {5, "t", false, "e", {"x"}},     {6, "t", false, "f", {"x"}}};
  const ThreadKeys keys = keys_of(mails);
  const ThreadForest forest = thread_by_references(keys);
  for (std::size_t piece = 1; piece < 20; ++piece)
    EXPECT_EQ(written(forest, mails.size(), piece), "(1 (2 3)(4))((5)(6))");
}

TEST(NameTable, NumbersNames) {
  NameTable table;
  EXPECT_EQ(table.number(""), 0U);
  std::map<std::string, std::uint32_t> seen;
  for (int i = 0; i < 5000; ++i) {
    const std::string name = std::string(static_cast<std::size_t>(i % 20), 'x') + std::to_string(i % 1500);
    const std::uint32_t number = table.number(name);
    const auto [at, added] = seen.emplace(name, number);
    EXPECT_EQ(at->second, number);
  }
  EXPECT_EQ(table.size(), seen.size());
}

}  // namespace
}  // namespace cpm::imap
