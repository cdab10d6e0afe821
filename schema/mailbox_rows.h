// What the mailbox files share: columns, paths, finding a row by path, and making mailboxes. Not for other layers.
// Runs on: db thread.
#pragma once

#include "schema/mailboxes.h"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// In the order in which mailbox_from() reads them.
#define CPM_MAILBOX_COLUMNS                                                                                         \
  "m.mailbox_id, m.parent_id, m.name, m.uidvalidity, m.uidnext, m.highestmodseq, m.messages, m.unseen, m.deleted, " \
  "m.bytes, m.deleted_bytes, m.recent_from, m.special_use, coalesce(m.owner_rights, -1)"

// How many they are: the number of the next column.
#define CPM_MAILBOX_COLUMNS_END 14

namespace cpm::schema {

class Database;

// Everything but the path.
[[nodiscard]] MailboxRow mailbox_from(AccountId account, const pqxx::row& row);

// "a/b" → {"a", "b"}.
[[nodiscard]] std::vector<std::string> split_path(std::string_view path);

// Whether a new mailbox may have this path: components not empty, INBOX spelled so, within the limits.
// Failure::invalid, limit.
[[nodiscard]] Result<void> check_new_path(std::string_view path, const Limits& limits);

[[nodiscard]] std::optional<MailboxRow> find_mailbox(Transaction& tx, AccountId account, std::string_view path);
[[nodiscard]] std::optional<MailboxRow> find_mailbox(Transaction& tx, AccountId account, MailboxId id);
// By Database::ask: the outer optional is empty without an answer.
using FoundAtOnce = std::optional<std::optional<MailboxRow>>;
[[nodiscard]] boost::asio::awaitable<FoundAtOnce> find_mailbox_at_once(Database& database, AccountId account,
                                                                       std::string path);
[[nodiscard]] boost::asio::awaitable<FoundAtOnce> find_mailbox_at_once(Database& database, AccountId account,
                                                                       MailboxId id);

// All of an account, with the owner's paths, sorted as before_in_list() says; one statement.
[[nodiscard]] Result<std::vector<MailboxRow>> mailboxes_of(Transaction& tx, AccountId account);
// INBOX first, a mailbox before what is below it.
[[nodiscard]] bool before_in_list(const std::string& path, const std::string& other);

// id, parent and name of every mailbox of an account: the tree from which paths are built.
class MailboxTree {
 public:
  void add(MailboxId id, MailboxId parent, std::string name);
  // None when a parent is missing or the parents form a ring (the store is damaged).
  [[nodiscard]] std::optional<std::string> path(MailboxId id) const;
  // The mailboxes below `id`, not itself.
  [[nodiscard]] std::vector<MailboxId> below(MailboxId id) const;

 private:
  struct Node {
    MailboxId parent;
    std::string name;
  };
  std::unordered_map<MailboxId, Node> nodes_;
};

// The account row, locked: what making mailboxes needs.
struct AccountLock {
  AccountId account;
  std::int32_t next_mailbox = 1;
  std::uint32_t next_uidvalidity = 1;
  std::uint32_t mailboxes = 0;
  std::optional<std::uint32_t> limit_mailboxes;
  bool metered = false;  // a change of the number of mailboxes is more than a number: there are limits or roots
};
// Failure::not_found when the account is gone.
[[nodiscard]] Result<AccountLock> lock_account(Transaction& tx, AccountId account);

// How much of a path there is: the ids of its existing beginning.
[[nodiscard]] std::vector<MailboxId> existing_beginning(Transaction& tx, AccountId account,
                                                        const std::vector<std::string>& components);

// Makes components[from…] below `parent`, with its access control entries, and returns the last one's row; its path is
// the owner's. Failure::limit, over_quota.
[[nodiscard]] Result<MailboxRow> make_mailboxes(Transaction& tx, AccountLock& lock,
                                                const std::vector<std::string>& components, std::size_t from,
                                                MailboxId parent, SpecialUse use, const Limits& limits);

// Failure::use_attr when another mailbox has it; not_found. REQUIRES: the account is locked.
[[nodiscard]] Result<void> set_special_use(Transaction& tx, AccountId account, MailboxId mailbox, SpecialUse use);

}  // namespace cpm::schema
