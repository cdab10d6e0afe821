#include "schema/access.h"
#include "schema/acl.h"
#include "schema/audit.h"
#include "schema/mailbox_rows.h"
#include "schema/mailboxes.h"
#include "schema/messages.h"
#include "schema/metadata.h"
#include "schema/owners.h"
#include "schema/sql_refusal.h"

#include <algorithm>
#include <chrono>

namespace cpm::schema {

namespace {

constexpr Query kLockAccount{
    "account_lock_mailboxes",
    "select next_mailbox, next_uidvalidity, mailboxes, least(limit_mailboxes, 2147483647),"
    " quota_roots > 0 or limit_mailboxes is not null from account where account_id = $1 for no key update"};

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

// Before its messages go: they can be restored.
constexpr Query kKeep{"mailbox_keep", "select mailbox_keep_v1($1, $2, $3, $4)"};

constexpr Query kReleaseContent{"mailbox_release_content",
                                "select content_refer_v1($1, array(select content_id from message where account_id = $1"
                                " and mailbox_id = $2), -1)"};

constexpr Query kDeleteMessages{"mailbox_delete_messages", "select message_remove_v1($1, $2, null)"};
constexpr Query kDeleteExpunged{"mailbox_delete_expunged",
                                "delete from expunged where account_id = $1 and mailbox_id = $2"};
constexpr Query kDropAnnotations{"mailbox_drop_annotations", "select annotations_drop_v1($1, $2)"};
// Keywords and annotations go with it, by foreign keys.
constexpr Query kDelete{"mailbox_delete", "delete from mailbox where account_id = $1 and mailbox_id = $2"};

constexpr Query kRelease{"mailbox_release", "select mailbox_release_v1($1, $2)"};
constexpr Query kPlace{"mailbox_quota_place", "select quota_place_v1($1, $2)"};
constexpr Query kLevel{"account_quota_level", "select account_level_v1($1, false)"};

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

AuditEntry entry_of(AuditCommand command, const MailboxRow& mailbox) {
  AuditEntry entry;
  entry.command = command;
  entry.account = mailbox.account;
  entry.mailbox = mailbox.id;
  entry.path = mailbox.own_path();
  return entry;
}

// What was made, with the missing parents: their ids come before it, one after the other.
void record_made(Transaction& tx, const ActorRef& actor, const MailboxRow& made,
                 const std::vector<std::string>& components, std::size_t from) {
  std::string path;
  for (std::size_t i = 0; i < components.size(); ++i) {
    path += (i == 0 ? "" : "/") + components[i];
    if (i < from) continue;
    AuditEntry entry = entry_of(AuditCommand::create, made);
    entry.mailbox.value -= static_cast<std::int32_t>(components.size() - 1 - i);
    entry.path = path;
    if (i + 1 == components.size() && made.use != SpecialUse::none)
      entry.detail = audit_detail({{"use", special_use_name(made.use)}});
    entry.event = AuditEvent::mailbox_create;
    record(tx, actor, entry);
  }
}

void record_renamed(Transaction& tx, const ActorRef& actor, const MailboxRow& now, const std::string& old_path) {
  AuditEntry entry = entry_of(AuditCommand::rename, now);
  entry.detail = audit_detail({{"from", old_path}});
  entry.event = AuditEvent::mailbox_rename;
  record(tx, actor, entry);
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

Error no_create() { return fail(Failure::denied, "no right to create this mailbox"); }

// `k` on the nearest mailbox above (RFC 4314 4). What cannot be seen is not told to exist.
Result<void> may_create(Transaction& tx, const Principal& who, const OwnedPath& place, std::size_t levels,
                        const std::vector<MailboxId>& existing) {
  if (existing.size() == levels) {
    if (!authorize(tx, who, MailboxRef{place.account, existing.back()}, kLookup)) return no_create();
    return fail(Failure::exists, "mailbox already exists");
  }
  if (existing.empty()) {
    const bool owner = place.prefix.empty();
    return owner && (account_rights(who) & kCreate) != 0 ? Result<void>() : no_create();
  }
  if (!authorize(tx, who, MailboxRef{place.account, existing.back()}, kCreate)) return no_create();
  return {};
}

// INBOX stays, its messages move (RFC 9051 6.3.6).
Result<std::vector<Renamed>> rename_inbox(Transaction& tx, const Principal& who, const Grant& inbox,
                                          std::string_view new_path, const Limits& limits) {
  CPM_TRY(made, create_mailbox(tx, who, new_path, SpecialUse::none, limits));
  CPM_TRY(target, authorize(tx, who, made.ref(), kInsert));
  CPM_CHECK(copy_metadata(tx, inbox.account(), kInbox, made.id, limits));
  // Read again under the lock of the account: nothing is deposited any more.
  const auto now = find_mailbox(tx, inbox.account(), kInbox);
  UidSet all;
  if (now && now->messages > 0) all.add(1, now->uidnext.value - 1);
  if (!all.empty()) CPM_CHECK(move_messages(tx, inbox, all, target, limits));
  record_renamed(tx, who.via, target.mailbox(), "INBOX");
  return std::vector<Renamed>{{inbox.mailbox().path, std::string(new_path)}};
}

}  // namespace

Result<AccountLock> lock_account(Transaction& tx, AccountId account) {
  const pqxx::result rows = tx.exec(kLockAccount, account.value);
  if (rows.empty()) return fail(Failure::not_found, "no such account");
  AccountLock lock{
      account,      rows[0][0].as<std::int32_t>(), rows[0][1].as<std::uint32_t>(), rows[0][2].as<std::uint32_t>(),
      std::nullopt, rows[0][4].as<bool>()};
  if (!rows[0][3].is_null()) lock.limit_mailboxes = rows[0][3].as<std::uint32_t>();
  return lock;
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
  if (lock.limit_mailboxes && lock.mailboxes + count > *lock.limit_mailboxes) {
    tx.quota_news().refused = QuotaPlace{lock.account};
    return fail(Failure::over_quota, "the limit of this account is reached");
  }
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
  if (lock.metered) {
    CPM_CHECK(
        refusable([&] { return tx.exec(kPlace, lock.account.value, array(std::span<const std::int64_t>(ids))); }));
    tx.exec(kLevel, lock.account.value);
  }
  for (std::size_t i = 0; parent && i < count; ++i) {
    CPM_CHECK(inherit_acl(tx, lock.account, MailboxId{static_cast<std::int32_t>(parents[i])},
                          MailboxId{static_cast<std::int32_t>(ids[i])}));
  }

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
  const auto place = owner_of(tx, who, path);
  // As for one who shares nothing: whether there is such an account is not told.
  if (!place || place->path.empty()) return no_create();
  if (place->path == "INBOX")
    return place->prefix.empty() ? fail(Failure::invalid, "INBOX always exists") : no_create();
  const auto components = split_path(place->path);
  if (!place->prefix.empty()) {
    // A stranger does not make the owner wait for a lock, nor learn from what is wrong with a name that there is an
    // owner.
    tx.admit(who.account, place->account);
    const auto there = existing_beginning(tx, place->account, components);
    CPM_CHECK(may_create(tx, who, *place, components.size(), there));
  }
  CPM_CHECK(check_new_path(place->path, limits));
  // Everything that makes or removes mailboxes holds the account row: two sessions cannot make the same path.
  CPM_TRY(lock, lock_account(tx, place->account));
  const auto existing = existing_beginning(tx, place->account, components);
  CPM_CHECK(may_create(tx, who, *place, components.size(), existing));
  if (use != SpecialUse::none && !place->prefix.empty()) {
    return fail(Failure::denied, "what a mailbox is for its owner alone says");
  }
  if (use != SpecialUse::none && !tx.exec(kUseTaken, place->account.value, static_cast<int>(use)).empty()) {
    return fail(Failure::use_attr, "another mailbox already has this special use");
  }
  CPM_TRY(made, make_mailboxes(tx, lock, components, existing.size(), existing.empty() ? MailboxId{} : existing.back(),
                               use, limits));
  record_made(tx, who.via, made, components, existing.size());
  made.path.insert(0, place->prefix);
  made.prefix = static_cast<std::uint32_t>(place->prefix.size());
  if (!place->prefix.empty()) made.reader = who.account;
  return std::move(made);
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
  // Also when it is empty: what was expunged in it before needs the names of its keywords.
  const bool kept = grant.via() && grant.via()->keeps_removed;
  if (kept) tx.exec(kKeep, account, id, grant.mailbox().own_path(), by(grant.via(), grant.account()));
  if (messages > 0) {
    if (!kept) tx.exec(kReleaseContent, account, id);
    tx.exec(kDeleteMessages, account, id);
  }
  tx.exec(kDeleteExpunged, account, id);
  tx.exec(kDropAnnotations, account, id);
  tx.exec(kRelease, account, id);
  tx.exec(kDelete, account, id);
  AuditEntry entry = entry_of(AuditCommand::remove, grant.mailbox());
  entry.messages = static_cast<std::uint32_t>(messages);
  entry.octets = rows[0][1].as<std::uint64_t>();
  entry.detail = "{\"validity\": " + std::to_string(grant.mailbox().uidvalidity.value) + "}";
  entry.event = AuditEvent::mailbox_delete;
  record(tx, grant.via(), entry);
  return {};
}

Result<std::vector<Renamed>> rename_mailbox(Transaction& tx, const Principal& who, const Grant& grant,
                                            std::string_view new_path, const Limits& limits) {
  if (!grant.holds(kDeleteMailbox)) return fail(Failure::denied, "no right to rename this mailbox");
  const auto place = owner_of(tx, who, new_path);
  if (!place || place->account != grant.account()) {
    return fail(Failure::unsupported, "a mailbox cannot be moved to another account");
  }
  if (place->path == "INBOX") return fail(Failure::exists, "INBOX always exists");
  CPM_CHECK(check_new_path(place->path, limits));
  CPM_TRY(lock, lock_account(tx, grant.account()));
  const MailboxId id = grant.mailbox().id;
  if (id == kInbox) return rename_inbox(tx, who, grant, new_path, limits);

  const auto source = find_mailbox(tx, grant.account(), id);
  if (!source || source->path != grant.mailbox().own_path()) return fail(Failure::not_found, "no such mailbox");
  const auto components = split_path(place->path);
  const auto existing = existing_beginning(tx, grant.account(), components);
  CPM_CHECK(may_create(tx, who, *place, components.size(), existing));
  if (std::find(existing.begin(), existing.end(), id) != existing.end()) {
    return fail(Failure::invalid, "a mailbox cannot be moved below itself");
  }
  const MailboxTree tree = read_tree(tx, grant.account());
  auto renamed = renamed_subtree(tree, id, source->path, place->path, limits);
  if (!renamed) return renamed;
  for (Renamed& one : *renamed) {
    one.from.insert(0, place->prefix);
    one.to.insert(0, place->prefix);
  }

  if (!place->prefix.empty()) {  // what the reader cannot see moves along and is not told
    const auto hidden = [&](const Renamed& one) { return !authorize(tx, who, one.from, kLookup); };
    renamed->erase(std::remove_if(renamed->begin() + 1, renamed->end(), hidden), renamed->end());
  }

  MailboxId parent = existing.empty() ? MailboxId{} : existing.back();
  if (existing.size() + 1 < components.size()) {
    const std::vector<std::string> parents(components.begin(), components.end() - 1);
    CPM_TRY(made, make_mailboxes(tx, lock, parents, existing.size(), parent, SpecialUse::none, limits));
    record_made(tx, who.via, made, parents, existing.size());
    parent = made.id;
  }
  tx.exec(kMoveMailbox, grant.account().value, id.value, parent.value, components.back());
  if (lock.metered) {
    std::vector<std::int64_t> moved{id.value};
    for (const MailboxId child : tree.below(id)) moved.push_back(child.value);
    CPM_CHECK(
        refusable([&] { return tx.exec(kPlace, lock.account.value, array(std::span<const std::int64_t>(moved))); }));
  }
  MailboxRow now = grant.mailbox();
  now.path = place->path;
  now.prefix = 0;
  record_renamed(tx, who.via, now, source->path);
  return renamed;
}

}  // namespace cpm::schema
