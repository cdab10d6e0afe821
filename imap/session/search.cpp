#include "imap/session/search.h"

#include "imap/mime/fuzzy.h"
#include "imap/mime/part_map.h"
#include "imap/mime/search_text.h"
#include "imap/session/ahead.h"
#include "imap/session/message_limit.h"
#include "imap/session/updates.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <unordered_map>

namespace cpm::imap {

namespace {

enum class Truth : std::uint8_t { no, yes, unknown };

constexpr std::size_t kPage = 2500;         // candidates of one statement
constexpr std::size_t kFuzzyPage = 200;     // the same when their texts are read
constexpr std::size_t kWorthAnIndex = 250;  // fewer candidates are looked at as fast
constexpr std::size_t kTurn = 100'000;      // messages sorted out at a stretch
constexpr std::size_t kUnderWay = 2;        // statements of one search at a time, each on its own connection

// What a leaf costs: columns of the message row, then header text, then body text.
int cost(const SearchNode& node) {
  if (node.kind == SearchNode::Kind::fuzzy) return 5;
  const schema::SearchLeaf& leaf = node.leaf;
  if (std::holds_alternative<schema::SizeIs>(leaf) || std::holds_alternative<schema::InternalDateIs>(leaf) ||
      std::holds_alternative<schema::InternalTimeIs>(leaf) || std::holds_alternative<schema::SaveDateIs>(leaf) ||
      std::holds_alternative<schema::ContentIs>(leaf) || std::holds_alternative<schema::ThreadIs>(leaf)) {
    return 1;
  }
  if (std::holds_alternative<schema::SentDateIs>(leaf)) return 2;
  if (std::holds_alternative<schema::HeaderHas>(leaf) || std::holds_alternative<schema::AnnotationHas>(leaf)) return 3;
  return 4;
}

// The question that the octets answer.
class FullText {
 public:
  FullText(ByteSource& octets, const mime::PartMap& parts) : octets_(octets), parts_(parts) {}

  bool operator()(const schema::HeaderHas& leaf) const {
    const auto [text, collation] = wanted(leaf);
    return mime::field_contains(octets_, parts_, leaf.name, text, collation);
  }
  bool operator()(const schema::BodyHas& leaf) const {
    const auto [text, collation] = wanted(leaf);
    return mime::body_contains(octets_, parts_, text, collation);
  }
  bool operator()(const schema::TextHas& leaf) const {
    const auto [text, collation] = wanted(leaf);
    return (leaf.stricter && mime::header_contains(octets_, parts_, text, collation)) ||
           mime::body_contains(octets_, parts_, text, collation) ||
           mime::part_headers_contain(octets_, parts_, text, collation);
  }
  template <class Other>
  bool operator()(const Other&) const {
    return false;
  }

 private:
  template <class Leaf>
  static std::pair<std::string_view, Collation> wanted(const Leaf& leaf) {
    if (leaf.stricter) return {leaf.stricter->text, leaf.stricter->collation};
    return {leaf.needle, Collation::unicode_casemap};
  }

  ByteSource& octets_;
  const mime::PartMap& parts_;
};

bool full_text(ByteSource& octets, const std::string& part_map, const schema::SearchLeaf& leaf) {
  const auto parts = mime::PartMap::decode(part_map);
  return parts && !parts->entries().empty() && std::visit(FullText(octets, *parts), leaf);
}

// How well a message answers a key within FUZZY (RFC 6203), 0 to 100.
class FuzzyScorer {
 public:
  explicit FuzzyScorer(const std::string& needle) : text_(std::make_shared<mime::FuzzyText>(needle)) {}

  int operator()(const schema::FuzzyHas& leaf, std::string_view header, std::string_view body) const {
    using In = schema::FuzzyHas::In;
    if (leaf.in == In::body) return text_->score(body);
    const std::string wanted = leaf.name + ":";
    int best = 0;
    for (std::size_t at = 0; at < header.size() && best < 100;) {
      const std::size_t end = std::min(header.find('\n', at), header.size());
      const std::string_view line = header.substr(at, end - at);
      at = end + 1;
      if (leaf.in == In::field) {
        if (line.starts_with(wanted)) best = std::max(best, text_->score(line.substr(wanted.size())));
      } else {
        best = std::max(best, weighted(line, line.starts_with("SUBJECT:") ? 100 : kHeaderWeight));
      }
    }
    return leaf.in == In::text ? std::max(best, weighted(body, kBodyWeight)) : best;
  }

 private:
  static constexpr int kHeaderWeight = 80;
  static constexpr int kBodyWeight = 90;

  [[nodiscard]] int weighted(std::string_view text, int weight) const {
    const int score = text_->score(text);
    return score == 0 ? 0 : std::max(1, score * weight / 100);
  }

  std::shared_ptr<const mime::FuzzyText> text_;
};

// In which numbering and for whom: the session's, of what it has selected, or one made for another mailbox.
struct Scope {
  const View& view;
  const UidSet& recent;
  const UidSet& saved;  // `$`
};

class Evaluation {
 public:
  Evaluation(Session& session, std::shared_ptr<const Snapshot> snapshot, const Scope& scope)
      : session_(session), snapshot_(std::move(snapshot)), scope_(scope) {}

  // Sets that need the view are resolved once; leaves of the store are collected.
  Result<void> prepare(const SearchNode& node) {
    switch (node.kind) {
      case SearchNode::Kind::numbers:
      case SearchNode::Kind::uids: {
        const bool uid = node.kind == SearchNode::Kind::uids;
        auto uids = scope_.view.resolve(node.set, uid, scope_.saved);
        // Numbers above EXISTS find nothing in SEARCH; they are an error elsewhere.
        if (!uids && !node.set.saved) {
          const std::uint32_t exists = scope_.view.exists();
          UidSet found;
          const NumberSet numbers = node.set.resolve(exists);
          for (const auto& range : numbers.ranges()) {
            for (std::uint32_t n = range.first; n <= std::min(range.last, exists); ++n) {
              found.add(scope_.view.uid_at(Msn{n}).value);
            }
          }
          uids = found;
        }
        if (!uids) return uids.error();
        sets_.emplace(&node, std::move(*uids));
        break;
      }
      case SearchNode::Kind::leaf:
      case SearchNode::Kind::fuzzy: leaves_.push_back(&node); break;
      case SearchNode::Kind::flag:
        if (!node.text.empty()) {
          const auto id = snapshot_->keywords.find(node.text);
          keywords_.emplace(&node, id.value_or(0));
        }
        if ((node.bits & schema::kReadReportSent) != 0) session_.read_report_known = true;
        break;
      default: break;
    }
    for (const SearchNode& child : node.children) CPM_CHECK(prepare(child));
    return {};
  }

  [[nodiscard]] Truth decide(const SearchNode& node, std::size_t index) const {
    const std::uint32_t uid = snapshot_->uids[index];
    switch (node.kind) {
      case SearchNode::Kind::filter: return Truth::no;  // expanded before
      case SearchNode::Kind::all: return Truth::yes;
      case SearchNode::Kind::all_of: {
        Truth all = Truth::yes;
        for (const SearchNode& child : node.children) {
          const Truth truth = decide(child, index);
          if (truth == Truth::no) return Truth::no;
          if (truth == Truth::unknown) all = Truth::unknown;
        }
        return all;
      }
      case SearchNode::Kind::any_of: {
        Truth any = Truth::no;
        for (const SearchNode& child : node.children) {
          const Truth truth = decide(child, index);
          if (truth == Truth::yes) return Truth::yes;
          if (truth == Truth::unknown) any = Truth::unknown;
        }
        return any;
      }
      case SearchNode::Kind::not_: {
        const Truth truth = decide(node.children.front(), index);
        return truth == Truth::unknown ? truth : truth == Truth::yes ? Truth::no : Truth::yes;
      }
      case SearchNode::Kind::flag: return truth_of(has_flag(node, index));
      case SearchNode::Kind::recent: return truth_of(scope_.recent.contains(uid));
      case SearchNode::Kind::numbers:
      case SearchNode::Kind::uids: return truth_of(sets_.at(&node).contains(uid));
      case SearchNode::Kind::modseq: return truth_of(snapshot_->modseqs[index] >= node.number);
      case SearchNode::Kind::leaf:
      case SearchNode::Kind::fuzzy: {
        const auto answered = answers_.find(&node);
        return answered == answers_.end() ? Truth::unknown : truth_of(answered->second.contains(uid));
      }
    }
    return Truth::no;
  }

  // `among`: where to look; null: in all messages.
  boost::asio::awaitable<Result<SearchOutcome>> run(const SearchNode& program, bool limited,
                                                    const UidSet* among = nullptr) {
    std::stable_sort(leaves_.begin(), leaves_.end(),
                     [](const SearchNode* a, const SearchNode* b) { return cost(*a) < cost(*b); });
    UidSet candidates = among != nullptr ? *among : everything();
    if (const auto within = named(program)) candidates = candidates.intersection(*within);
    if (limited) candidates = within_limit(session_, std::move(candidates));  // as many as are looked at (RFC 9738 3.1)
    UidSet matched;
    UidSet undecided = co_await sort_out(program, std::move(candidates), matched);
    const std::uint64_t messages = undecided.size();
    const std::uint64_t before = session_.progress.done.value_or(0);
    if (!session_.progress.done) session_.progress.goal = messages;  // otherwise one of several mailboxes
    for (std::size_t i = 0; i < leaves_.size() && !undecided.empty(); ++i) {
      // Each leaf counts for its part of the messages, however few are still open.
      const Share share{before + messages * i / leaves_.size(), before + messages * (i + 1) / leaves_.size()};
      auto answer = co_await ask(*leaves_[i], undecided, share);
      if (!answer) co_return answer.error();
      answers_.emplace(leaves_[i], std::move(*answer));
      UidSet open = co_await sort_out(program, undecided, matched);
      undecided = std::move(open);
      if (session_.terminated) co_return being_ended();
    }
    if (session_.progress.done) session_.progress.done = before + messages;
    SearchOutcome outcome;
    auto scored = co_await relevancy(matched);
    if (!scored) co_return scored.error();
    outcome.relevancy = std::move(*scored);
    for (const auto& range : matched.ranges()) {
      for (std::size_t i = snapshot_->lower_bound(range.first);
           i < snapshot_->size() && snapshot_->uids[i] <= range.last; ++i) {
        outcome.highest_modseq = std::max(outcome.highest_modseq, ModSeq{snapshot_->modseqs[i]});
      }
    }
    outcome.uids = std::move(matched);
    outcome.snapshot = snapshot_;
    co_return outcome;
  }

 private:
  static Truth truth_of(bool yes) { return yes ? Truth::yes : Truth::no; }

  [[nodiscard]] bool has_flag(const SearchNode& node, std::size_t index) const {
    if (node.text.empty()) {
      // As FETCH tells it to this session (flag_names_for).
      const bool hidden = (node.bits & schema::kMdnSent) != 0 && !session_.read_report_known;
      return (snapshot_->bits[index] & (node.bits | (hidden ? schema::kReadReportSent : 0U))) != 0;
    }
    const schema::KeywordId id = keywords_.at(&node);
    const auto& set = snapshot_->sets[snapshot_->keyword_sets[index]];
    return id != 0 && std::binary_search(set.begin(), set.end(), id);
  }

  // Messages the client knows and that still exist.
  [[nodiscard]] UidSet everything() const {
    UidSet all;
    const View& view = scope_.view;
    if (view.shared() == snapshot_) {
      for (const std::uint32_t uid : snapshot_->uids) all.add(uid);
      return all;
    }
    for (const std::uint32_t uid : snapshot_->uids) {
      if (view.snapshot().index_of(uid) != Snapshot::npos) all.add(uid);
    }
    return all;
  }

  // The messages that the program names by number or UID; no others can match. None: it names none.
  [[nodiscard]] std::optional<UidSet> named(const SearchNode& node) const {
    if (node.kind == SearchNode::Kind::numbers || node.kind == SearchNode::Kind::uids) return sets_.at(&node);
    std::optional<UidSet> all;
    if (node.kind != SearchNode::Kind::all_of) return all;
    for (const SearchNode& child : node.children) {
      const auto some = named(child);
      if (some) all = all ? all->intersection(*some) : *some;
    }
    return all;
  }

  // Adds what matches to `matched`; returns what is still open. Gives the thread away now and then.
  boost::asio::awaitable<UidSet> sort_out(const SearchNode& program, UidSet candidates, UidSet& matched) const {
    UidSet open;
    UidSet yes;
    std::size_t turn = 0;
    for (const auto& range : candidates.ranges()) {
      for (std::size_t i = snapshot_->lower_bound(range.first);
           i < snapshot_->size() && snapshot_->uids[i] <= range.last; ++i) {
        const Truth truth = decide(program, i);
        if (truth == Truth::yes) yes.add(snapshot_->uids[i]);
        if (truth == Truth::unknown) open.add(snapshot_->uids[i]);
        if (++turn % kTurn == 0) {
          co_await boost::asio::post(session_.stream->executor(), boost::asio::use_awaitable);
          if (session_.terminated) co_return UidSet{};
        }
      }
    }
    matched.merge(yes);
    co_return open;
  }

  // The candidates that an index leaves, when it pays to ask one.
  boost::asio::awaitable<Result<UidSet>> narrow(const SearchNode& node, const UidSet& candidates) {
    const bool indexed = node.kind == SearchNode::Kind::leaf && schema::has_index(node.leaf);
    if (!indexed || candidates.size() <= kWorthAnIndex) co_return candidates;
    const schema::Principal who = *session_.principal;
    using Found = std::optional<std::vector<ContentId>>;
    auto work = [who, mailbox = snapshot_->mailbox.id, leaf = node.leaf](schema::Transaction& tx) -> Result<Found> {
      auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
      if (!grant) return grant.error();
      return schema::contents_by_index(tx, *grant, leaf);
    };
    auto contents = co_await session_.db(std::move(work), schema::Mode::reads);
    if (!contents) co_return contents.error();
    if (!*contents) co_return candidates;
    if ((*contents)->empty()) co_return UidSet{};
    auto placed = co_await session_.services.snapshots.contents(session_.services.db,
                                                                session_.limits().command_deadline, who, snapshot_);
    if (!placed) co_return placed.error();
    co_return (*placed)->uids_of(std::move(**contents)).intersection(candidates);
  }

  struct Share {
    std::uint64_t from = 0, to = 0;
  };

  struct Answer {
    UidSet uids;
    std::vector<schema::Scored> scores;  // of a fuzzy key
  };

  // What the store must know of who asks.
  static SearchNode bound(SearchNode node, const schema::Principal& who) {
    if (auto* annotation = std::get_if<schema::AnnotationHas>(&node.leaf)) annotation->user = who.account;
    return node;
  }

  static Result<Answer> answer(schema::Transaction& tx, const schema::Grant& grant, const SearchNode& node,
                               const UidSet& page) {
    Answer out;
    if (node.kind == SearchNode::Kind::leaf) {
      CPM_TRY(uids, schema::match(tx, grant, node.leaf, page, full_text));
      out.uids = std::move(uids);
    } else {
      CPM_TRY(scores, schema::score(tx, grant, node.similar, page, FuzzyScorer(node.similar.needle)));
      for (const schema::Scored& one : scores) out.uids.add(one.uid.value);
      out.scores = std::move(scores);
    }
    return out;
  }

  boost::asio::awaitable<Result<UidSet>> ask(const SearchNode& node, const UidSet& candidates, Share share) {
    const schema::Principal who = *session_.principal;
    const MailboxId mailbox = snapshot_->mailbox.id;
    UidSet found;
    auto narrowed = co_await narrow(node, candidates);
    if (!narrowed) co_return narrowed.error();
    const std::vector<std::uint32_t> all = narrowed->numbers();
    const std::size_t page_size = node.kind == SearchNode::Kind::fuzzy ? kFuzzyPage : kPage;
    Ahead<Answer> ahead(session_.stream->executor());
    session_.progress.done = share.from;
    std::size_t taken = 0;
    for (std::size_t begin = 0; begin < all.size() || ahead.size() > 0;) {
      for (; begin < all.size() && ahead.size() < kUnderWay; begin += page_size) {
        UidSet page;
        for (std::size_t i = begin; i < std::min(all.size(), begin + page_size); ++i) page.add(all[i]);
        auto work = [who, mailbox, page, node = bound(node, who)](schema::Transaction& tx) -> Result<Answer> {
          auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
          if (!grant) return grant.error();
          return answer(tx, *grant, node, page);
        };
        ahead.start(session_.db(std::move(work), schema::Mode::reads));
      }
      auto part = co_await ahead.take();
      if (!part) co_return part.error();
      found.merge(part->uids);
      for (const schema::Scored& one : part->scores) {
        Relevancy& sum = relevancy_[one.uid.value];
        sum.score += one.score;
        ++sum.keys;
      }
      taken = std::min(taken + page_size, all.size());
      session_.progress.done = share.from + (share.to - share.from) * taken / all.size();
      if (session_.terminated) co_return being_ended();
    }
    if (node.kind == SearchNode::Kind::fuzzy) scored_[&node].merge(candidates);
    co_return found;
  }

  // The mean of the fuzzy keys that match, for each message of `matched`. Keys that were not needed to decide are asked
  // now.
  boost::asio::awaitable<Result<std::vector<std::uint8_t>>> relevancy(const UidSet& matched) {
    std::vector<std::uint8_t> out;
    bool fuzzy = false;
    const std::uint64_t done = session_.progress.done.value_or(0);
    for (const SearchNode* leaf : leaves_) {
      if (leaf->kind != SearchNode::Kind::fuzzy) continue;
      fuzzy = true;
      const UidSet open = matched.difference(scored_[leaf]);
      if (open.empty()) continue;
      auto asked = co_await ask(*leaf, open, Share{done, done});
      if (!asked) co_return asked.error();
    }
    if (!fuzzy) co_return out;
    for (const std::uint32_t uid : matched.numbers()) {
      const auto sum = relevancy_.find(uid);
      const int score = sum == relevancy_.end() ? 1 : sum->second.score / sum->second.keys;
      out.push_back(static_cast<std::uint8_t>(score));
    }
    co_return out;
  }

  struct Relevancy {
    int score = 0;
    int keys = 0;
  };
  Session& session_;
  std::shared_ptr<const Snapshot> snapshot_;
  const Scope& scope_;
  std::map<const SearchNode*, UidSet> sets_;
  std::map<const SearchNode*, schema::KeywordId> keywords_;
  std::vector<const SearchNode*> leaves_;
  std::map<const SearchNode*, UidSet> answers_;
  std::map<const SearchNode*, UidSet> scored_;  // of fuzzy keys: the messages they were asked about
  std::unordered_map<std::uint32_t, Relevancy> relevancy_;
};

boost::asio::awaitable<Result<SearchOutcome>> evaluate(Session& session, std::shared_ptr<const Snapshot> snapshot,
                                                       const Scope& scope, const SearchNode& program, bool limited) {
  Evaluation evaluation(session, std::move(snapshot), scope);
  auto prepared = evaluation.prepare(program);
  if (!prepared) co_return prepared.error();
  auto outcome = co_await evaluation.run(program, limited);
  co_return outcome;
}

}  // namespace

boost::asio::awaitable<Result<SearchOutcome>> search(Session& session, const SearchNode& program, bool limited) {
  const Selected& selected = *session.selected;
  auto awake = co_await wake_view(session);
  if (!awake) co_return awake.error();
  auto latest = co_await session.services.snapshots.latest(session.services.db, session.limits().command_deadline,
                                                           *session.principal, selected.view.snapshot().mailbox.id,
                                                           selected.view.shared());
  if (!latest) co_return latest.error();
  const Scope scope{selected.view, selected.recent, session.saved_search};
  auto outcome = co_await evaluate(session, *latest, scope, program, limited);
  co_return outcome;
}

boost::asio::awaitable<Result<UidSet>> search_among(Session& session, std::shared_ptr<const Snapshot> latest,
                                                    const SearchNode& program, const UidSet& candidates) {
  const View view(latest);
  const UidSet nothing;
  const Scope scope{view, session.selected->recent, nothing};
  Evaluation evaluation(session, std::move(latest), scope);
  auto prepared = evaluation.prepare(program);
  if (!prepared) co_return prepared.error();
  auto outcome = co_await evaluation.run(program, false, &candidates);
  if (!outcome) co_return outcome.error();
  co_return std::move(outcome->uids);
}

boost::asio::awaitable<Result<SearchOutcome>> search_in(Session& session, MailboxId mailbox,
                                                        const SearchNode& program) {
  auto latest = co_await session.services.snapshots.latest(session.services.db, session.limits().command_deadline,
                                                           *session.principal, mailbox, nullptr);
  if (!latest) co_return latest.error();
  const schema::MailboxRow& row = (*latest)->mailbox;
  const View view(*latest);
  const UidSet nothing;
  UidSet recent;
  if (row.recent_from < row.uidnext) recent.add(row.recent_from.value, row.uidnext.value - 1);
  const Scope scope{view, recent, nothing};
  auto outcome = co_await evaluate(session, *latest, scope, program, false);
  co_return outcome;
}

}  // namespace cpm::imap
