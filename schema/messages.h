// Messages of one mailbox: what changed since a MODSEQ, flag changes, expunge, copy and move.
// Each mutator locks account row → mailbox rows → message rows (storage-design 4.3), takes one MODSEQ per
// command and mailbox, keeps the mailbox counters and the account's usage exact, and records expunges as ranges.
// RFC 9051 6.4.6-6.4.8, RFC 7162, RFC 6851, RFC 4315.
// Runs on: db thread.
#pragma once

#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/message_flags.h"

#include <optional>
#include <string>
#include <vector>

namespace cpm::schema {

// Mailbox row and messages are of one snapshot, so nothing is ever missed (storage-design 4.3).
struct ChangeSet {
  MailboxRow mailbox;                 // highestmodseq: the state this set leads to; unseen: of the owner
  std::vector<MessageFlags> changed;  // by uid; messages with modseq > since (since 0: all messages)
  UidSet vanished;                    // expunged with modseq > since (empty for since 0)
  KeywordTable keywords;              // all keywords of the mailbox, when any row needs them
};
// No statement at all when the grant already says that nothing changed: with authorize() one round trip, fit for
// Mode::single. After a change in the same transaction, authorize again first. Failure::not_found: the mailbox is gone.
// REQUIRES: grant holds kRead.
[[nodiscard]] Result<ChangeSet> changes_since(Transaction& tx, const Grant& grant, ModSeq since);

// UIDs expunged with a MODSEQ above `since`, however long ago. Besides, UIDs of expunges that are older: those of
// commands that were folded together (migrations/0003). REQUIRES: grant holds kRead.
[[nodiscard]] Result<UidSet> vanished_since(Transaction& tx, const Grant& grant, ModSeq since);

enum class FlagChange { replace, add, remove };

struct StoreRequest {
  UidSet uids;
  FlagChange change = FlagChange::replace;
  FlagSet flags;
  std::optional<ModSeq> unchanged_since;  // RFC 7162 3.1.3
  std::uint32_t untouched = 0;            // bits that `replace` leaves as they are, too
};
struct StoreResult {
  std::vector<MessageFlags> messages;  // every existing message of `uids` that is not in `modified`, new state, by uid
  UidSet changed;                      // those whose flags really changed (they carry the new MODSEQ)
  UidSet modified;                     // failed the UNCHANGEDSINCE test
  ModSeq highestmodseq;
  KeywordTable keywords;  // of the mailbox, when keywords were named or replaced and some are in use
};
// True: with this request store_flags executes one statement, after which nothing is read: Mode::single is enough.
// Not in a mailbox of another account.
[[nodiscard]] bool in_one_statement(const StoreRequest& request);
// No effect, no MODSEQ. Rights per flag: kKeepSeen for \Seen (and for \read-report-sent in a mailbox of another
// account, where the reader has both for themself), kDeleteMessage for \Deleted, kWrite for the rest; flags without the
// right are left as they are, Failure::denied when none may change. Failure::limit: too many keywords.
[[nodiscard]] Result<StoreResult> store_flags(Transaction& tx, const Grant& grant, const StoreRequest& request,
                                              const Limits& limits);

struct ExpungeResult {
  UidSet uids;           // removed
  ModSeq highestmodseq;  // the mailbox's, after
};
// Removes messages that have \Deleted; all of them or those in `only`. REQUIRES: kExpunge.
[[nodiscard]] Result<ExpungeResult> expunge(Transaction& tx, const Grant& grant, const std::optional<UidSet>& only);

struct CopyResult {
  UidValidity uidvalidity;  // of the target
  UidSet source;            // in order; source.numbers()[i] became target.numbers()[i]
  UidSet target;
  ModSeq source_modseq;  // move: the source mailbox's HIGHESTMODSEQ after
};
// All or nothing; missing UIDs are skipped (source says which existed). Flags, keywords, dates and content are kept,
// bytes are shared; so are annotations, private ones of `user` alone (none: of everybody), as far as the rights in `to`
// allow to write them (RFC 5257 4.6); what a reader has for themself (reader_flags.h) goes with the copy; flags that
// the principal may not set in `to` are left behind (RFC 4314 4). Failure::over_quota, limit (keywords), denied.
// REQUIRES: from holds kRead (move: kExpunge|kDeleteMessage), to holds kInsert.
[[nodiscard]] Result<CopyResult> copy_messages(Transaction& tx, const Grant& from, const UidSet& uids, const Grant& to,
                                               const Limits& limits, AccountId user = {});
[[nodiscard]] Result<CopyResult> move_messages(Transaction& tx, const Grant& from, const UidSet& uids, const Grant& to,
                                               const Limits& limits, AccountId user = {});

}  // namespace cpm::schema
