#include "imap/session/threads.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace cpm::imap {

namespace {

constexpr std::uint32_t kNone = ThreadForest::kNone;
constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;
__extension__ using Wide = unsigned __int128;

std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  const std::uint64_t sum = static_cast<std::uint64_t>(product & kPrime) + static_cast<std::uint64_t>(product >> 61);
  return sum >= kPrime ? sum - kPrime : sum;
}

}  // namespace

NameTable::NameTable() : slots_(64) {
  std::random_device random;
  key_ = (std::uint64_t{random()} << 32 | random()) % (kPrime - 2) + 2;
}

// A polynomial over a prime field at a secret point: two texts collide with a probability of their length to 2^61.
std::uint64_t NameTable::hash(std::string_view name) const {
  std::uint64_t sum = name.size() + 1;
  while (!name.empty()) {
    std::uint64_t block = 0;
    const std::size_t octets = std::min<std::size_t>(name.size(), 7);
    for (std::size_t i = 0; i < octets; ++i) block = block << 8 | static_cast<unsigned char>(name[i]);
    sum = multiply(sum, key_) + block;
    if (sum >= kPrime) sum -= kPrime;
    name.remove_prefix(octets);
  }
  return multiply(sum, key_);
}

void NameTable::grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (std::uint32_t number = 1; number <= places_.size(); ++number) {
    std::size_t slot = places_[number - 1].hash & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = number;
  }
}

std::uint32_t NameTable::number(std::string_view name) {
  if (name.empty()) return 0;
  if (places_.size() * 2 >= slots_.size()) grow();
  const std::uint64_t wanted = hash(name);
  std::size_t slot = wanted & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const Place& place = places_[slots_[slot] - 1];
    if (place.hash == wanted && std::string_view(text_).substr(place.offset, place.length) == name) {
      return slots_[slot];
    }
  }
  places_.push_back({wanted, static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size())});
  text_ += name;
  return slots_[slot] = static_cast<std::uint32_t>(places_.size());
}

std::size_t NameTable::octets() const {
  return text_.capacity() + places_.capacity() * sizeof(Place) + slots_.capacity() * sizeof(std::uint32_t);
}

void ThreadKeys::add(std::int64_t sent, std::string_view subject, bool reply, std::string_view message_id,
                     std::span<const std::string_view> references) {
  messages_.push_back({sent, subjects_.number(subject), ids_.number(message_id), references_.size(), reply});
  for (const std::string_view reference : references) {
    if (!reference.empty()) references_.push_back(ids_.number(reference));
  }
}

std::size_t ThreadKeys::octets() const {
  return subjects_.octets() + ids_.octets() + messages_.capacity() * sizeof(Message) +
         references_.capacity() * sizeof(std::uint32_t);
}

std::vector<std::uint32_t> ThreadKeys::by_date() const {
  std::vector<std::pair<std::int64_t, std::uint32_t>> dated(messages_.size());
  for (std::uint32_t i = 0; i < size(); ++i) dated[i] = {messages_[i].sent, i};
  std::sort(dated.begin(), dated.end());
  std::vector<std::uint32_t> order(dated.size());
  std::transform(dated.begin(), dated.end(), order.begin(), [](const auto& one) { return one.second; });
  return order;
}

std::span<const std::uint32_t> ThreadKeys::references(std::uint32_t message) const {
  const std::size_t begin = messages_[message].references_begin;
  const std::size_t end = message + 1 < size() ? messages_[message + 1].references_begin : references_.size();
  return std::span(references_).subspan(begin, end - begin);
}

void ThreadForest::append(std::uint32_t node, std::uint32_t parent) {
  std::uint32_t& first = parent == kNone ? first_ : first_child_[parent];
  std::uint32_t& last = parent == kNone ? last_ : last_child_[parent];
  if (last == kNone) {
    first = node;
  } else {
    next_[last] = node;
  }
  last = node;
}

// Sorted by date first: then each thread's first message is its oldest, and threads come in the order of those.
ThreadForest thread_by_subject(const ThreadKeys& keys) {
  ThreadForest forest(keys.size(), keys.size());
  std::vector<std::uint32_t> heads(keys.subjects_.size() + 1, kNone);
  for (const std::uint32_t message : keys.by_date()) {
    std::uint32_t& head = heads[keys.messages_[message].subject];
    forest.append(message, head);
    if (head == kNone) head = message;
  }
  return forest;
}

namespace {

// Trees under change that answer which root a node has in logarithmic time (link-cut trees of Sleator and Tarjan, as
// splay trees). Walking up would let a crafted mailbox take a quadratic time.
class RootFinder {
 public:
  explicit RootFinder(std::size_t nodes) : nodes_(nodes) {}

  // REQUIRES: `child` is a root, and not that of `parent`.
  void link(std::uint32_t child, std::uint32_t parent) {
    splay(child);
    nodes_[child].up = parent;
  }
  void cut(std::uint32_t child) {
    access(child);
    nodes_[nodes_[child].left].up = kNone;
    nodes_[child].left = kNone;
  }
  [[nodiscard]] std::uint32_t root(std::uint32_t node) {
    access(node);
    while (nodes_[node].left != kNone) node = nodes_[node].left;
    splay(node);
    return node;
  }

 private:
  struct Node {
    std::uint32_t left = kNone, right = kNone;
    std::uint32_t up = kNone;  // in the same splay tree, or, at its root, to the path above
  };

  [[nodiscard]] bool top(std::uint32_t node) const {
    const std::uint32_t up = nodes_[node].up;
    return up == kNone || (nodes_[up].left != node && nodes_[up].right != node);
  }
  void rotate(std::uint32_t node) {
    const std::uint32_t up = nodes_[node].up;
    const std::uint32_t above = nodes_[up].up;
    const bool left = nodes_[up].left == node;
    std::uint32_t& inner = left ? nodes_[node].right : nodes_[node].left;
    if (!top(up)) (nodes_[above].left == up ? nodes_[above].left : nodes_[above].right) = node;
    (left ? nodes_[up].left : nodes_[up].right) = inner;
    if (inner != kNone) nodes_[inner].up = up;
    inner = up;
    nodes_[up].up = node;
    nodes_[node].up = above;
  }
  void splay(std::uint32_t node) {
    while (!top(node)) {
      const std::uint32_t up = nodes_[node].up;
      if (!top(up)) {
        const std::uint32_t above = nodes_[up].up;
        rotate((nodes_[up].left == node) == (nodes_[above].left == up) ? up : node);
      }
      rotate(node);
    }
  }
  // Makes the path from the root to `node` one splay tree with `node` at its top.
  void access(std::uint32_t node) {
    std::uint32_t below = kNone;
    for (std::uint32_t at = node; at != kNone; at = nodes_[at].up) {
      splay(at);
      nodes_[at].right = below;
      below = at;
    }
    splay(node);
  }

  std::vector<Node> nodes_;
};

}  // namespace

// The six steps of RFC 5256 3, REFERENCES. Nodes: messages by index, then dummies.
class ReferenceThreader {
 public:
  explicit ReferenceThreader(const ThreadKeys& keys) : keys_(keys), messages_(keys.size()) {}

  ThreadForest run() {
    name_nodes();
    link_all();
    prune();
    order_ = keys_.by_date();
    const std::vector<std::uint32_t> threads = top_level();
    merge_subjects(threads);
    return siblings();
  }

 private:
  [[nodiscard]] bool dummy(std::uint32_t node) const { return node >= messages_; }

  // Of two messages with the same Message-ID the first has it, the other none. An ID without a message is a dummy.
  void name_nodes() {
    node_of_id_.assign(keys_.ids_.size() + 1, kNone);
    for (std::uint32_t i = 0; i < messages_; ++i) {
      std::uint32_t& node = node_of_id_[keys_.messages_[i].id];
      if (keys_.messages_[i].id != 0 && node == kNone) node = i;
    }
    std::uint32_t nodes = messages_;
    for (std::size_t id = 1; id < node_of_id_.size(); ++id) {
      if (node_of_id_[id] == kNone) node_of_id_[id] = nodes++;
    }
    parent_.assign(nodes, kNone);
  }

  // Step 1.
  void link_all() {
    RootFinder roots(parent_.size());
    std::vector<bool> has_children(parent_.size());
    const auto link = [&](std::uint32_t parent, std::uint32_t child) {
      if (parent == child) return;
      // A root that is not the child, and a child without children, make no loop.
      if (parent_[parent] != kNone && has_children[child] && roots.root(parent) == child) return;
      parent_[child] = parent;
      has_children[parent] = true;
      roots.link(child, parent);
    };
    for (std::uint32_t i = 0; i < messages_; ++i) {
      std::uint32_t last = kNone;
      for (const std::uint32_t id : keys_.references(i)) {
        const std::uint32_t node = node_of_id_[id];
        if (last != kNone && parent_[node] == kNone) link(last, node);
        last = node;
      }
      if (parent_[i] != kNone && parent_[i] == last) continue;
      if (parent_[i] != kNone) {
        parent_[i] = kNone;
        roots.cut(i);
      }
      if (last != kNone) link(last, i);
    }
  }

  // Steps 2 and 3: each message gets the nearest message above it for its parent; where there are only dummies, the
  // topmost of them, and that stays if it has several children.
  void prune() {
    std::vector<std::uint32_t> above(parent_.size(), kNone);  // of dummies: what takes their place
    std::vector<std::uint32_t> way;
    const auto place_of = [&](std::uint32_t node) {
      for (; dummy(node) && above[node] == kNone && parent_[node] != kNone; node = parent_[node]) way.push_back(node);
      if (dummy(node) && above[node] != kNone) node = above[node];
      for (const std::uint32_t passed : way) above[passed] = node;
      way.clear();
      return node;
    };
    std::vector<std::uint32_t> pruned(messages_, kNone);
    std::vector<std::uint32_t> children(parent_.size() - messages_);
    for (std::uint32_t i = 0; i < messages_; ++i) {
      if (parent_[i] == kNone) continue;
      pruned[i] = place_of(parent_[i]);
      if (dummy(pruned[i])) ++children[pruned[i] - messages_];
    }
    for (std::uint32_t& parent : pruned) {
      if (parent != kNone && dummy(parent) && children[parent - messages_] == 1) parent = kNone;
    }
    const std::size_t nodes = parent_.size();
    parent_ = std::move(pruned);
    parent_.resize(nodes, kNone);
  }

  // Step 4: the children of the root by date, a dummy by its first child.
  std::vector<std::uint32_t> top_level() {
    std::vector<std::uint32_t> threads;
    first_child_.assign(parent_.size() - messages_, kNone);
    for (const std::uint32_t message : order_) {
      const std::uint32_t parent = parent_[message];
      if (parent == kNone) {
        threads.push_back(message);
      } else if (dummy(parent) && first_child_[parent - messages_] == kNone) {
        first_child_[parent - messages_] = message;
        threads.push_back(parent);
      }
    }
    return threads;
  }

  [[nodiscard]] std::uint32_t subject(std::uint32_t node) const {
    return keys_.messages_[dummy(node) ? first_child_[node - messages_] : node].subject;
  }
  [[nodiscard]] bool reply(std::uint32_t message) const { return keys_.messages_[message].reply; }

  // Step 5.
  void merge_subjects(const std::vector<std::uint32_t>& threads) {
    std::vector<std::uint32_t> table(keys_.subjects_.size() + 1, kNone);
    for (const std::uint32_t node : threads) {
      std::uint32_t& entry = table[subject(node)];
      if (entry == kNone || (!dummy(entry) && (dummy(node) || (reply(entry) && !reply(node))))) entry = node;
    }
    merged_.assign(parent_.size(), kNone);
    for (const std::uint32_t node : threads) {
      if (subject(node) == 0) continue;
      std::uint32_t& entry = table[subject(node)];
      if (entry == node) continue;
      if (dummy(entry) && dummy(node)) {
        merged_[node] = entry;
      } else if (dummy(entry) || (reply(node) && !reply(entry))) {
        parent_[node] = entry;
      } else {
        const auto made = static_cast<std::uint32_t>(parent_.size());
        parent_.push_back(kNone);
        merged_.push_back(kNone);
        parent_[node] = parent_[entry] = made;
        entry = made;
      }
    }
  }

  // Step 6: who comes first by date is appended first, at each level.
  ThreadForest siblings() {
    ThreadForest forest(messages_, parent_.size());
    std::vector<bool> placed(parent_.size());
    for (const std::uint32_t message : order_) {
      std::uint32_t parent = parent_[message];
      if (parent != kNone && merged_[parent] != kNone) parent = merged_[parent];
      if (parent != kNone && dummy(parent) && !placed[parent]) {
        placed[parent] = true;
        forest.append(parent, kNone);
      }
      forest.append(message, parent);
    }
    return forest;
  }

  const ThreadKeys& keys_;
  const std::uint32_t messages_;
  std::vector<std::uint32_t> node_of_id_;
  std::vector<std::uint32_t> parent_;       // of each node
  std::vector<std::uint32_t> order_;        // messages by date
  std::vector<std::uint32_t> first_child_;  // of dummies, by node - messages_
  std::vector<std::uint32_t> merged_;       // of dummies: the one that took over their children
};

ThreadForest thread_by_references(const ThreadKeys& keys) { return ReferenceThreader(keys).run(); }

ThreadWriter::ThreadWriter(const ThreadForest& forest, const std::vector<std::uint32_t>& numbers)
    : forest_(forest), numbers_(numbers), current_(forest.first()) {}

void ThreadWriter::open(std::string& out, std::uint32_t node) {
  out += '(';
  then_.push_back(forest_.next(node));
  current_ = node;
}

bool ThreadWriter::write(std::string& out, std::size_t up_to) {
  if (open_ && current_ != kNone) open(out, current_);
  open_ = false;
  while (current_ != kNone && out.size() < up_to) {
    if (!forest_.dummy(current_)) out += std::to_string(numbers_[current_]);
    const std::uint32_t child = forest_.first_child(current_);
    if (child != kNone && forest_.next(child) == kNone) {
      out += ' ';
      current_ = child;
    } else if (child != kNone) {
      if (!forest_.dummy(current_)) out += ' ';
      open(out, child);
    } else {
      // The list ends here, and with it those around it that have nothing beside.
      current_ = kNone;
      while (current_ == kNone && !then_.empty()) {
        out += ')';
        const std::uint32_t beside = then_.back();
        then_.pop_back();
        if (beside != kNone) open(out, beside);
      }
    }
  }
  return current_ != kNone;
}

}  // namespace cpm::imap
