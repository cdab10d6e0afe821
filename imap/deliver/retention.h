// Retention: which mailbox has which (a mailbox is INBOX, a conversation history, a session history, or another one),
// and the removal of what is older, little by little. The server does it for itself; cpmctl does it by hand
// (docs/decisions/0033-retention.md).
// Runs on: a thread that may wait for the database.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "schema/database.h"
#include "schema/mailboxes.h"
#include "schema/policy.h"
#include "schema/sweep.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap {

// None: forever.
struct Retention {
  std::optional<std::chrono::seconds> inbox, conversations, sessions, folders, deleted;
  [[nodiscard]] bool finite() const { return inbox || conversations || sessions || folders || deleted; }
};
[[nodiscard]] Retention retention_of(const std::vector<schema::PolicyInForce>& policies);

// `roots`: configuration key cpm.roots. Without the CPM layer every mailbox but INBOX is a folder.
[[nodiscard]] schema::SweepRule sweep_rule(const Retention& retention, std::string_view path,
                                           std::span<const std::string> roots);

struct SweepSettings {
  std::vector<std::string> roots;
  std::size_t batch = 0;            // messages in one transaction
  std::uint64_t most = UINT64_MAX;  // messages of the account; the rest is for the next time
  bool dry_run = false;             // only say what would go
  std::function<bool()> stop;       // may be empty; true: end after this batch
  bool recorded = false;            // in the record of changes (schema/audit.h)
  std::string node;                 // as which it is named there
};
struct Swept {
  std::string mailbox;
  std::uint64_t aged = 0, deleted = 0;  // messages: too old; long enough with \Deleted
  std::uint64_t octets = 0;
};
struct SweepReport {
  std::vector<Swept> mailboxes;  // of which something went
  std::uint64_t messages = 0;
};
// `changed` is called after each commit: sessions that have the mailbox selected must be told. Failure::not_found: the
// account is gone; others: what was committed before stays.
[[nodiscard]] Result<SweepReport> sweep_account(schema::Database& database, AccountId account,
                                                const SweepSettings& settings,
                                                const std::function<void(MailboxId)>& changed);

}  // namespace cpm::imap
