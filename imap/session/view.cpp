#include "imap/session/view.h"

#include <algorithm>

namespace cpm::imap {

std::uint32_t View::exists() const {
  const std::uint64_t live = resting_ ? uids_.size() : snapshot_->size();
  return static_cast<std::uint32_t>(live + ghosts_.size());
}

Msn View::msn_of(Uid uid) const {
  const std::size_t index = snapshot_->lower_bound(uid.value);
  const auto ghost = std::lower_bound(ghosts_.begin(), ghosts_.end(), uid.value);
  const bool here = index < snapshot_->size() && snapshot_->uids[index] == uid.value;
  if (!here && (ghost == ghosts_.end() || *ghost != uid.value)) return Msn{0};
  return Msn{static_cast<std::uint32_t>(index + static_cast<std::size_t>(ghost - ghosts_.begin()) + 1)};
}

Uid View::uid_at(Msn msn) const {
  if (ghosts_.empty()) return Uid{snapshot_->uids[msn.value - 1]};
  // The k-th of two merged rising lists: find how many ghosts stand before it.
  std::size_t low = 0;
  std::size_t high = std::min<std::size_t>(ghosts_.size(), msn.value);
  while (low < high) {  // the least g such that ghosts_[g] lies at or after the place
    const std::size_t middle = (low + high) / 2;
    const std::size_t place = snapshot_->lower_bound(ghosts_[middle]) + middle + 1;  // msn of ghosts_[middle]
    if (place < msn.value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low < ghosts_.size() && snapshot_->lower_bound(ghosts_[low]) + low + 1 == msn.value) return Uid{ghosts_[low]};
  return Uid{snapshot_->uids[msn.value - 1 - low]};
}

Uid View::last_uid() const {
  const std::uint32_t live = snapshot_->uids.empty() ? 0 : snapshot_->uids.back();
  return Uid{ghosts_.empty() ? live : std::max(live, ghosts_.back())};
}

Result<UidSet> View::resolve(const grammar::SequenceSet& set, bool uid, const UidSet& saved) const {
  UidSet wanted;
  if (set.saved) {
    wanted = saved;
  } else if (uid) {
    wanted = set.resolve(last_uid().value);
  } else {
    const NumberSet numbers = set.resolve(exists());
    if (exists() == 0 && !set.ranges.empty()) {
      return fail(Failure::bad_syntax, "The mailbox is empty: no such message number");
    }
    if (!numbers.empty() && numbers.max() > exists()) {
      return fail(Failure::bad_syntax, "No such message number");
    }
    if (ghosts_.empty()) {
      UidSet uids;
      for (const auto& range : numbers.ranges()) {
        for (std::uint32_t n = range.first; n <= range.last; ++n) uids.add(snapshot_->uids[n - 1]);
      }
      return uids;
    }
    UidSet uids;
    for (const auto& range : numbers.ranges()) {
      for (std::uint32_t n = range.first; n <= range.last; ++n) uids.add(uid_at(Msn{n}).value);
    }
    return uids;
  }
  // Only UIDs that exist: walk the ranges over the rising list.
  UidSet uids;
  for (const auto& range : wanted.ranges()) {
    for (std::size_t i = snapshot_->lower_bound(range.first); i < snapshot_->size() && snapshot_->uids[i] <= range.last;
         ++i) {
      uids.add(snapshot_->uids[i]);
    }
  }
  for (const std::uint32_t ghost : ghosts_) {
    if (wanted.contains(ghost)) uids.add(ghost);
  }
  return uids;
}

View::Changes View::advance(std::shared_ptr<const Snapshot> latest, bool tell_expunges) {
  Changes changes;
  const std::uint32_t exists_before = exists();
  std::vector<std::uint32_t> gone;
  if (latest != snapshot_) {
    Difference difference = compare(*snapshot_, *latest);
    gone = std::move(difference.gone);
    changes.added = std::move(difference.added);
    changes.flags = std::move(difference.flags);
    changes.new_keywords = latest->keywords.entries().size() > snapshot_->keywords.entries().size();
  }
  std::vector<std::uint32_t> missing;
  std::merge(ghosts_.begin(), ghosts_.end(), gone.begin(), gone.end(), std::back_inserter(missing));
  if (tell_expunges && !missing.empty()) {
    // Highest first, so that each number is right when it is read and no number has to be corrected.
    std::vector<Msn> numbers;
    ghosts_.clear();
    const std::vector<std::uint32_t> earlier = missing;
    // Numbers in the old order: old snapshot and old ghosts together are old uids ∪ missing.
    const std::shared_ptr<const Snapshot> old = snapshot_;
    std::size_t ghost_before = 0;
    for (const std::uint32_t uid : earlier) {
      const std::size_t index = old->lower_bound(uid);
      const bool in_old = index < old->size() && old->uids[index] == uid;
      numbers.push_back(Msn{static_cast<std::uint32_t>(index + ghost_before + 1)});
      if (!in_old) ++ghost_before;
      changes.expunged_uids.add(uid);
    }
    changes.expunged.assign(numbers.rbegin(), numbers.rend());
    missing.clear();
  }
  ghosts_ = std::move(missing);
  snapshot_ = std::move(latest);
  changes.exists = exists();
  changes.grew = changes.exists > exists_before - changes.expunged.size();
  return changes;
}

void View::rest() {
  if (resting_) return;
  for (const std::uint32_t uid : snapshot_->uids) uids_.add(uid);
  auto mailbox = std::make_shared<Snapshot>();
  mailbox->mailbox = snapshot_->mailbox;
  mailbox->keywords = snapshot_->keywords;
  snapshot_ = std::move(mailbox);
  resting_ = true;
}

void View::wake(const std::shared_ptr<const Snapshot>& latest) {
  if (!resting_) return;
  const ModSeq known = snapshot_->mailbox.highestmodseq;
  if (latest->mailbox.highestmodseq == known) {
    snapshot_ = latest;
  } else {
    // What changed since, and what is gone, gets no MODSEQ: advance() sees that it differs.
    auto then = std::make_shared<Snapshot>();
    then->mailbox = snapshot_->mailbox;
    then->keywords = snapshot_->keywords;
    then->sets = latest->sets;
    for (const auto& range : uids_.ranges()) {
      for (std::uint64_t uid = range.first; uid <= range.last; ++uid) {
        const auto number = static_cast<std::uint32_t>(uid);
        const std::size_t index = latest->index_of(number);
        const bool same = index != Snapshot::npos && latest->modseqs[index] <= known.value;
        then->uids.push_back(number);
        then->bits.push_back(same ? latest->bits[index] : 0);
        then->modseqs.push_back(same ? latest->modseqs[index] : 0);
        then->keyword_sets.push_back(same ? latest->keyword_sets[index] : 0);
      }
    }
    snapshot_ = std::move(then);
  }
  uids_ = {};
  resting_ = false;
}

}  // namespace cpm::imap
