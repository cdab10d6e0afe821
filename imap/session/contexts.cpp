#include "imap/session/contexts.h"

#include "imap/commands/fetch_item.h"
#include "imap/response/responses.h"
#include "imap/session/search.h"

#include <algorithm>
#include <set>

namespace cpm::imap {

namespace {

constexpr std::size_t kPairsInALine = 500;  // of a place and a set; as in VANISHED the lines stay short

std::size_t octets_of(const SearchUpdate& update) {
  return update.members.ranges().size() * sizeof(UidSet::Range) + update.sorted.size() * sizeof(std::uint32_t);
}

UidSet set_of(std::vector<std::uint32_t> uids) {
  std::sort(uids.begin(), uids.end());
  UidSet set;
  for (const std::uint32_t uid : uids) set.add(uid);
  return set;
}

// `*` moves with the last message, which may so match or not without having changed.
bool names_last(const SearchNode& node) {
  if (node.kind == SearchNode::Kind::uids) {
    for (const auto& range : node.set.ranges) {
      if (range.first == grammar::SequenceSet::kStar || range.last == grammar::SequenceSet::kStar) return true;
    }
  }
  return std::any_of(node.children.begin(), node.children.end(), names_last);
}

void freeze(SearchNode& node, const Session& session) {
  for (SearchNode& child : node.children) freeze(child, session);
  const bool numbers = node.kind == SearchNode::Kind::numbers;
  if (!numbers && !(node.kind == SearchNode::Kind::uids && node.set.saved)) return;
  const View& view = session.selected->view;
  UidSet uids;
  if (node.set.saved) {
    uids = session.saved_search;
  } else {
    const std::uint32_t exists = view.exists();
    const NumberSet resolved = node.set.resolve(exists);
    for (const auto& range : resolved.ranges()) {
      for (std::uint32_t n = range.first; n <= std::min(range.last, exists); ++n) uids.add(view.uid_at(Msn{n}).value);
    }
  }
  node.kind = SearchNode::Kind::uids;
  node.set = {};
  for (const auto& range : uids.ranges()) node.set.ranges.push_back({range.first, range.last});
}

}  // namespace

bool Contexts::has(std::string_view tag) const {
  return std::any_of(updates.begin(), updates.end(), [tag](const SearchUpdate& one) { return one.tag == tag; });
}

std::size_t Contexts::octets() const {
  std::size_t sum = 0;
  for (const SearchUpdate& one : updates) sum += octets_of(one);
  return sum;
}

SearchNode frozen(const Session& session, const SearchNode& program) {
  SearchNode copy = program;
  freeze(copy, session);
  return copy;
}

bool update_tag_in_use(const Session& session) {
  return session.selected && session.selected->contexts && session.selected->contexts->has(session.tag);
}

void refuse_update(Session& session, std::string_view why) {
  std::string code = "NOUPDATE ";
  wire::Encoder(code, session.out.utf8()).string(session.tag);
  session.out << Untagged{"NO", code, std::string(why)};
}

void start_update(Session& session, SearchUpdate update) {
  auto& contexts = session.selected->contexts;
  if (!contexts) contexts = std::make_shared<Contexts>();
  auto& updates = contexts->updates;
  // The first one is always had (RFC 5267 4.3.1).
  const bool room = updates.empty() || (updates.size() < session.limits().search_contexts &&
                                        contexts->octets() + octets_of(update) <= session.limits().session_octets);
  if (!room) {
    refuse_update(session, "Too many contexts");
    return;
  }
  const bool modseq =
      update.fetch && std::find(update.fetch->begin(), update.fetch->end(), modseq_item()) != update.fetch->end();
  if (modseq) session.enable_condstore();
  update.tag = session.tag;
  updates.push_back(std::move(update));
}

bool cancel_updates(Session& session, const std::vector<std::string>& tags) {
  const auto& contexts = session.selected->contexts;
  for (const std::string& tag : tags) {
    if (!contexts || !contexts->has(tag)) return false;
  }
  std::erase_if(contexts->updates, [&tags](const SearchUpdate& one) {
    return std::find(tags.begin(), tags.end(), one.tag) != tags.end();
  });
  return true;
}

namespace {

// Where new messages stand in a sorted list whose keys are not in memory: each round reads some of them and narrows the
// intervals, so that a hundred thousand take three or four.
class Placement {
 public:
  Placement(Session& session, schema::MailboxRef mailbox, const SearchUpdate& update,
            const std::vector<std::uint32_t>& list, const UidSet& fresh)
      : session_(session), mailbox_(mailbox), update_(update), list_(list) {
    for (const std::uint32_t uid : fresh.numbers()) items_.push_back({uid, 0, list.size()});
  }

  boost::asio::awaitable<Result<std::vector<ContextChange::Insertion>>> run() {
    for (;;) {
      const std::set<std::size_t> probes = choose();
      auto table = co_await read(probes);
      if (!table) co_return table.error();
      // Messages that are gone meanwhile are not added at all.
      std::erase_if(items_, [&](const Item& item) { return table->index_of(item.uid) == table->size(); });
      for (Item& item : items_) narrow(item, *table, probes);
      const bool done = std::all_of(items_.begin(), items_.end(), [](const Item& one) { return one.low == one.high; });
      if (done) co_return insertions(*table);
    }
  }

 private:
  struct Item {
    std::uint32_t uid;
    std::size_t low, high;  // its place is one of these or between
  };

  [[nodiscard]] std::set<std::size_t> choose() const {
    std::set<std::size_t> probes;
    std::set<std::pair<std::size_t, std::size_t>> intervals;
    for (const Item& item : items_) intervals.emplace(item.low, item.high);
    for (const auto& [low, high] : intervals) {
      const std::size_t count = std::min(high - low, kProbes);
      for (std::size_t i = 0; i < count; ++i) probes.insert(low + (high - low) * i / count);
    }
    return probes;
  }

  boost::asio::awaitable<Result<SortTable>> read(const std::set<std::size_t>& probes) const {
    std::vector<std::uint32_t> uids;
    for (const Item& item : items_) uids.push_back(item.uid);
    for (const std::size_t probe : probes) uids.push_back(list_[probe]);
    std::sort(uids.begin(), uids.end());
    auto table = co_await read_sort_table(session_, mailbox_, std::move(uids), *update_.order, update_.collation);
    co_return table;
  }

  // A probe that is gone meanwhile says nothing, and where only such ones are left any place will do: the next news
  // remove them.
  void narrow(Item& item, const SortTable& table, const std::set<std::size_t>& probes) const {
    const std::size_t self = table.index_of(item.uid);
    const bool all = item.high - item.low <= kProbes;
    bool any = false;
    for (auto at = probes.lower_bound(item.low); at != probes.end() && *at < item.high; ++at) {
      const std::size_t index = table.index_of(list_[*at]);
      if (index == table.size()) continue;
      any = true;
      if (table.before(self, index)) {
        item.high = *at;
        break;
      }
      item.low = *at + 1;
    }
    if (all || !any) item.high = item.low;
  }

  [[nodiscard]] std::vector<ContextChange::Insertion> insertions(const SortTable& table) const {
    std::vector<Item> items = items_;
    std::sort(items.begin(), items.end(), [&](const Item& a, const Item& b) {
      return a.low != b.low ? a.low < b.low : table.before(table.index_of(a.uid), table.index_of(b.uid));
    });
    std::vector<ContextChange::Insertion> out;
    for (const Item& item : items) {
      if (out.empty() || out.back().place != item.low) out.push_back({item.low, {}});
      out.back().uids.push_back(item.uid);
    }
    return out;
  }

  static constexpr std::size_t kProbes = 64;
  Session& session_;
  const schema::MailboxRef mailbox_;
  const SearchUpdate& update_;
  const std::vector<std::uint32_t>& list_;
  std::vector<Item> items_;
};

// What one context becomes. `touched`: messages that came or changed; `gone`: those that vanished.
boost::asio::awaitable<Result<ContextChange>> change_of(Session& session, std::shared_ptr<const Snapshot> latest,
                                                        const SearchUpdate& update, const UidSet& touched,
                                                        const UidSet& gone) {
  ContextChange change;
  UidSet candidates = touched;
  if (names_last(update.program)) {
    const Snapshot& old = session.selected->view.snapshot();
    if (!old.uids.empty()) candidates.add(old.uids.back());
    if (!latest->uids.empty()) candidates.add(latest->uids.back());
  }
  UidSet matched;
  if (!candidates.empty()) {
    auto found = co_await search_among(session, latest, update.program, candidates);
    if (!found) co_return found.error();
    matched = std::move(*found);
  }
  candidates.merge(gone);
  change.removed = candidates.intersection(update.members).difference(matched);
  change.added = matched.difference(update.members);
  change.gone = change.removed.intersection(gone);
  if (!update.order || change.added.empty()) co_return change;
  std::vector<std::uint32_t> list = update.sorted;
  if (!change.removed.empty()) {
    std::erase_if(list, [&](std::uint32_t uid) { return change.removed.contains(uid); });
  }
  Placement placement(session, latest->mailbox.ref(), update, list, change.added);
  auto insertions = co_await placement.run();
  if (!insertions) co_return insertions.error();
  std::vector<std::uint32_t> placed;
  for (const auto& one : *insertions) placed.insert(placed.end(), one.uids.begin(), one.uids.end());
  change.added = set_of(std::move(placed));
  change.insertions = std::move(*insertions);
  co_return change;
}

// Worth another try with the next news.
bool passing(Failure failure) {
  return failure == Failure::unavailable || failure == Failure::timeout || failure == Failure::not_found ||
         failure == Failure::in_doubt || failure == Failure::denied;
}

}  // namespace

boost::asio::awaitable<Result<ContextNews>> context_news(Session& session, std::shared_ptr<const Snapshot> latest) {
  ContextNews news;
  const Selected& selected = *session.selected;
  if (!selected.contexts || selected.contexts->updates.empty() || selected.view.shared() == latest) co_return news;
  const Difference difference = compare(selected.view.snapshot(), *latest);
  UidSet touched = difference.added;
  touched.merge(difference.flags);
  const UidSet gone = set_of(difference.gone);
  const std::vector<SearchUpdate>& updates = selected.contexts->updates;
  for (std::size_t i = 0; i < updates.size(); ++i) {
    auto change = co_await change_of(session, latest, updates[i], touched, gone);
    if (!change && passing(change.error().failure)) co_return change.error();
    if (!change) {
      news.failed.push_back(updates[i].tag);
      continue;
    }
    change->context = i;
    if (!change->removed.empty() || !change->added.empty()) news.changes.push_back(std::move(*change));
  }
  co_return news;
}

namespace {

// "(place set place set)" behind ADDTO or REMOVEFROM, several responses when there is much of it.
class PairWriter {
 public:
  PairWriter(Session& session, const SearchUpdate& update, std::string_view item)
      : session_(session), update_(update), item_(item) {}
  ~PairWriter() { end(); }
  PairWriter(const PairWriter&) = delete;
  PairWriter& operator=(const PairWriter&) = delete;

  // Results in their order, told as the client asked for them.
  void pair(std::size_t place, const std::vector<std::uint32_t>& uids) {
    for (std::size_t begin = 0; begin < uids.size();) {
      const std::size_t some = std::min(uids.size() - begin, kPairsInALine);
      add(place == 0 ? 0 : place + (removing() ? 0 : begin), std::span(uids).subspan(begin, some));
      begin += some;
    }
  }

 private:
  [[nodiscard]] bool removing() const { return item_ == "REMOVEFROM"; }

  void add(std::size_t place, std::span<const std::uint32_t> uids) {
    wire::Encoder out = session_.out.encoder();
    if (pairs_ == 0) {
      begin(out);
    } else {
      out.sp();
    }
    out.number(place).sp();
    std::uint32_t first = number(uids.front());
    std::uint32_t last = first;
    const auto range = [&] {
      out.number(first);
      if (last > first) out.raw(":").number(last);
    };
    for (const std::uint32_t uid : uids.subspan(1)) {
      const std::uint32_t next = number(uid);
      if (next == last + 1) {
        last = next;
        continue;
      }
      range();
      out.raw(",");
      first = last = next;
    }
    range();
    pairs_ += uids.size();
    if (pairs_ >= kPairsInALine) end();
  }

  void begin(wire::Encoder& out) {
    out.raw("* ESEARCH (TAG ").string(update_.tag);
    if (update_.names_mailbox) {
      const schema::MailboxRow& mailbox = session_.selected->view.snapshot().mailbox;
      out.raw(" MAILBOX ").mailbox_quoted(mailbox.path).raw(" UIDVALIDITY ").number(mailbox.uidvalidity.value);
    }
    out.raw(update_.uid ? ") UID " : ") ").raw(item_).raw(" (");
  }

  void end() {
    if (pairs_ > 0) session_.out.encoder().raw(")").crlf();
    pairs_ = 0;
  }

  [[nodiscard]] std::uint32_t number(std::uint32_t uid) const {
    return update_.uid ? uid : session_.selected->view.msn_of(Uid{uid}).value;
  }

  Session& session_;
  const SearchUpdate& update_;
  const std::string_view item_;
  std::size_t pairs_ = 0;
};

// Those that are gone are told first.
void tell_part(Session& session, const ContextNews& news, bool gone) {
  for (const ContextChange& change : news.changes) {
    const UidSet part = gone ? change.gone : change.removed.difference(change.gone);
    if (part.empty()) continue;
    const SearchUpdate& update = session.selected->contexts->updates[change.context];
    PairWriter writer(session, update, "REMOVEFROM");
    if (!update.order) {
      writer.pair(0, part.numbers());
      continue;
    }
    // Each run of neighbours at its place in what the earlier ones left.
    std::vector<std::uint32_t> run;
    std::size_t left = 0;
    for (const std::uint32_t uid : update.sorted) {
      if (part.contains(uid)) {
        run.push_back(uid);
        continue;
      }
      if (!gone && change.gone.contains(uid)) continue;  // removed before
      if (!run.empty()) writer.pair(left + 1, run);
      run.clear();
      ++left;
    }
    if (!run.empty()) writer.pair(left + 1, run);
  }
}

}  // namespace

std::vector<Unfetched> asked_for(const Session& session, const ContextNews& news) {
  std::vector<Unfetched> asked;
  for (const ContextChange& change : news.changes) {
    const auto& fetch = session.selected->contexts->updates[change.context].fetch;
    if (fetch && !change.added.empty()) asked.push_back({change.added, *fetch});
  }
  return asked;
}

void tell_gone(Session& session, const ContextNews& news) { tell_part(session, news, true); }

void tell_removed(Session& session, const ContextNews& news) { tell_part(session, news, false); }

void tell_added(Session& session, const ContextNews& news) {
  if (!session.selected->contexts) return;
  std::vector<SearchUpdate>& updates = session.selected->contexts->updates;
  for (const ContextChange& change : news.changes) {
    SearchUpdate& update = updates[change.context];
    if (update.order) {
      PairWriter writer(session, update, "ADDTO");
      std::size_t before = 0;
      for (const ContextChange::Insertion& one : change.insertions) {
        writer.pair(one.place + before + 1, one.uids);
        before += one.uids.size();
      }
    } else if (!change.added.empty()) {
      PairWriter(session, update, "ADDTO").pair(0, change.added.numbers());
    }
    update.members = update.members.difference(change.removed);
    update.members.merge(change.added);
    if (!update.order) continue;
    std::erase_if(update.sorted, [&](std::uint32_t uid) { return change.removed.contains(uid); });
    std::vector<std::uint32_t> sorted;
    sorted.reserve(update.sorted.size() + static_cast<std::size_t>(change.added.size()));
    auto next = change.insertions.begin();
    for (std::size_t i = 0; i <= update.sorted.size(); ++i) {
      if (next != change.insertions.end() && next->place == i) {
        sorted.insert(sorted.end(), next->uids.begin(), next->uids.end());
        ++next;
      }
      if (i < update.sorted.size()) sorted.push_back(update.sorted[i]);
    }
    update.sorted = std::move(sorted);
  }
  for (const std::string& tag : news.failed) {
    std::string code = "NOUPDATE ";
    wire::Encoder(code, session.out.utf8()).string(tag);
    session.out << Untagged{"NO", code, "No further updates"};
    std::erase_if(updates, [&tag](const SearchUpdate& one) { return one.tag == tag; });
  }
}

}  // namespace cpm::imap
