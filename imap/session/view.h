// View: the messages this client knows of, in order. It is a shared Snapshot plus the UIDs that are expunged in the
// store but not yet told (RFC 9051 7.5.1 forbids EXPUNGE during FETCH, STORE, SEARCH). It translates sequence numbers;
// below it only UIDs exist. The view of a session that does nothing can rest: it keeps its UIDs as ranges and lets the
// snapshot go, and is made anew from the store's newest state when it is needed.
// Runs on: session strand. Owned by the session.
#pragma once

#include "base/number_set.h"
#include "imap/grammar/sequence_set.h"
#include "imap/session/snapshot.h"

#include <memory>
#include <vector>

namespace cpm::imap {

class View {
 public:
  explicit View(std::shared_ptr<const Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}

  // While it rests: the mailbox as it was, without messages.
  [[nodiscard]] const Snapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] const std::shared_ptr<const Snapshot>& shared() const { return snapshot_; }
  [[nodiscard]] std::uint32_t exists() const;  // messages, ghosts included
  [[nodiscard]] Msn msn_of(Uid uid) const;     // 0 when not in the view
  [[nodiscard]] Uid uid_at(Msn msn) const;     // REQUIRES: 1 <= msn <= exists()
  [[nodiscard]] Uid last_uid() const;          // greatest, 0 when empty
  [[nodiscard]] const std::vector<std::uint32_t>& ghosts() const { return ghosts_; }

  // Message numbers of the wire → UIDs of the view. For UID sets: those that exist. For sequence numbers:
  // Failure::bad_syntax when a number is above exists() (RFC 9051 9 seq-range: it is an error), empty view with `*`
  // too.
  [[nodiscard]] Result<UidSet> resolve(const grammar::SequenceSet& set, bool uid, const UidSet& saved) const;

  // What must be told to move to `latest`; REQUIRES: same mailbox, not older.
  struct Changes {
    std::vector<Msn> expunged;  // in the order to send, each counted after the previous ones
    UidSet expunged_uids;
    std::uint32_t exists = 0;  // to send when grew
    bool grew = false;
    UidSet added;
    UidSet flags;               // known messages whose flags changed
    bool new_keywords = false;  // FLAGS to be sent again
  };
  Changes advance(std::shared_ptr<const Snapshot> latest, bool tell_expunges);

  // Only exists() and ghosts() are for a view that rests too. wake() REQUIRES: same mailbox, not older. Flags that
  // changed meanwhile are not known after it: such a message has MODSEQ 0 until advance().
  void rest();
  [[nodiscard]] bool resting() const { return resting_; }
  void wake(const std::shared_ptr<const Snapshot>& latest);

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  bool resting_ = false;
  UidSet uids_;                        // of the snapshot, while it rests
  std::vector<std::uint32_t> ghosts_;  // rising; none of them is in snapshot_
};

}  // namespace cpm::imap
