#include "schema/acl.h"

#include "schema/acl_rows.h"
#include "schema/audit.h"
#include "schema/content_rows.h"
#include "schema/directory.h"
#include "schema/mailbox_rows.h"
#include "schema/owners.h"

#include <algorithm>

namespace cpm::schema {

namespace {

#define CPM_ACL_COLUMNS                                                                              \
  "kind, grantee, negative, rights, grantor, reason, floor(extract(epoch from granted_at))::bigint," \
  " floor(extract(epoch from expires_at))::bigint, expires_at is not null and expires_at <= clock_timestamp()"

constexpr Query kLock{"acl_lock", "select from account where account_id = $1 for no key update"};
constexpr Query kOwnerRights{
    "acl_owner_rights",
    "select coalesce(owner_rights, -1) from mailbox where account_id = $1 and mailbox_id = $2 for no key update"};
constexpr Query kSetOwnerRights{"acl_set_owner_rights",
                                "update mailbox set owner_rights = $3 where account_id = $1 and mailbox_id = $2"};

constexpr Query kList{"acl_list",
                      "select " CPM_ACL_COLUMNS
                      " from acl where account_id = $1 and mailbox_id = $2 order by negative, kind, grantee"};
constexpr Query kConcerning{
    "acl_concerning", "select " CPM_ACL_COLUMNS
                      " from acl where account_id = $1 and mailbox_id = $2"
                      " and (kind = 0 or (kind = 1 and grantee = $3) or (kind = 2 and grantee = any ($4::bigint[])))"
                      " order by negative, kind, grantee"};
constexpr Query kFind{"acl_find", "select " CPM_ACL_COLUMNS
                                  " from acl where account_id = $1 and mailbox_id = $2 and kind = $3 and grantee = $4"
                                  " and negative = $5"};
constexpr Query kCount{"acl_count",
                       "select count(*) from acl where account_id = $1 and mailbox_id = $2"
                       " and (expires_at is null or expires_at > clock_timestamp())"};
constexpr Query kPut{
    "acl_put",
    "insert into acl (account_id, mailbox_id, kind, grantee, negative, rights, grantor, reason, expires_at)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9))"
    " on conflict (account_id, mailbox_id, kind, grantee, negative) do update set rights = excluded.rights,"
    " grantor = excluded.grantor, reason = excluded.reason, expires_at = excluded.expires_at,"
    " granted_at = clock_timestamp()"};
constexpr Query kRemove{"acl_remove",
                        "delete from acl where account_id = $1 and mailbox_id = $2 and kind = $3 and grantee = $4"
                        " and negative = $5"};
constexpr Query kPace{"acl_pace",
                      "insert into acl_pace as p (account_id, since, made) values ($1, clock_timestamp(), 1)"
                      " on conflict (account_id) do update set"
                      " made = case when p.since < clock_timestamp() - interval '1 hour' then 1 else p.made + 1 end,"
                      " since = case when p.since < clock_timestamp() - interval '1 hour' then clock_timestamp()"
                      " else p.since end returning made"};

constexpr Query kInherit{"acl_inherit",
                         "insert into acl (account_id, mailbox_id, kind, grantee, negative, rights, grantor, reason,"
                         " granted_at, expires_at)"
                         " select $1, $3, kind, grantee, negative, rights, grantor, reason, granted_at, expires_at"
                         " from acl where account_id = $1 and mailbox_id = $2"
                         " and (expires_at is null or expires_at > clock_timestamp())"};
constexpr Query kInheritOwner{"acl_inherit_owner",
                              "update mailbox c set owner_rights = p.owner_rights from mailbox p"
                              " where c.account_id = $1 and c.mailbox_id = $3 and p.account_id = $1"
                              " and p.mailbox_id = $2 and p.owner_rights is not null"};

// The grantee's side: their account alone is named.
constexpr Query kHint{"share_hint", "select share_hint_v1($1, $2, $3, $4)"};
constexpr Query kStillShares{
    "acl_still_shares",
    "select from acl where account_id = $1 and kind = $2 and grantee = $3 and not negative limit 1"};

constexpr Query kAddresses{
    "acl_addresses", "select account_id, address from address where position = 0 and account_id = any ($1::bigint[])"};
constexpr Query kGroupNames{"acl_group_names",
                            "select group_id, name from acl_group where group_id = any ($1::bigint[])"};
constexpr Query kGroupByName{"acl_group_by_name", "select group_id from acl_group where name = $1"};
constexpr Query kFirstAddress{
    "acl_first_address",
    "select d.account_id, f.address from address d join address f on f.account_id = d.account_id"
    " and f.position = 0 where d.address = $1"};

constexpr Query kGrantees{"acl_grantees",
                          "select distinct kind, grantee from acl where account_id = $1 and not negative"};
constexpr Query kForgetOwn{"shared_to_forget", "delete from shared_to where account_id = $1 and kind = 1"};

// AclChange and AclExpired of the outbox, at the owner and at the account that was given something.
constexpr Query kEvent{"acl_event",
                       "select outbox_add_v1($1, $2, 0, $3, jsonb_strip_nulls(jsonb_build_object('path', $4::text,"
                       " 'identifier', $5::text, 'rights', $6::text, 'actor', $7::text, 'expires', $8::bigint)))"};
constexpr Query kEventOfReader{"acl_event_of_reader",
                               "select share_told_v1($1, $2, $3, jsonb_strip_nulls(jsonb_build_object('path', $4::text,"
                               " 'rights', $5::text, 'actor', $6::text, 'expires', $7::bigint)))"};

// The upkeep looks at all accounts; what it removes it removes account by account.
constexpr Query kExpired{
    "acl_expired", "select account_id from acl where expires_at <= clock_timestamp() order by expires_at limit 1"};
constexpr Query kSweep{"acl_sweep",
                       "delete from acl where account_id = $1 and (mailbox_id, kind, grantee, negative) in ("
                       " select mailbox_id, kind, grantee, negative from acl where account_id = $1"
                       " and expires_at <= clock_timestamp() order by expires_at limit $2)"
                       " and expires_at <= clock_timestamp() returning mailbox_id, kind, grantee"};

constexpr Rights kAlways = kLookup | kAdminister;  // of the owner

std::int16_t number(GranteeKind kind) { return static_cast<std::int16_t>(kind); }

struct Row {
  AclEntry entry;
  bool expired = false;
};

Row row_from(const pqxx::row& row) {
  Row out;
  AclEntry& entry = out.entry;
  entry.identifier.kind = static_cast<GranteeKind>(row[0].as<int>());
  entry.identifier.id = row[1].as<std::int64_t>();
  entry.negative = row[2].as<bool>();
  entry.rights = row[3].as<Rights>();
  entry.grantor = row[4].c_str();
  entry.reason = row[5].c_str();
  entry.granted = std::chrono::sys_seconds{std::chrono::seconds(row[6].as<std::int64_t>())};
  if (!row[7].is_null()) entry.expires = std::chrono::sys_seconds{std::chrono::seconds(row[7].as<std::int64_t>())};
  out.expired = row[8].as<bool>();
  return out;
}

// Gives the identifiers their text, and leaves out those that are of nobody any more.
void name_all(Transaction& tx, std::vector<Row>& rows) {
  std::vector<std::int64_t> accounts, groups;
  for (const Row& row : rows) {
    const AclIdentifier& identifier = row.entry.identifier;
    if (identifier.kind == GranteeKind::account) accounts.push_back(identifier.id);
    if (identifier.kind == GranteeKind::group) groups.push_back(identifier.id);
  }
  std::map<std::pair<GranteeKind, std::int64_t>, std::string> names;
  names[{GranteeKind::anyone, 0}] = "anyone";
  if (!accounts.empty()) {
    for (const auto& row : tx.exec(kAddresses, array(std::span<const std::int64_t>(accounts)))) {
      names[{GranteeKind::account, row[0].as<std::int64_t>()}] = row[1].c_str();
    }
  }
  if (!groups.empty()) {
    for (const auto& row : tx.exec(kGroupNames, array(std::span<const std::int64_t>(groups)))) {
      names[{GranteeKind::group, row[0].as<std::int64_t>()}] = std::string("group:") + row[1].c_str();
    }
  }
  std::erase_if(rows, [&](Row& row) {
    const auto name = names.find({row.entry.identifier.kind, row.entry.identifier.id});
    if (name == names.end()) return true;
    row.entry.identifier.text = name->second;
    return false;
  });
}

bool is_owner(const AclIdentifier& identifier, AccountId owner) {
  return identifier.kind == GranteeKind::account && identifier.id == owner.value;
}

std::optional<Row> find(Transaction& tx, MailboxRef mailbox, const AclIdentifier& identifier, bool negative) {
  const pqxx::result rows =
      tx.exec(kFind, mailbox.account.value, mailbox.id.value, number(identifier.kind), identifier.id, negative);
  if (rows.empty()) return std::nullopt;
  return row_from(rows[0]);
}

// After an entry went: is there another one, for which LIST must look at this owner?
void forget_hint(Transaction& tx, AccountId owner, GranteeKind kind, std::int64_t grantee) {
  if (!tx.exec(kStillShares, owner.value, number(kind), grantee).empty()) return;
  tx.exec(kHint, owner.value, number(kind), grantee, false);
}

void note_owner_rights(Transaction& tx, MailboxRef mailbox) {
  const AclIdentifier owner{GranteeKind::account, mailbox.account.value, {}};
  const auto given = find(tx, mailbox, owner, false);
  const auto taken = find(tx, mailbox, owner, true);
  const Rights rights =
      combine(given ? given->entry.rights : Rights{kAllRights}, taken ? taken->entry.rights : Rights{0}) | kAlways;
  std::optional<std::int32_t> stored;
  if (rights != kAllRights) stored = static_cast<std::int32_t>(rights);
  tx.exec(kSetOwnerRights, mailbox.account.value, mailbox.id.value, stored);
}

std::string grantor_of(const Principal& who) {
  return who.actor == who.address || who.address.empty() ? who.actor : who.actor + " for " + who.address;
}

Result<void> check_new(Transaction& tx, const Principal& who, MailboxRef mailbox, const Limits& limits) {
  const auto count = tx.exec(kCount, mailbox.account.value, mailbox.id.value)[0][0].as<std::size_t>();
  if (count >= limits.acl_entries) return fail(Failure::limit, "too many access control entries of this mailbox");
  if (who.role == Role::admin) return {};
  const auto made = tx.exec(kPace, mailbox.account.value)[0][0].as<std::size_t>();
  if (made > limits.acl_new_per_hour)
    return fail(Failure::limit, "too many new shares within an hour, try again later");
  return {};
}

constexpr int kAclChange = 10;
constexpr int kAclExpired = 11;

struct Event {
  int number = kAclChange;
  std::optional<std::string> identifier, rights, actor;
  std::optional<std::int64_t> expires;
};

void announce(Transaction& tx, MailboxRef mailbox, const std::string& own_path, const AclIdentifier& identifier,
              const Event& event) {
  tx.exec(kEvent, mailbox.account.value, mailbox.id.value, event.number, nullptr, event.identifier, event.rights,
          event.actor, event.expires);
  if (identifier.kind != GranteeKind::account || identifier.id == mailbox.account.value) return;
  const auto prefix = prefix_of(tx, mailbox.account);
  if (!prefix) return;
  tx.exec(kEventOfReader, mailbox.account.value, identifier.id, event.number, *prefix + own_path, event.rights,
          event.actor, event.expires);
}

// The one way in which entries change.
Result<bool> change(Transaction& tx, const Principal& who, const Grant& grant, const NewAclEntry& wanted,
                    const Limits* limits) {
  if (!grant.holds(kAdminister)) return fail(Failure::denied, "no right to administer this mailbox");
  const MailboxRef mailbox = grant.ref();
  const AclIdentifier& identifier = wanted.identifier;
  const bool owner = is_owner(identifier, mailbox.account);
  if (tx.exec(kLock, mailbox.account.value).empty() ||
      tx.exec(kOwnerRights, mailbox.account.value, mailbox.id.value).empty()) {
    return fail(Failure::not_found, "no such mailbox");
  }
  const auto row = find(tx, mailbox, identifier, wanted.negative);
  const bool there = row && !row->expired;
  AclEntry next;
  if (there) next = row->entry;
  const Rights before = there ? next.rights : owner && !wanted.negative ? Rights{kAllRights} : Rights{0};
  next.rights = wanted.change == AclChange::replace ? wanted.rights
                : wanted.change == AclChange::add   ? before | wanted.rights
                                                    : before & ~wanted.rights;
  if (owner && wanted.negative) next.rights &= ~kAlways;
  if (owner && !wanted.negative) next.rights |= kAlways;
  if (wanted.expires) next.expires = *wanted.expires;
  if (wanted.reason) next.reason = *wanted.reason;
  if (owner && next.expires) return fail(Failure::invalid, "the rights of the owner do not expire");
  if (wanted.expires && *wanted.expires && **wanted.expires <= std::chrono::system_clock::now()) {
    return fail(Failure::invalid, "the expiry is in the past");
  }
  if (next.reason.size() > kReasonOctets) return fail(Failure::limit, "the reason is too long");
  if (clean_text(next.reason) != next.reason) return fail(Failure::invalid, "the reason is not plain text");

  // All that the owner may do anyway is no entry, and no rights are none.
  const bool none = next.rights == 0 || (owner && !wanted.negative && limits == nullptr);
  if (none && !row) return false;
  if (none) {
    tx.exec(kRemove, mailbox.account.value, mailbox.id.value, number(identifier.kind), identifier.id, wanted.negative);
    if (!owner && !wanted.negative) forget_hint(tx, mailbox.account, identifier.kind, identifier.id);
  } else {
    const AclEntry& old = there ? row->entry : AclEntry{};
    if (there && old.rights == next.rights && old.expires == next.expires && old.reason == next.reason) return false;
    if (!there && !owner && limits != nullptr) CPM_CHECK(check_new(tx, who, mailbox, *limits));
    std::optional<std::int64_t> expires;
    if (next.expires) expires = next.expires->time_since_epoch().count();
    tx.exec(kPut, mailbox.account.value, mailbox.id.value, number(identifier.kind), identifier.id, wanted.negative,
            next.rights, grantor_of(who), next.reason, expires);
    if (!owner && !wanted.negative) tx.exec(kHint, mailbox.account.value, number(identifier.kind), identifier.id, true);
  }
  if (owner) note_owner_rights(tx, mailbox);
  Event event;
  event.identifier = (wanted.negative ? "-" : "") + identifier.text;
  event.rights = none ? std::string() : rights_text(next.rights);
  event.actor = grantor_of(who);
  if (!none && next.expires) event.expires = next.expires->time_since_epoch().count();
  announce(tx, mailbox, grant.mailbox().own_path(), identifier, event);
  AuditEntry entry;
  entry.command = AuditCommand::acl;
  entry.account = mailbox.account;
  entry.mailbox = mailbox.id;
  entry.path = grant.mailbox().own_path();
  const std::string old_rights = there ? std::string(rights_text(row->entry.rights)) : std::string();
  const std::string expires = event.expires ? std::to_string(*event.expires) : std::string();
  entry.detail = audit_detail({{"identifier", event.identifier.value_or("")},
                               {"rights", event.rights.value_or("")},
                               {"before", old_rights},
                               {"expires", expires},
                               {"reason", next.reason}});
  record(tx, who.via, entry);
  return true;
}

}  // namespace

Result<AclIdentifier> find_identifier(Transaction& tx, std::string_view text) {
  if (text == "anyone") return AclIdentifier{GranteeKind::anyone, 0, "anyone"};
  if (text.find('\0') != std::string_view::npos) return fail(Failure::not_found, "no such identifier");
  constexpr std::string_view kGroup = "group:";
  if (text.starts_with(kGroup)) {
    const pqxx::result rows = tx.exec(kGroupByName, text.substr(kGroup.size()));
    if (rows.empty()) return fail(Failure::not_found, "no such group");
    return AclIdentifier{GranteeKind::group, rows[0][0].as<std::int64_t>(), std::string(text)};
  }
  const auto address = canonical_address(text);
  if (!address) return fail(Failure::not_found, "no such user");
  const pqxx::result rows = tx.exec(kFirstAddress, *address);
  if (rows.empty()) return fail(Failure::not_found, "no such user");
  return AclIdentifier{GranteeKind::account, rows[0][0].as<std::int64_t>(), rows[0][1].c_str()};
}

Result<bool> set_acl(Transaction& tx, const Principal& who, const Grant& grant, const NewAclEntry& entry,
                     const Limits& limits) {
  return change(tx, who, grant, entry, &limits);
}

Result<bool> delete_acl(Transaction& tx, const Principal& who, const Grant& grant, const AclIdentifier& identifier,
                        bool negative) {
  NewAclEntry none;
  none.identifier = identifier;
  none.negative = negative;
  return change(tx, who, grant, none, nullptr);
}

Result<std::vector<AclEntry>> list_acl(Transaction& tx, const Grant& grant) {
  if (!grant.holds(kAdminister)) return fail(Failure::denied, "no right to administer this mailbox");
  const MailboxRef mailbox = grant.ref();
  std::vector<Row> rows;
  bool owner_said = false;
  for (const auto& row : tx.exec(kList, mailbox.account.value, mailbox.id.value)) {
    Row one = row_from(row);
    if (one.expired) continue;
    owner_said = owner_said || (is_owner(one.entry.identifier, mailbox.account) && !one.entry.negative);
    rows.push_back(std::move(one));
  }
  if (!owner_said) {
    Row owner;
    owner.entry.identifier = {GranteeKind::account, mailbox.account.value, {}};
    owner.entry.rights = kAllRights;
    rows.push_back(std::move(owner));
  }
  name_all(tx, rows);
  std::stable_partition(rows.begin(), rows.end(), [&](const Row& row) {
    return is_owner(row.entry.identifier, mailbox.account) && !row.entry.negative;
  });
  std::vector<AclEntry> out;
  for (Row& row : rows) out.push_back(std::move(row.entry));
  return out;
}

Result<void> inherit_acl(Transaction& tx, AccountId account, MailboxId parent, MailboxId child) {
  tx.exec(kInherit, account.value, parent.value, child.value);
  tx.exec(kInheritOwner, account.value, parent.value, child.value);
  return {};
}

void forget_shares(Transaction& tx, AccountId account) {
  for (const auto& row : tx.exec(kGrantees, account.value)) {
    tx.exec(kHint, account.value, row[0].as<int>(), row[1].as<std::int64_t>(), false);
  }
  tx.exec(kForgetOwn, account.value);
}

Result<AclExplanation> explain_acl(Transaction& tx, AccountId reader, const Grant& grant) {
  const MailboxRef mailbox = grant.ref();
  AclExplanation out;
  out.owner = reader == mailbox.account;
  const AclReader side(tx, reader);
  std::vector<Row> rows;
  const std::string groups = out.owner ? "{}" : side.groups();
  for (const auto& row : tx.exec(kConcerning, mailbox.account.value, mailbox.id.value, reader.value, groups)) {
    Row one = row_from(row);
    if (out.owner && one.entry.identifier.kind != GranteeKind::account) continue;
    rows.push_back(std::move(one));
  }
  name_all(tx, rows);
  bool owner_said = false;
  for (Row& row : rows) {
    if (!row.expired) {
      (row.entry.negative ? out.taken : out.granted) |= row.entry.rights;
      owner_said = owner_said || !row.entry.negative;
    }
    AclReason reason{std::move(row.entry), row.expired, {}};
    reason.through = reason.entry.identifier.kind == GranteeKind::anyone ? "anyone"
                     : reason.entry.identifier.kind == GranteeKind::account
                         ? "itself"
                         : "member of " + reason.entry.identifier.text;
    out.reasons.push_back(std::move(reason));
  }
  if (out.owner) {
    if (!owner_said) out.granted = kAllRights;
    out.effective = combine(out.granted, out.taken) | kAlways;
    return out;
  }
  const ShareState state = state_of(side.choices(tx, mailbox.account), mailbox.id);
  out.hidden = state == ShareState::hidden;
  out.refused = state == ShareState::refused;
  out.effective = out.refused ? Rights{0} : combine(out.granted, out.taken);
  return out;
}

Result<std::vector<ExpiredEntry>> sweep_acl(Transaction& tx, std::size_t most) {
  std::vector<ExpiredEntry> out;
  const pqxx::result first = tx.exec(kExpired);
  if (first.empty()) return out;
  const AccountId owner{first[0][0].as<std::int64_t>()};
  tx.exec(kLock, owner.value);
  for (const auto& row : tx.exec(kSweep, owner.value, most)) {
    out.push_back({owner, MailboxId{row[0].as<std::int32_t>()}, static_cast<GranteeKind>(row[1].as<int>()),
                   row[2].as<std::int64_t>()});
  }
  for (const ExpiredEntry& one : out) {
    forget_hint(tx, owner, one.kind, one.grantee);
    const auto mailbox = find_mailbox(tx, owner, one.mailbox);
    if (!mailbox) continue;
    std::vector<Row> named(1);
    named[0].entry.identifier = {one.kind, one.grantee, {}};
    name_all(tx, named);
    Event event;
    event.number = kAclExpired;
    if (!named.empty()) event.identifier = named[0].entry.identifier.text;
    announce(tx, mailbox->ref(), mailbox->path, {one.kind, one.grantee, {}}, event);
  }
  return out;
}

}  // namespace cpm::schema
