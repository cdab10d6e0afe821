#include "schema/access.h"
#include "schema/mailbox_rows.h"
#include "schema/mailboxes.h"
#include "schema/messages.h"
#include "schema/metadata.h"

#include <algorithm>
#include <chrono>

namespace cpm::schema {

namespace {

constexpr Query kLockAccount{
    "account_lock_mailboxes",
    "select next_mailbox, next_uidvalidity, mailboxes from account where account_id = $1 for no key update"};

constexpr Query kWalk{
    "mailbox_walk",
    "with recursive walk (mailbox_id, depth) as ("
    " select mailbox_id, 1 from mailbox where account_id = $1 and parent_id = 0 and name = ($2::text[])[1]"
    " union all"
    " select c.mailbox_id, w.depth + 1 from walk w join mailbox c on c.account_id = $1"
    " and c.parent_id = w.mailbox_id and c.name = ($2::text[])[w.depth + 1])"
    " select mailbox_id from walk order by depth"};

constexpr Query kInsertMailboxes{
    "mailbox_insert",
    "insert into mailbox (account_id, mailbox_id, parent_id, uidvalidity, special_use, name)"
    " select $1, id, parent, validity, use, name from"
    " unnest($2::int[], $3::int[], $4::int[], $5::int[], $6::text[]) as t (id, parent, validity, use, name)"};

constexpr Query kAccountMade{
    "account_mailboxes_made",
    "update account set next_mailbox = $2, next_uidvalidity = $3, mailboxes = $4 where account_id = $1"};

constexpr Query kSetUse{"mailbox_set_use",
                        "update mailbox set special_use = $3 where account_id = $1 and mailbox_id = $2"};
constexpr Query kUseTakenByOther{"mailbox_use_taken_by_other",
                                 "select from mailbox where account_id = $1 and special_use = $2 and mailbox_id <> $3"};
constexpr Query kUseTaken{"mailbox_use_taken", "select from mailbox where account_id = $1 and special_use = $2"};

constexpr Query kLockMailbox{
    "mailbox_lock_delete", "select messages, bytes from mailbox where account_id = $1 and mailbox_id = $2 for update"};

constexpr Query kHasChildren{"mailbox_has_children",
                             "select from mailbox where account_id = $1 and parent_id = $2 limit 1"};

constexpr Query kReleaseContent{"mailbox_release_content",
                                "select content_refer_v1($1, array(select content_id from message where account_id = $1"
                                " and mailbox_id = $2), -1)"};

constexpr Query kDeleteMessages{"mailbox_delete_messages", "select message_remove_v1($1, $2, null)"};
constexpr Query kDeleteExpunged{"mailbox_delete_expunged",
                                "delete from expunged where account_id = $1 and mailbox_id = $2"};
constexpr Query kDropAnnotations{"mailbox_drop_annotations", "select annotations_drop_v1($1, $2)"};
// Keywords and annotations go with it, by foreign keys.
constexpr Query kDelete{"mailbox_delete", "delete from mailbox where account_id = $1 and mailbox_id = $2"};

constexpr Query kAccountDeleted{"account_mailbox_deleted",
                                "update account set used_messages = used_messages - $2, used_bytes = used_bytes - $3,"
                                " mailboxes = mailboxes - 1 where account_id = $1"};

constexpr Query kTree{"mailbox_tree", "select mailbox_id, parent_id, name from mailbox where account_id = $1"};

constexpr Query kMoveMailbox{"mailbox_rename",
                             "update mailbox set parent_id = $3, name = $4 where account_id = $1 and mailbox_id = $2"};

constexpr MailboxId kInbox{1};

// UIDVALIDITY follows the clock, so that even a mailbox that comes back after a restored backup has a new one.
std::uint32_t clock_uidvalidity() {
  using namespace std::chrono;
  constexpr auto kSince = sys_days{year{2020} / January / 1};
  return static_cast<std::uint32_t>(duration_cast<seconds>(system_clock::now() - kSince).count());
}

std::size_t depth_of(std::string_view path) {
  return 1 + static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

MailboxTree read_tree(Transaction& tx, AccountId account) {
  MailboxTree tree;
  for (const auto& row : tx.exec(kTree, account.value)) {
    tree.add(MailboxId{row[0].as<std::int32_t>()}, MailboxId{row[1].as<std::int32_t>()}, row[2].c_str());
  }
  return tree;
}

// The mailbox with all below it under its new path. Failure::limit when one of them gets too long or too deep.
Result<std::vector<Renamed>> renamed_subtree(const MailboxTree& tree, MailboxId id, const std::string& old_path,
                                             std::string_view new_path, const Limits& limits) {
  std::vector<Renamed> out{{old_path, std::string(new_path)}};
  for (const MailboxId child : tree.below(id)) {
    const auto from = tree.path(child);
    if (!from) return fail(Failure::corrupt, "the list of mailboxes is damaged", "mailbox without parent");
    std::string to = std::string(new_path) + from->substr(old_path.size());
    if (to.size() > limits.mailbox_name_octets || depth_of(to) > limits.mailbox_depth) {
      return fail(Failure::limit, "a mailbox below would get a name that is too long");
    }
    out.push_back({*from, std::move(to)});
  }
  std::sort(out.begin() + 1, out.end(), [](const Renamed& a, const Renamed& b) { return a.from < b.from; });
  return out;
}

// INBOX stays, its messages move (RFC 9051 6.3.6).
Result<std::vector<Renamed>> rename_inbox(Transaction& tx, const Principal& who, const Grant& inbox,
                                          std::string_view new_path, const Limits& limits) {
  CPM_TRY(made, create_mailbox(tx, who, new_path, SpecialUse::none, limits));
  CPM_TRY(target, authorize(tx, who, made.id, kInsert));
  CPM_CHECK(copy_metadata(tx, who.account, kInbox, made.id, limits));
  // Read again under the lock of the account: nothing is deposited any more.
  const auto now = find_mailbox(tx, who.account, kInbox);
  UidSet all;
  if (now && now->messages > 0) all.add(1, now->uidnext.value - 1);
  if (!all.empty()) CPM_CHECK(move_messages(tx, inbox, all, target, limits));
  return std::vector<Renamed>{{"INBOX", std::string(new_path)}};
}

}  // namespace

Result<AccountLock> lock_account(Transaction& tx, AccountId account) {
  const pqxx::result rows = tx.exec(kLockAccount, account.value);
  if (rows.empty()) return fail(Failure::not_found, "no such account");
  return AccountLock{account, rows[0][0].as<std::int32_t>(), rows[0][1].as<std::uint32_t>(),
                     rows[0][2].as<std::uint32_t>()};
}

std::vector<MailboxId> existing_beginning(Transaction& tx, AccountId account,
                                          const std::vector<std::string>& components) {
  std::vector<MailboxId> out;
  for (const auto& row : tx.exec(kWalk, account.value, array(std::span(components))))
    out.emplace_back(row[0].as<std::int32_t>());
  return out;
}

Result<MailboxRow> make_mailboxes(Transaction& tx, AccountLock& lock, const std::vector<std::string>& components,
                                  std::size_t from, MailboxId parent, SpecialUse use, const Limits& limits) {
  const std::size_t count = components.size() - from;
  if (lock.mailboxes + count > limits.mailboxes) return fail(Failure::limit, "too many mailboxes");
  const std::uint32_t first_validity = std::max(lock.next_uidvalidity, clock_uidvalidity());
  std::vector<std::int64_t> ids, parents, validities, uses;
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(lock.next_mailbox + static_cast<std::int64_t>(i));
    parents.push_back(i == 0 ? parent.value : ids[i - 1]);
    validities.push_back(static_cast<std::int64_t>(first_validity + i));
    uses.push_back(i + 1 == count ? static_cast<std::int64_t>(use) : 0);
  }
  const std::vector<std::string> names(components.begin() + static_cast<std::ptrdiff_t>(from), components.end());
  tx.exec(kInsertMailboxes, lock.account.value, array(std::span<const std::int64_t>(ids)),
          array(std::span<const std::int64_t>(parents)), array(std::span<const std::int64_t>(validities)),
          array(std::span<const std::int64_t>(uses)), array(std::span(names)));
  lock.next_mailbox += static_cast<std::int32_t>(count);
  lock.next_uidvalidity = first_validity + static_cast<std::uint32_t>(count);
  lock.mailboxes += static_cast<std::uint32_t>(count);
  tx.exec(kAccountMade, lock.account.value, lock.next_mailbox, lock.next_uidvalidity, lock.mailboxes);

  MailboxRow out;
  out.account = lock.account;
  out.id = MailboxId{static_cast<std::int32_t>(ids.back())};
  out.uidvalidity = UidValidity{static_cast<std::uint32_t>(validities.back())};
  out.uidnext = out.recent_from = Uid{1};
  out.highestmodseq = ModSeq{1};
  out.use = use;
  for (const std::string& component : components) out.path += (out.path.empty() ? "" : "/") + component;
  return out;
}

Result<MailboxRow> create_mailbox(Transaction& tx, const Principal& who, std::string_view path, SpecialUse use,
                                  const Limits& limits) {
  if ((account_rights(who) & kCreate) == 0) return fail(Failure::denied, "no right to create mailboxes");
  if (path == "INBOX") return fail(Failure::invalid, "INBOX always exists");
  CPM_CHECK(check_new_path(path, limits));
  // Everything that makes or removes mailboxes holds the account row: two sessions cannot make the same path.
  CPM_TRY(lock, lock_account(tx, who.account));
  const auto components = split_path(path);
  const auto existing = existing_beginning(tx, who.account, components);
  if (existing.size() == components.size()) return fail(Failure::exists, "mailbox already exists");
  if (use != SpecialUse::none && !tx.exec(kUseTaken, who.account.value, static_cast<int>(use)).empty()) {
    return fail(Failure::use_attr, "another mailbox already has this special use");
  }
  return make_mailboxes(tx, lock, components, existing.size(), existing.empty() ? MailboxId{} : existing.back(), use,
                        limits);
}

Result<void> set_special_use(Transaction& tx, AccountId account, MailboxId mailbox, SpecialUse use) {
  const int number = static_cast<int>(use);
  if (use != SpecialUse::none && !tx.exec(kUseTakenByOther, account.value, number, mailbox.value).empty()) {
    return fail(Failure::use_attr, "another mailbox already has this special use");
  }
  if (tx.exec(kSetUse, account.value, mailbox.value, number).affected_rows() == 0) {
    return fail(Failure::not_found, "no such mailbox");
  }
  return {};
}

Result<void> delete_mailbox(Transaction& tx, const Grant& grant) {
  const std::int64_t account = grant.account().value;
  const std::int32_t id = grant.mailbox().id.value;
  if (!grant.holds(kDeleteMailbox)) return fail(Failure::denied, "no right to delete this mailbox");
  if (grant.mailbox().id == kInbox) return fail(Failure::invalid, "INBOX cannot be deleted");
  CPM_CHECK(lock_account(tx, grant.account()));
  const pqxx::result rows = tx.exec(kLockMailbox, account, id);
  if (rows.empty()) return fail(Failure::not_found, "no such mailbox");
  if (!tx.exec(kHasChildren, account, id).empty()) return fail(Failure::has_children, "mailbox has inferior mailboxes");
  const auto messages = rows[0][0].as<std::int64_t>();
  if (messages > 0) {
    tx.exec(kReleaseContent, account, id);
    tx.exec(kDeleteMessages, account, id);
  }
  tx.exec(kDeleteExpunged, account, id);
  tx.exec(kDropAnnotations, account, id);
  tx.exec(kDelete, account, id);
  tx.exec(kAccountDeleted, account, messages, rows[0][1].as<std::int64_t>());
  return {};
}

Result<std::vector<Renamed>> rename_mailbox(Transaction& tx, const Principal& who, const Grant& grant,
                                            std::string_view new_path, const Limits& limits) {
  if (!grant.holds(kDeleteMailbox)) return fail(Failure::denied, "no right to rename this mailbox");
  if ((account_rights(who) & kCreate) == 0) return fail(Failure::denied, "no right to create mailboxes");
  if (new_path == "INBOX") return fail(Failure::exists, "INBOX always exists");
  CPM_CHECK(check_new_path(new_path, limits));
  CPM_TRY(lock, lock_account(tx, grant.account()));
  const MailboxId id = grant.mailbox().id;
  if (id == kInbox) return rename_inbox(tx, who, grant, new_path, limits);

  const auto source = find_mailbox(tx, grant.account(), id);
  if (!source || source->path != grant.mailbox().path) return fail(Failure::not_found, "no such mailbox");
  const auto components = split_path(new_path);
  const auto existing = existing_beginning(tx, grant.account(), components);
  if (existing.size() == components.size()) return fail(Failure::exists, "mailbox already exists");
  if (std::find(existing.begin(), existing.end(), id) != existing.end()) {
    return fail(Failure::invalid, "a mailbox cannot be moved below itself");
  }
  const MailboxTree tree = read_tree(tx, grant.account());
  auto renamed = renamed_subtree(tree, id, source->path, new_path, limits);
  if (!renamed) return renamed;

  MailboxId parent = existing.empty() ? MailboxId{} : existing.back();
  if (existing.size() + 1 < components.size()) {
    const std::vector<std::string> parents(components.begin(), components.end() - 1);
    CPM_TRY(made, make_mailboxes(tx, lock, parents, existing.size(), parent, SpecialUse::none, limits));
    parent = made.id;
  }
  tx.exec(kMoveMailbox, grant.account().value, id.value, parent.value, components.back());
  return renamed;
}

}  // namespace cpm::schema
