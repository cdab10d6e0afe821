// The record of who did what (docs/audit.md, docs/decisions/0040-audit.md): one row a change, written in its
// transaction. Deposits, flags, copies and expunges are recorded by the SQL functions that make them; everything else
// by record(). Here too: reading the record, and looking whether somebody tampered with it. Runs on: db thread.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "schema/actor.h"
#include "schema/query.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

class Database;
class Grant;
struct Principal;

// Persistent numbers.
enum class AuditCommand : std::int16_t {
  login = 1,
  logout = 2,
  login_refused = 3,
  refused = 4,  // another command, for lack of rights or room, when audit.refused is on
  append = 10,
  copy = 11,
  move = 12,      // into this mailbox
  store = 13,     // flags
  move_out = 14,  // out of this mailbox
  expunge = 15,
  retention = 16,  // removed by retention
  restore = 17,
  create = 20,
  rename = 21,
  remove = 22,  // DELETE
  subscribe = 23,
  unsubscribe = 24,
  metadata = 30,
  annotate = 31,
  acl = 32,
  url_keys = 33,  // RESETKEY
  quota = 34,
  policy = 35,
  push = 36,
  select = 40,  // reads, when the policy audit.reads says so
  fetch = 41,
  user_add = 50,
  user_remove = 51,
  user_change = 52,  // password, name, alias, disabled
  service = 53,
};
[[nodiscard]] std::string_view audit_command_name(AuditCommand command) noexcept;  // "expunge"
[[nodiscard]] std::optional<AuditCommand> audit_command_from(std::string_view name) noexcept;
[[nodiscard]] const std::vector<AuditCommand>& audit_commands();

// Events that push tells (migrations/0012).
enum class AuditEvent : std::int16_t { none = 0, mailbox_create = 4, mailbox_rename = 5, mailbox_delete = 6 };

// The installation as a whole: services, site policies.
inline constexpr AccountId kWholeStore{0};

struct AuditEntry {
  AuditCommand command = AuditCommand::login;
  AccountId account;  // whose record
  MailboxId mailbox;
  std::string path;
  std::string uids;  // as ranges
  std::uint32_t messages = 0;
  std::uint64_t octets = 0;
  std::string detail;  // a JSON object; empty: nothing
  AuditEvent event = AuditEvent::none;
  bool refused = false;
};
// In the transaction of the change. Nothing but the event when `actor` does not record.
void record(Transaction& tx, const ActorRef& actor, const AuditEntry& entry);
// {"NAME": "VALUE"} for `detail`.
[[nodiscard]] std::string audit_detail(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

// Log-ins and log-outs, without a wait for the disk. `mechanism` or the reason is the detail.
void record_login(Transaction& tx, const ActorRef& actor, AccountId account, AuditCommand command,
                  std::string_view detail);
// A log-in that was refused, with the account that has this address, if there is one.
void record_refused_login(Transaction& tx, const ActorRef& actor, std::string_view address, std::string_view detail);

// ---- reading

struct AuditSession {
  std::int64_t id = 0;
  std::string program, actor, acted_for, client, peer, node, session;
  std::chrono::sys_time<std::chrono::microseconds> begun;
};
struct AuditCursor {
  std::int64_t at = 0;  // microseconds since 1970
  std::int32_t n = 0;
};
struct AuditRow {
  AccountId account;
  AuditCursor at;
  AuditCommand command = AuditCommand::login;
  std::int16_t number = 0;  // of the command, should this release not know it
  bool refused = false;
  MailboxId mailbox;
  std::string path;
  std::uint32_t modseq = 0, messages = 0;
  std::uint64_t octets = 0;
  std::string uids;
  std::string detail;  // JSON, empty: none
  AuditSession session;
};
struct AuditFilter {
  std::optional<std::int64_t> since, until;  // microseconds since 1970; until is not included
  std::vector<AuditCommand> commands;        // any of them; empty: all
  std::string mailbox;                       // this path then, or below it
  std::optional<MailboxId> mailbox_id;
  std::string actor;                 // logged in as, or acted for
  std::optional<std::uint32_t> uid;  // with this UID among them
  std::optional<AuditCursor> after;  // behind it in the order asked for
  bool newest_first = false;
  std::size_t limit = 1000;
};
[[nodiscard]] Result<std::vector<AuditRow>> read_audit(Transaction& tx, AccountId account, const AuditFilter& filter);

// Where a message with this Message-ID is, was or can be restored from: its places, for the question who removed it.
struct AuditPlace {
  MailboxId mailbox;
  std::uint32_t uid = 0;
  bool present = false;  // it is there now
};
[[nodiscard]] Result<std::vector<AuditPlace>> places_of_message_id(Transaction& tx, AccountId account,
                                                                   std::string_view message_id);

// ---- the chain (docs/decisions/0040-audit.md)

struct AuditFinding {
  std::string what;  // "changed", "removed", "inserted", "seal changed", …
  std::string where;
};
struct AuditVerdict {
  std::uint64_t seals = 0, rows = 0, unsealed = 0;
  std::string head;  // hex; what to note elsewhere
  std::int32_t head_seal = 0;
  std::int64_t from = 0;  // microseconds since 1970: what is dated before it was dropped as too old
  bool noted_head_found = false;
};
// Walks the chain of an account. `noted`: a head that was noted before must be in the chain; empty: none.
[[nodiscard]] Result<AuditVerdict> verify_audit(Database& database, AccountId account, std::string_view noted,
                                                const std::function<void(const AuditFinding&)>& found);

// For upkeep. Seals what can be sealed, account by account; returns the number of rows.
[[nodiscard]] Result<std::size_t> seal_audit(Database& database, const std::function<bool()>& stop);
// Makes the coming months and drops those that are older than `keep`. Each statement is a transaction of its own.
[[nodiscard]] Result<void> keep_audit_months(Database& database, std::chrono::seconds keep);

}  // namespace cpm::schema
