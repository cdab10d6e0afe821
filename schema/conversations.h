// Conversations: all CPM objects of one thread, in whatever mailbox they are (migrations/0009_conversations.sql). The
// number of a conversation is that of the thread (THREADID). Counters are exact and change in the transaction that
// changes the messages. Also the histories that mailboxes hold, and where an object stands. All functions need the
// rights to see (l) and read (r): Failure::denied. Runs on: db thread.
#pragma once

#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/object_facts.h"
#include "schema/query.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// A message of a conversation and what is known of it without its octets.
struct ConversationMessage {
  MailboxId mailbox_id;
  std::string mailbox;  // path
  UidValidity uidvalidity;
  Uid uid;
  ContentId content;
  std::uint32_t flags = 0;      // FlagBit
  std::chrono::sys_seconds at;  // INTERNALDATE
  ObjectFacts facts;
};

struct Conversation {
  std::int64_t id = 0;
  std::string name;  // the other party's address or the Conversation-ID; may be empty
  bool group = false;
  std::string subject;
  std::uint32_t objects = 0, messages = 0, unread = 0;
  std::chrono::sys_seconds last_at;
  std::vector<std::string> participants;    // without the owner's own addresses
  std::optional<ConversationMessage> last;  // the newest message; none while there are only silent objects
};

// A place in the list, newest first; what changes meanwhile is missed or told twice, never something else.
struct ConversationCursor {
  std::chrono::sys_seconds last_at;
  std::int64_t id = 0;
};
struct ConversationQuery {
  std::optional<ConversationCursor> after;
  bool unread = false;                     // only those with unread messages
  std::optional<std::string> participant;  // only those of this canonical address
  std::size_t limit = 50;
};
// The conversations with the newest activity first; one statement.
[[nodiscard]] Result<std::vector<Conversation>> list_conversations(Transaction& tx, const Principal& who,
                                                                   const ConversationQuery& query);

// By number, or by name. Failure::not_found.
[[nodiscard]] Result<Conversation> find_conversation(Transaction& tx, const Principal& who, std::int64_t id);
[[nodiscard]] Result<Conversation> find_conversation(Transaction& tx, const Principal& who, std::string_view name);

// The objects of a conversation in the order of INTERNALDATE, those with the same octets once; `after`: the last one of
// the page before.
struct ConversationPlace {
  std::chrono::sys_seconds at;
  ContentId content;
};
[[nodiscard]] Result<std::vector<ConversationMessage>> conversation_messages(
    Transaction& tx, const Principal& who, std::int64_t id, const std::optional<ConversationPlace>& after,
    std::size_t limit);

// What notifications say of messages, by their IMDN-Message-IDs.
struct DispositionReport {
  std::string imdn_message_id;
  Disposition disposition = Disposition::none;
  std::string by;  // canonical address; empty: unknown
  std::optional<std::chrono::sys_seconds> at;
};
[[nodiscard]] Result<std::vector<DispositionReport>> dispositions_of(Transaction& tx, const Principal& who,
                                                                     const std::vector<std::string>& imdn_message_ids);

// A mailbox that holds, or held, objects: what a history is made of.
struct HistoryRow {
  MailboxId id;
  std::string path;
  UidValidity uidvalidity;
  std::uint32_t messages = 0, unseen = 0, children = 0;
  Uid session_info, group_state;                         // the newest of each; 0: none
  std::string session_type, group_type, focus, subject;  // what these say
  std::string conversation;                              // its name, of the newest of these
};
[[nodiscard]] Result<std::vector<HistoryRow>> list_histories(Transaction& tx, const Principal& who);

// What a mailbox holds: whether there is a session info or group state object in it, and the kinds of some of its
// messages (those that are missing are left out).
[[nodiscard]] bool holds_object(Transaction& tx, const Grant& grant, ObjectKind kind);
[[nodiscard]] std::vector<ObjectKind> kinds_of(Transaction& tx, const Grant& grant, const UidSet& uids);
// Until the end of the transaction nothing is added to the account by others. Failure::not_found.
[[nodiscard]] Result<void> lock_account_row(Transaction& tx, AccountId account);

// Where an object stands that is known by its IMDN-Message-ID or, without one, by its Contribution-ID; the rest
// narrows. An empty text matches all.
struct ObjectQuery {
  std::string imdn_message_id;
  std::string contribution_id;
  std::string conversation_id;         // Conversation-ID
  std::string within_contribution;     // Contribution-ID
  std::string party;                   // canonical address of a participant, or the conversation's name
  std::optional<std::string> mailbox;  // path
};
struct ObjectPlace {
  MailboxId mailbox;
  std::string path;
  Uid uid;
  bool original = false;  // where it was deposited
};
// By mailbox and UID.
[[nodiscard]] Result<std::vector<ObjectPlace>> find_objects(Transaction& tx, const Principal& who,
                                                            const ObjectQuery& query);

// Facts anew (cpmctl conversation reindex): the messages of a mailbox after a UID.
struct ReindexItem {
  Uid uid;
  ContentId content;
  std::uint64_t size = 0;
  bool shared = false;  // other messages have the same content
};
[[nodiscard]] std::vector<ReindexItem> reindex_page(Transaction& tx, AccountId account, MailboxId mailbox, Uid after,
                                                    std::size_t limit);
struct ReindexFacts {
  ReindexItem item;
  std::string thread;  // ContentHead::thread
  ObjectFacts facts;
};
// Writes what is derived; conversations are made of it by rebuild_conversations(), which all that changes them waits
// for.
void write_facts(Transaction& tx, AccountId account, MailboxId mailbox, const std::vector<ReindexFacts>& facts);
// Returns how many messages changed their conversation.
std::uint64_t rebuild_conversations(Transaction& tx, AccountId account);

}  // namespace cpm::schema
