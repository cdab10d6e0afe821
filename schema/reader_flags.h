// Flags that each reader of a mailbox of another account has for themself: \Seen and \read-report-sent. They are kept
// beside the message row, in which the owner has theirs; everything else of a message is shared (RFC 4314 4,
// docs/sharing.md). A change of them takes a MODSEQ of the mailbox like any other, so that resynchronisation works for
// readers too. Not for other layers, but for unseen_of. Runs on: db thread.
#pragma once

#include "schema/messages.h"
#include "schema/query.h"

#include <map>
#include <vector>

namespace cpm::schema {

inline constexpr std::uint32_t kReaderFlags = kSeen | kReadReportSent;

struct ReaderFlags {
  std::uint32_t bits = 0;
  ModSeq modseq;
};
using ReaderFlagsByUid = std::map<std::uint32_t, ReaderFlags>;

// REQUIRES for all of these: the mailbox has a reader.
[[nodiscard]] ReaderFlagsByUid reader_flags(Transaction& tx, const MailboxRow& mailbox, const UidSet& uids);
[[nodiscard]] ReaderFlagsByUid reader_flags_since(Transaction& tx, const MailboxRow& mailbox, ModSeq since);

// The message as the reader has it.
void see_as_reader(MessageFlags& message, const ReaderFlagsByUid& flags);

struct ReaderChange {
  std::uint32_t uid;
  std::uint32_t bits;
};
void put_reader_flags(Transaction& tx, const MailboxRow& mailbox, const std::vector<ReaderChange>& changes,
                      ModSeq modseq);

// The next MODSEQ of a mailbox in which nothing else changes.
[[nodiscard]] ModSeq take_modseq(Transaction& tx, const MailboxRow& mailbox);

// How many messages are not \Seen for the principal of the grant; of the owner the row says it.
[[nodiscard]] std::uint32_t unseen_of(Transaction& tx, const MailboxRow& mailbox);

// Removes at most `most` rows whose message is gone; returns how many.
[[nodiscard]] Result<std::size_t> sweep_reader_flags(Transaction& tx, std::size_t most);

}  // namespace cpm::schema
