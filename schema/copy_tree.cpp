#include "schema/copy_tree.h"

#include "schema/mailbox_rows.h"
#include "schema/messages.h"
#include "schema/metadata.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr Query kTree{"copy_tree", "select mailbox_id, parent_id, name from mailbox where account_id = $1"};
// In the order in which all that works on several mailboxes locks them; no flag changes from here on.
constexpr Query kLock{"copy_tree_lock",
                      "select count(*), coalesce(sum(t.messages), 0), coalesce(sum(t.bytes), 0) from ("
                      " select m.messages, m.bytes from mailbox m where m.account_id = $1"
                      " and m.mailbox_id = any ($2::int[]) order by m.mailbox_id for no key update) t"};
constexpr Query kLockConversations{
    "copy_tree_conversations",
    "select conversation_lock_v1($1, array(select distinct m.conversation_id from message m where m.account_id = $1"
    " and m.mailbox_id = any (array(select b.mailbox_id from mailbox b where b.account_id = $1"
    " and b.mailbox_id = any ($2::int[]) and b.has_objects)) and m.conversation_id is not null))"};
constexpr Query kRoom{"copy_tree_room",
                      "select from account a where a.account_id = $1"
                      " and (a.limit_bytes is null or a.used_bytes + $2 <= a.limit_bytes)"
                      " and (a.limit_messages is null or a.used_messages + $3 <= a.limit_messages)"};

// What is copied, by path, the mailbox itself first.
Result<std::vector<MailboxRow>> sources(Transaction& tx, const Principal& who, const MailboxRow& top) {
  MailboxTree tree;
  for (const auto& row : tx.exec(kTree, who.account.value))
    tree.add(MailboxId{row[0].as<std::int32_t>()}, MailboxId{row[1].as<std::int32_t>()}, row[2].c_str());
  std::vector<MailboxRow> out{top};
  for (const MailboxId id : tree.below(top.id)) {
    auto grant = authorize(tx, who, id, kRead);
    if (!grant && grant.error().failure == Failure::not_found) continue;
    if (!grant) return grant.error();
    out.push_back(grant->mailbox());
  }
  std::sort(out.begin() + 1, out.end(), [](const MailboxRow& a, const MailboxRow& b) { return a.path < b.path; });
  return out;
}

// Parents come before what is below them; one that may not be seen is made, empty.
Result<MailboxId> make(Transaction& tx, AccountLock& lock, std::string_view path, const Limits& limits) {
  const auto components = split_path(path);
  const auto existing = existing_beginning(tx, lock.account, components);
  if (existing.size() == components.size()) return existing.back();
  CPM_TRY(made, make_mailboxes(tx, lock, components, existing.size(), existing.empty() ? MailboxId{} : existing.back(),
                               SpecialUse::none, limits));
  return made.id;
}

Result<void> copy_one(Transaction& tx, const Principal& who, CopiedMailbox& one, const Limits& limits) {
  CPM_TRY(from, authorize(tx, who, one.from, kRead));
  CPM_TRY(to, authorize(tx, who, one.to, kInsert));
  one.uidvalidity = to.mailbox().uidvalidity;
  CPM_CHECK(copy_metadata(tx, who.account, one.from, one.to, limits));
  if (from.mailbox().messages == 0) return {};
  CPM_TRY(copied, copy_messages(tx, from, {{1, from.mailbox().uidnext.value - 1}}, to, limits, who.account));
  one.messages = static_cast<std::uint32_t>(copied.target.size());
  return {};
}

}  // namespace

Result<CopiedTree> copy_tree(Transaction& tx, const Principal& who, std::string_view from, std::string_view to,
                             const Limits& limits) {
  if ((account_rights(who) & kCreate) == 0) return fail(Failure::denied, "no right to create mailboxes");
  CPM_TRY(lock, lock_account(tx, who.account));
  CPM_TRY(top, authorize(tx, who, from, kRead));
  if (to == "INBOX") return fail(Failure::exists, "INBOX always exists");
  CPM_CHECK(check_new_path(to, limits));
  if (to.starts_with(std::string(from) + '/')) return fail(Failure::invalid, "a mailbox cannot be copied below itself");
  if (find_mailbox(tx, who.account, to)) return fail(Failure::exists, "mailbox already exists");

  CPM_TRY(rows, sources(tx, who, top.mailbox()));
  CopiedTree out;
  std::vector<std::int64_t> ids;
  for (const MailboxRow& row : rows) {
    CopiedMailbox one;
    one.from = row.id;
    one.from_path = row.path;
    one.to_path = std::string(to) + row.path.substr(from.size());
    if (const auto possible = check_new_path(one.to_path, limits); !possible) {
      if (possible.error().failure != Failure::limit) return possible.error();
      return fail(Failure::limit, "a mailbox below would get a name that is too long");
    }
    ids.push_back(row.id.value);
    out.mailboxes.push_back(std::move(one));
  }
  if (lock.mailboxes + rows.size() > limits.mailboxes) return fail(Failure::limit, "too many mailboxes");
  const std::string list = array(std::span<const std::int64_t>(ids));
  const pqxx::result sums = tx.exec(kLock, who.account.value, list);
  out.messages = sums[0][1].as<std::uint64_t>();
  out.octets = sums[0][2].as<std::uint64_t>();
  if (tx.exec(kRoom, who.account.value, out.octets, out.messages).empty())
    return fail(Failure::over_quota, "the limit of this account is reached");
  tx.exec(kLockConversations, who.account.value, list);

  for (CopiedMailbox& one : out.mailboxes) {
    CPM_TRY(made, make(tx, lock, one.to_path, limits));
    one.to = made;
    CPM_CHECK(copy_one(tx, who, one, limits));
  }
  return out;
}

}  // namespace cpm::schema
