#include "imap/session/snapshot.h"

#include "schema/access.h"

#include <algorithm>
#include <unordered_map>

namespace cpm::imap {

std::size_t Snapshot::lower_bound(std::uint32_t uid) const {
  return static_cast<std::size_t>(std::lower_bound(uids.begin(), uids.end(), uid) - uids.begin());
}

std::size_t Snapshot::index_of(std::uint32_t uid) const {
  const std::size_t index = lower_bound(uid);
  return index < uids.size() && uids[index] == uid ? index : npos;
}

schema::MessageFlags Snapshot::flags_at(std::size_t index) const {
  return {Uid{uids[index]}, ModSeq{modseqs[index]}, bits[index], sets[keyword_sets[index]]};
}

std::size_t Snapshot::octets() const {
  std::size_t octets = sizeof(Snapshot) + mailbox.path.size() + 4 * sizeof(std::uint32_t) * uids.capacity();
  for (const auto& set : sets) octets += sizeof(set) + set.size() * sizeof(schema::KeywordId);
  for (const auto& entry : keywords.entries()) octets += sizeof(entry) + entry.name.size();
  return octets;
}

std::size_t PlacedContents::octets() const {
  return sizeof(PlacedContents) + (sizeof(std::uint32_t) + sizeof(std::int64_t)) * uids.capacity();
}

UidSet PlacedContents::uids_of(std::vector<ContentId> wanted) const {
  std::sort(wanted.begin(), wanted.end());
  UidSet out;
  for (std::size_t i = 0; i < uids.size(); ++i) {
    if (std::binary_search(wanted.begin(), wanted.end(), ContentId{contents[i]})) out.add(uids[i]);
  }
  return out;
}

Difference compare(const Snapshot& old, const Snapshot& now) {
  Difference difference;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < old.size() || j < now.size()) {
    if (j >= now.size() || (i < old.size() && old.uids[i] < now.uids[j])) {
      difference.gone.push_back(old.uids[i++]);
    } else if (i >= old.size() || now.uids[j] < old.uids[i]) {
      difference.added.add(now.uids[j++]);
    } else {
      if (old.modseqs[i] != now.modseqs[j]) difference.flags.add(now.uids[j]);
      ++i;
      ++j;
    }
  }
  return difference;
}

namespace {

// Number of a keyword set in `snapshot.sets`, adding it when new. Most mailboxes use very few different sets.
class SetNumbers {
 public:
  explicit SetNumbers(Snapshot& snapshot) : snapshot_(snapshot) {
    if (snapshot_.sets.empty()) snapshot_.sets.emplace_back();
    for (std::uint32_t i = 0; i < snapshot_.sets.size(); ++i) numbers_.emplace(key(snapshot_.sets[i]), i);
  }
  std::uint32_t number(const std::vector<schema::KeywordId>& set) {
    if (set.empty()) return 0;
    const auto [at, added] = numbers_.emplace(key(set), static_cast<std::uint32_t>(snapshot_.sets.size()));
    if (added) snapshot_.sets.push_back(set);
    return at->second;
  }

 private:
  static std::string key(const std::vector<schema::KeywordId>& set) {
    return {reinterpret_cast<const char*>(set.data()), set.size() * sizeof(schema::KeywordId)};
  }
  Snapshot& snapshot_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

bool same_row(const schema::MailboxRow& one, const schema::MailboxRow& other) {
  return one.highestmodseq == other.highestmodseq && one.recent_from == other.recent_from && one.path == other.path;
}

}  // namespace

std::shared_ptr<const Snapshot> apply_changes(const std::shared_ptr<const Snapshot>& base, schema::ChangeSet changes) {
  auto next = std::make_shared<Snapshot>();
  if (base) {
    next->sets = base->sets;
    next->keywords = base->keywords;
  }
  if (!changes.keywords.entries().empty()) next->keywords = std::move(changes.keywords);
  next->mailbox = std::move(changes.mailbox);
  SetNumbers numbers(*next);
  const std::size_t before = base ? base->size() : 0;
  const std::size_t most = before + changes.changed.size();
  next->uids.reserve(most);
  next->bits.reserve(most);
  next->modseqs.reserve(most);
  next->keyword_sets.reserve(most);
  std::size_t old = 0;
  auto changed = changes.changed.begin();
  auto gone = changes.vanished.ranges().begin();
  const auto gone_end = changes.vanished.ranges().end();
  while (old < before || changed != changes.changed.end()) {
    const bool take_new = changed != changes.changed.end() && (old >= before || changed->uid.value <= base->uids[old]);
    if (take_new) {
      if (old < before && base->uids[old] == changed->uid.value) ++old;
      next->uids.push_back(changed->uid.value);
      next->bits.push_back(changed->bits);
      next->modseqs.push_back(static_cast<std::uint32_t>(changed->modseq.value));
      next->keyword_sets.push_back(numbers.number(changed->keywords));
      ++changed;
      continue;
    }
    const std::uint32_t uid = base->uids[old];
    while (gone != gone_end && gone->last < uid) ++gone;
    if (gone == gone_end || uid < gone->first) {
      next->uids.push_back(uid);
      next->bits.push_back(base->bits[old]);
      next->modseqs.push_back(base->modseqs[old]);
      next->keyword_sets.push_back(base->keyword_sets[old]);
    }
    ++old;
  }
  if (next->mailbox.reader) {  // the row tells the owner's
    next->mailbox.unseen = static_cast<std::uint32_t>(std::count_if(
        next->bits.begin(), next->bits.end(), [](std::uint32_t bits) { return (bits & schema::kSeen) == 0; }));
  }
  return next;
}

boost::asio::awaitable<Result<std::shared_ptr<const Snapshot>>> SnapshotCache::latest(
    schema::Database& db, std::chrono::milliseconds deadline, const schema::Principal& who, schema::MailboxRef mailbox,
    std::shared_ptr<const Snapshot> known, Expect expect) {
  Reader reader{
      {mailbox, mailbox.account == who.account ? AccountId{} : who.account}, who.address, who.actor, who.role};
  auto work = [this, &db, deadline, who, mailbox, known = std::move(known), expect] {
    return read(db, deadline, who, mailbox, known, expect);
  };
  auto snapshot = co_await reads_.run(std::move(reader), std::move(work));
  co_return snapshot;
}

boost::asio::awaitable<SnapshotCache::Read> SnapshotCache::read(schema::Database& db,
                                                                std::chrono::milliseconds deadline,
                                                                schema::Principal who, schema::MailboxRef mailbox,
                                                                std::shared_ptr<const Snapshot> known, Expect expect) {
  std::shared_ptr<const Snapshot> base = peek(mailbox, mailbox.account == who.account ? AccountId{} : who.account);
  if (!base || (known && known->mailbox.uidvalidity == base->mailbox.uidvalidity &&
                known->mailbox.highestmodseq > base->mailbox.highestmodseq)) {
    base = known;
  }
  if (base && expect == Expect::nothing) {
    auto grant = co_await schema::authorize_at_once(db, who, mailbox, schema::kRead);
    if (grant && !*grant) co_return grant->error();
    if (grant && same_row((*grant)->mailbox(), base->mailbox)) {
      put(base);
      co_return base;
    }
  }
  const ModSeq since = base ? base->mailbox.highestmodseq : ModSeq{0};
  const AccountId reader = who.account;
  auto work = [who = std::move(who), mailbox, since](schema::Transaction& tx) -> Result<schema::ChangeSet> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    return schema::changes_since(tx, *grant, since);
  };
  auto changes = co_await db.run(schema::Wall::of(reader), deadline, std::move(work), schema::Mode::reads);
  if (!changes) co_return changes.error();
  auto snapshot = remember(base, std::move(*changes));
  co_return snapshot;
}

std::shared_ptr<const Snapshot> SnapshotCache::remember(const std::shared_ptr<const Snapshot>& base,
                                                        schema::ChangeSet changes) {
  if (base && same_row(changes.mailbox, base->mailbox)) {
    put(base);
    return base;
  }
  auto snapshot = apply_changes(base, std::move(changes));
  put(snapshot);
  return snapshot;
}

std::shared_ptr<const Snapshot> SnapshotCache::peek(schema::MailboxRef mailbox, AccountId reader) const {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find({mailbox, reader});
  return at == entries_.end() ? nullptr : at->second.snapshot;
}

bool SnapshotCache::begin_claim(AccountId account, MailboxId mailbox, Uid uidnext) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find({{account, mailbox}, {}});
  if (at == entries_.end()) return true;
  if (at->second.claimed >= uidnext) return false;
  at->second.claimed = uidnext;
  return true;
}

void SnapshotCache::take_back_claim(AccountId account, MailboxId mailbox, Uid uidnext) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find({{account, mailbox}, {}});
  if (at != entries_.end() && at->second.claimed == uidnext) at->second.claimed = {};
}

boost::asio::awaitable<Result<std::shared_ptr<const PlacedContents>>> SnapshotCache::contents(
    schema::Database& db, std::chrono::milliseconds deadline, const schema::Principal& who,
    std::shared_ptr<const Snapshot> snapshot) {
  const schema::MailboxRow& mailbox = snapshot->mailbox;
  const Key key = key_of(mailbox);
  std::shared_ptr<const PlacedContents> base;
  {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(key);
    if (at != entries_.end()) base = at->second.contents;
  }
  if (base && base->uidvalidity != mailbox.uidvalidity) base = nullptr;
  if (base && base->end >= mailbox.uidnext) co_return base;
  const Uid from = base ? base->end : Uid{1};
  auto read = [who, id = mailbox.ref(), from](schema::Transaction& tx) -> Result<std::vector<schema::PlacedContent>> {
    auto grant = schema::authorize(tx, who, id, schema::kRead);
    if (!grant) return grant.error();
    return schema::placed_contents(tx, *grant, from);
  };
  auto placed = co_await db.run(schema::Wall::of(who.account), deadline, std::move(read), schema::Mode::reads);
  if (!placed) co_return placed.error();
  auto next = std::make_shared<PlacedContents>();
  if (base) *next = *base;
  next->uidvalidity = mailbox.uidvalidity;
  next->end = mailbox.uidnext;
  next->uids.reserve(next->uids.size() + placed->size());
  next->contents.reserve(next->contents.size() + placed->size());
  for (const schema::PlacedContent& one : *placed) {
    next->uids.push_back(one.uid.value);
    next->contents.push_back(one.content.value);
    next->end = std::max(next->end, Uid{one.uid.value + 1});
  }
  {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(key);
    if (at != entries_.end()) {
      octets_ -= at->second.octets();
      at->second.contents = next;
      octets_ += at->second.octets();
      evict();
    }
  }
  co_return next;
}

const AccountNames::Entry* AccountNames::find(MailboxId id) const {
  const auto at = std::lower_bound(entries.begin(), entries.end(), id,
                                   [](const Entry& entry, MailboxId wanted) { return entry.id < wanted; });
  return at != entries.end() && at->id == id ? &*at : nullptr;
}

const std::string* AccountNames::path(MailboxId id) const {
  const Entry* entry = find(id);
  return entry == nullptr ? nullptr : &entry->path;
}

bool AccountNames::subscribed(const std::string& path) const {
  return std::binary_search(subscriptions.begin(), subscriptions.end(), path);
}

std::shared_ptr<const AccountNames> SnapshotCache::share(AccountNames names) {
  const std::int64_t account = names.account.value;
  std::vector<std::shared_ptr<const AccountNames>> held;
  {
    const std::lock_guard lock(mutex_);
    for (auto [at, end] = names_.equal_range(account); at != end; ++at) held.push_back(at->second.lock());
  }
  // Compared without the mutex. Two that come at once may each keep their own.
  for (auto& one : held) {
    if (one && *one == names) return std::move(one);
  }
  auto made = std::make_shared<const AccountNames>(std::move(names));
  const std::lock_guard lock(mutex_);
  if (names_.size() >= sweep_names_at_) {
    std::erase_if(names_, [](const auto& entry) { return entry.second.expired(); });
    sweep_names_at_ = std::max(kSweepNames, 2 * names_.size());
  }
  names_.emplace(account, made);
  return made;
}

SnapshotCache::Size SnapshotCache::size() const {
  const std::lock_guard lock(mutex_);
  return {entries_.size(), messages_, octets_};
}

std::size_t SnapshotCache::Entry::octets() const { return snapshot->octets() + (contents ? contents->octets() : 0); }

void SnapshotCache::put(const std::shared_ptr<const Snapshot>& snapshot) {
  const Key key = key_of(snapshot->mailbox);
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(key);
  if (at != entries_.end()) {
    Entry& entry = at->second;
    ages_.splice(ages_.begin(), ages_, entry.age);
    const Snapshot& held = *entry.snapshot;
    if (&held == snapshot.get()) return;
    if (held.mailbox.uidvalidity == snapshot->mailbox.uidvalidity &&
        held.mailbox.highestmodseq > snapshot->mailbox.highestmodseq) {
      return;  // somebody was faster
    }
    octets_ -= entry.octets();
    messages_ += snapshot->size() - held.size();
    entry.snapshot = snapshot;
    octets_ += entry.octets();
  } else {
    ages_.push_front(key);
    const auto added = entries_.emplace(key, Entry{snapshot, nullptr, {}, ages_.begin()}).first;
    messages_ += snapshot->size();
    octets_ += added->second.octets();
  }
  evict();
}

void SnapshotCache::evict() {
  while (octets_ > max_octets_ && ages_.size() > 1) {
    const auto oldest = entries_.find(ages_.back());
    messages_ -= oldest->second.snapshot->size();
    octets_ -= oldest->second.octets();
    entries_.erase(oldest);
    ages_.pop_back();
  }
}

}  // namespace cpm::imap
