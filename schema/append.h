// Storing new messages: content rows first (staged, without locks), then one atomic deposit of all messages of the
// command (RFC 3502: all or nothing). Small bodies travel inside the deposit itself: one round trip, one commit
// (storage-design 8). Quota is charged in the same transaction (design decision 3).
// Runs on: db thread.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/annotations.h"
#include "schema/message_flags.h"
#include "schema/object_facts.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// Everything derived from the octets, computed once (design decision 8).
struct ContentHead {
  std::string envelope;        // ready IMAP bytes
  std::string body;            // BODY, ready IMAP bytes
  std::string body_structure;  // BODYSTRUCTURE, ready IMAP bytes
  std::string part_map;        // imap/mime/part_map.h
  std::string header;  // exact octets of the header block with its blank line; empty when it is longer than 64 KiB
  std::uint64_t header_octets = 0;
  bool eight_bit_header = false;  // the header block holds octets above 0x7f (RFC 6855 4); not stored
  std::string header_text;        // normalised, one line a field (imap/mime/search_text.h)
  std::string body_text;          // normalised
  bool body_text_complete = true;
  std::optional<std::chrono::sys_days> sent_date;  // as written, zone ignored (SENTON and friends)
  std::optional<std::chrono::sys_seconds> sent_at;
  std::string thread;     // what the thread is called: messages of one name are one thread (RFC 8474); empty: no thread
  std::string sort_keys;  // imap/mime/sort_keys.h
  ObjectFacts facts;
};

struct NewMessage {
  std::shared_ptr<ByteSource> octets;  // final octets (line ends already normalised); read on the db thread
  ContentHead head;
  FlagSet flags;
  std::chrono::sys_seconds internal_date;
  std::vector<AnnotationChange> annotations;
};

// Messages up to this size travel inside deposit(); larger ones are staged first.
inline constexpr std::uint64_t kInlineOctets = 256 * 1024;

// A message whose bytes are in the store but in no mailbox yet. Dropping it leaves a staged row that the purge removes.
struct StagedMessage {
  ContentId content;
  std::uint64_t size = 0;
  bool inline_bytes = false;  // small: bytes and head still in `message`, stored by deposit()
  NewMessage message;
  std::string digest;  // SHA-256 of the octets; empty: of a small one, not asked for yet
};

// A message of at most kInlineOctets, ready for deposit() without asking the database.
[[nodiscard]] StagedMessage hold_inline(NewMessage message);

// Writes the content of a large message in chunks; small ones (one chunk) are only wrapped, without a statement. Call
// once per message in a run() of its own, before any lock is taken: what is staged is committed before the deposit
// begins. Failure::too_big; with `check_quota` over_quota, already now (the deposit decides).
[[nodiscard]] Result<StagedMessage> stage(Transaction& tx, AccountId account, NewMessage message, const Limits& limits,
                                          bool check_quota = true);

struct AppendResult {
  UidValidity uidvalidity;
  UidSet uids;  // consecutive
  ModSeq highestmodseq;
};
// Atomic. Failure::over_quota, limit (keywords), denied, too_big. REQUIRES: grant holds kInsert. Flags the principal
// may not set (no s, t, w right) are dropped silently (RFC 4314 4); annotations are not (RFC 5257 3.4): denied,
// too_many.
[[nodiscard]] Result<AppendResult> deposit(Transaction& tx, const Grant& grant, std::vector<StagedMessage>& messages,
                                           const Limits& limits);

// The same for a mailbox by its path, authorize() included. When deposits_in_one_statement(), it is one statement and
// commits by itself in Mode::single: a whole APPEND in one round trip. Otherwise it needs Mode::transaction.
struct DepositedAt {
  MailboxRef mailbox;
  AppendResult result;
};
// What deposits that go together are ordered by: the least conversation that they lock; 0: none.
[[nodiscard]] std::int64_t conversation_order(const std::vector<StagedMessage>& messages);
[[nodiscard]] bool deposits_in_one_statement(const std::vector<StagedMessage>& messages);
[[nodiscard]] Result<DepositedAt> deposit_at(Transaction& tx, const Principal& who, std::string_view path,
                                             std::vector<StagedMessage>& messages, const Limits& limits);

// Deposits of several commands in one statement, which commits by itself in Mode::single: each as deposit_at() would do
// it, its messages together, recorded and told by itself; those into one mailbox share the MODSEQ. All or nothing.
struct DepositPart {
  Principal who;
  std::string path;                                      // of the account itself
  std::shared_ptr<std::vector<StagedMessage>> messages;  // deposits_in_one_statement()
  const Limits* limits = nullptr;                        // outlives the work
};
[[nodiscard]] bool may_share_statement(const DepositPart& one, const DepositPart& other);
// REQUIRES: at least one; all may_share_statement() with the first, and carry a few MiB at most.
[[nodiscard]] Result<std::vector<DepositedAt>> deposit_parts(Transaction& tx,
                                                             const std::vector<const DepositPart*>& parts);

// The same for a depositor that may repeat itself: an object with the IMDN-Message-ID (without one: the
// Contribution-ID) and the octets of one that stands in the mailbox already, or of one before it in `messages`, is not
// stored again. Plain mail always is. Needs Mode::transaction; two that deposit the same at once store it once.
struct DepositedOnce {
  MailboxRef mailbox;
  UidValidity uidvalidity;
  std::vector<std::uint32_t> uids;  // of each message, in order: new or found
  UidSet added;                     // those that are new
  ModSeq highestmodseq;
};
// `admit` is asked about those that are to be stored, when the account is locked; not about those that are there.
using Admit = std::function<Result<void>(const std::vector<StagedMessage>& fresh)>;
[[nodiscard]] Result<DepositedOnce> deposit_once(Transaction& tx, const Principal& who, std::string_view path,
                                                 std::vector<StagedMessage>& messages, const Limits& limits,
                                                 const Admit& admit = {});

// Removes content that no message refers to any more and staged leftovers older than `staged_age`; at most `batch` of
// them. Returns how many were removed. Called by a job on each node; bodies being read stay valid for `grace`.
[[nodiscard]] Result<std::size_t> purge(Transaction& tx, std::chrono::seconds grace, std::chrono::seconds staged_age,
                                        std::size_t batch);

}  // namespace cpm::schema
