#include "schema/metadata.h"

#include "base/policy.h"
#include "schema/mailbox_rows.h"

#include <algorithm>
#include <map>
#include <span>

namespace cpm::schema {

namespace {

constexpr std::string_view kSpecialUseEntry = "/private/specialuse";
constexpr Rights kAnyContent = kRead | kKeepSeen | kWrite | kInsert | kPost;
constexpr int kNewsPage = 300;
constexpr int kRemembered = 1000;  // removals of one account that sessions can still hear of

constexpr Query kList{"metadata_list",
                      "select spelling, octet_length(value)::bigint from metadata where account_id = $1"
                      " and mailbox_id = $2 and owner_id in (0, $3) and value is not null"
                      " and ($4::text[] is null or entry = any($4::text[])) order by entry"};
constexpr Query kValues{"metadata_read",
                        "select entry, value from metadata where account_id = $1 and mailbox_id = $2"
                        " and owner_id in (0, $3) and value is not null and entry = any($4::text[])"};

constexpr Query kOfMailboxes{"metadata_of_mailboxes",
                             "select mailbox_id, entry, value from metadata where account_id = $1 and mailbox_id > 0"
                             " and owner_id in (0, $2) and value is not null and entry = any($3::text[])"};

// The lock of the account comes with the number.
constexpr Query kNextChange{"metadata_next_change",
                            "update account set metadata_changes = metadata_changes + 1 where account_id = $1"
                            " returning metadata_changes"};
constexpr Query kNewestChange{"metadata_newest_change", "select metadata_changes from account where account_id = $1"};
constexpr Query kMailboxLives{"metadata_mailbox",
                              "select from mailbox where account_id = $1 and mailbox_id = $2 for key share"};
constexpr Query kPut{"metadata_put",
                     "insert into metadata as m (account_id, mailbox_id, owner_id, entry, spelling, changed, value)"
                     " select $1, $2, t.owner, lower(t.spelling), t.spelling, $3, t.value"
                     " from unnest($4::bigint[], $5::text[], $6::bytea[]) as t (owner, spelling, value)"
                     " on conflict (account_id, mailbox_id, owner_id, entry) do update"
                     " set spelling = excluded.spelling, changed = excluded.changed, value = excluded.value"};
constexpr Query kRemove{"metadata_remove",
                        "update metadata set value = null, changed = $4 where account_id = $1 and mailbox_id = $2"
                        " and owner_id in (0, $3) and entry = any($5::text[]) and value is not null"};
constexpr Query kNote{"metadata_note",
                      "insert into metadata as m (account_id, mailbox_id, owner_id, entry, spelling, changed)"
                      " values ($1, $2, $3, lower($4), $4, $5) on conflict (account_id, mailbox_id, owner_id, entry)"
                      " do update set changed = excluded.changed"};
constexpr Query kForget{"metadata_forget",
                        "delete from metadata where account_id = $1 and value is null and changed <= (select changed"
                        " from metadata where account_id = $1 and value is null order by changed desc offset $2"
                        " limit 1)"};
constexpr Query kTotals{"metadata_totals",
                        "select count(*) filter (where mailbox_id = $2 and owner_id = 0),"
                        " count(*) filter (where mailbox_id = $2 and owner_id = $3), count(*),"
                        " coalesce(sum(octet_length(entry) + octet_length(value)), 0)"
                        " from metadata where account_id = $1 and value is not null"};
constexpr Query kCopy{"metadata_copy",
                      "insert into metadata (account_id, mailbox_id, owner_id, entry, spelling, changed, value)"
                      " select $1, $3, owner_id, entry, spelling, $4, value from metadata where account_id = $1"
                      " and mailbox_id = $2 and value is not null"};
constexpr Query kNews{"metadata_news",
                      "select mailbox_id, entry, spelling, changed from metadata where account_id = $1"
                      " and changed >= $2 and (changed, mailbox_id, entry) > ($2, $3, $4) and owner_id in (0, $5)"
                      " order by changed, mailbox_id, entry limit $6"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// "\Drafts": as CREATE takes it, at most one (RFC 6154 4).
Result<SpecialUse> use_from(std::string_view value) {
  SpecialUse use = SpecialUse::none;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(' '), value.size());
    const std::string_view name = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    if (name.empty()) continue;
    const auto known = special_use_from(name);
    if (!known || *known == SpecialUse::all || *known == SpecialUse::flagged) {
      return fail(Failure::use_attr, "This special use cannot be given to a mailbox");
    }
    if (use != SpecialUse::none && use != *known) return fail(Failure::use_attr, "Only one special use per mailbox");
    use = *known;
  }
  return use;
}

struct Totals {
  std::uint64_t shared = 0, own = 0, all = 0, octets = 0;
};

Totals totals(Transaction& tx, AccountId account, MailboxId mailbox, AccountId user) {
  const pqxx::result rows = tx.exec(kTotals, account.value, mailbox.value, user.value);
  return {rows[0][0].as<std::uint64_t>(), rows[0][1].as<std::uint64_t>(), rows[0][2].as<std::uint64_t>(),
          rows[0][3].as<std::uint64_t>()};
}

// What was above a bound before may stay or shrink.
Result<void> check_totals(const Totals& before, const Totals& after, const Limits& limits) {
  const auto over = [](std::uint64_t was, std::uint64_t is, std::uint64_t bound) { return is > bound && is > was; };
  if (over(before.shared, after.shared, limits.metadata_entries) ||
      over(before.own, after.own, limits.metadata_entries) ||
      over(before.all, after.all, limits.metadata_account_entries)) {
    return fail(Failure::too_many, "Too many annotations");
  }
  if (over(before.octets, after.octets, limits.metadata_account_octets)) {
    return fail(Failure::over_quota, "Annotations of this account take too much room");
  }
  return {};
}

Result<std::int64_t> next_change(Transaction& tx, AccountId account) {
  const pqxx::result rows = tx.exec(kNextChange, account.value);
  if (rows.empty()) return fail(Failure::not_found, "no such account");
  return rows[0][0].as<std::int64_t>();
}

}  // namespace

MetadataEntry::MetadataEntry(std::string spelling) : spelling_(std::move(spelling)), key_(lower(spelling_)) {}

bool covers(std::string_view root, MetadataDepth depth, std::string_view key) {
  if (key == root) return true;
  if (depth == MetadataDepth::itself) return false;
  if (!key.starts_with(root) || key.size() <= root.size() || key[root.size()] != '/') return false;
  return depth == MetadataDepth::all || key.find('/', root.size() + 1) == std::string_view::npos;
}

Result<MetadataAccess> metadata_of(const Principal& who, const Grant& grant) {
  if ((grant.rights() & kAnyContent) == 0) return fail(Failure::denied, "no right to the annotations of this mailbox");
  MetadataAccess access;
  access.account_ = grant.account();
  access.mailbox_ = grant.mailbox().id;
  access.user_ = who.account;
  access.writable_ = true;
  // What a mailbox is for is the owner's word.
  const bool own = who.account == grant.account();
  if (own) access.use_ = grant.mailbox().use;
  access.sets_use_ = own && grant.holds(kCreate);
  return access;
}

MetadataAccess metadata_of_server(const Principal& who) {
  MetadataAccess access;
  access.account_ = access.user_ = who.account;
  access.writable_ = (account_rights(who) & kAdminister) != 0;
  return access;
}

// The statements, with the keys that the access proves.
class MetadataTable {
 public:
  MetadataTable(Transaction& tx, const MetadataAccess& access) : tx_(tx), access_(access) {}

  std::vector<MetadataItem> list(const std::vector<std::string>& keys) {
    std::vector<MetadataItem> items;
    const auto wanted = [&](std::string_view key) {
      return keys.empty() || std::find(keys.begin(), keys.end(), key) != keys.end();
    };
    for (const auto& row : execute(kList, parameter(keys))) {
      items.push_back({MetadataEntry(row[0].c_str()), row[1].as<std::uint64_t>()});
    }
    if (access_.use_ != SpecialUse::none && wanted(kSpecialUseEntry)) {
      items.push_back({MetadataEntry(std::string(kSpecialUseEntry)), special_use_name(access_.use_).size()});
      std::sort(items.begin(), items.end(),
                [](const MetadataItem& a, const MetadataItem& b) { return a.entry.key() < b.entry.key(); });
    }
    return items;
  }

  std::vector<MetadataValue> read(const std::vector<std::string>& keys) {
    std::vector<MetadataValue> values;
    const BinaryRows rows = tx_.exec_binary(kValues, access_.account_.value, access_.mailbox_.value,
                                            access_.user_.value, array(std::span(keys)));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      values.push_back({std::string(rows.octets(i, 0)), std::string(rows.octets(i, 1))});
    }
    const bool use = std::find(keys.begin(), keys.end(), kSpecialUseEntry) != keys.end();
    if (use && access_.use_ != SpecialUse::none) {
      values.push_back({std::string(kSpecialUseEntry), std::string(special_use_name(access_.use_))});
    }
    return values;
  }

  Result<std::int64_t> set(const std::vector<MetadataChange>& changes, const Limits& limits) {
    if (!access_.writable_) return fail(Failure::denied, "no right to change annotations of the server");
    CPM_TRY(change, next_change(tx_, access_.account_));
    const bool gone = access_.mailbox_ && execute_mailbox(kMailboxLives).empty();
    if (gone) return fail(Failure::not_found, "no such mailbox");
    std::map<std::string_view, const MetadataChange*> last;
    for (const MetadataChange& one : changes) last[one.entry.key()] = &one;
    std::vector<std::int64_t> owners;
    std::vector<std::string> spellings, removed;
    std::vector<std::string_view> values;
    for (const auto& [key, one] : last) {
      if (access_.mailbox_ && key == kSpecialUseEntry) {
        CPM_CHECK(set_use(one->value.value_or(std::string()), change));
      } else if (one->value) {
        owners.push_back(one->entry.is_private() ? access_.user_.value : 0);
        spellings.push_back(one->entry.spelling());
        values.push_back(*one->value);
      } else {
        removed.emplace_back(key);
      }
    }
    note_policies(last, change);
    const Totals before = totals(tx_, access_.account_, access_.mailbox_, access_.user_);
    if (!removed.empty() && execute(kRemove, change, array(std::span(removed))).affected_rows() > 0) {
      tx_.exec(kForget, access_.account_.value, kRemembered);
    }
    if (!values.empty()) {
      tx_.exec(kPut, access_.account_.value, access_.mailbox_.value, change,
               array(std::span<const std::int64_t>(owners)), array(std::span(spellings)),
               bytea_array(std::span<const std::string_view>(values)));
      CPM_CHECK(check_totals(before, totals(tx_, access_.account_, access_.mailbox_, access_.user_), limits));
    }
    return change;
  }

 private:
  static std::optional<std::string> parameter(const std::vector<std::string>& keys) {
    if (keys.empty()) return std::nullopt;
    return array(std::span(keys));
  }
  template <class... Args>
  pqxx::result execute(const Query& query, const Args&... args) {
    return tx_.exec(query, access_.account_.value, access_.mailbox_.value, access_.user_.value, args...);
  }
  pqxx::result execute_mailbox(const Query& query) {
    return tx_.exec(query, access_.account_.value, access_.mailbox_.value);
  }

  // With what the user prefers, what is in force may change.
  void note_policies(const std::map<std::string_view, const MetadataChange*>& changes, std::int64_t change) {
    if (access_.mailbox_) return;
    for (const auto& [key, one] : changes) {
      if (!key.starts_with(kPolicyPreference)) continue;
      const std::string in_force = std::string(kPolicyInForce) + std::string(key.substr(kPolicyPreference.size()));
      tx_.exec(kNote, access_.account_.value, 0, 0, in_force, change);
    }
  }

  Result<void> set_use(const std::string& value, std::int64_t change) {
    if (!access_.sets_use_) return fail(Failure::denied, "no right to give a special use");
    CPM_TRY(use, use_from(value));
    CPM_CHECK(set_special_use(tx_, access_.account_, access_.mailbox_, use));
    execute(kNote, kSpecialUseEntry, change);
    return {};
  }

  Transaction& tx_;
  const MetadataAccess& access_;
};

Result<std::vector<MetadataItem>> list_metadata(Transaction& tx, const MetadataAccess& access,
                                                const std::vector<std::string>& keys) {
  return MetadataTable(tx, access).list(keys);
}

Result<std::vector<MetadataValue>> read_metadata(Transaction& tx, const MetadataAccess& access,
                                                 const std::vector<std::string>& keys) {
  if (keys.empty()) return std::vector<MetadataValue>{};
  return MetadataTable(tx, access).read(keys);
}

Result<MetadataOfMailboxes> metadata_of_mailboxes(Transaction& tx, const Principal& who,
                                                  const std::vector<MailboxRow>& rows,
                                                  const std::vector<std::string>& keys) {
  MetadataOfMailboxes out;
  const Rights rights = account_rights(who);
  if ((rights & kLookup) == 0 || (rights & kAnyContent) == 0) return out;
  const bool use = std::find(keys.begin(), keys.end(), kSpecialUseEntry) != keys.end();
  for (const MailboxRow& row : rows) {
    auto& values = out[row.id];
    if (use && row.use != SpecialUse::none) values.emplace(kSpecialUseEntry, special_use_name(row.use));
  }
  const BinaryRows found = tx.exec_binary(kOfMailboxes, who.account.value, who.account.value, array(std::span(keys)));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto mailbox = out.find(MailboxId{static_cast<std::int32_t>(found.number(i, 0))});
    if (mailbox == out.end()) continue;
    mailbox->second.emplace(std::string(found.octets(i, 1)), std::string(found.octets(i, 2)));
  }
  return out;
}

Result<std::int64_t> set_metadata(Transaction& tx, const MetadataAccess& access,
                                  const std::vector<MetadataChange>& changes, const Limits& limits) {
  return MetadataTable(tx, access).set(changes, limits);
}

Result<std::int64_t> note_metadata(Transaction& tx, AccountId account, const std::string& entry) {
  CPM_TRY(change, next_change(tx, account));
  tx.exec(kNote, account.value, 0, 0, entry, change);
  return change;
}

Result<void> copy_metadata(Transaction& tx, AccountId account, MailboxId from, MailboxId to, const Limits& limits) {
  CPM_TRY(change, next_change(tx, account));
  const Totals before = totals(tx, account, to, account);
  if (tx.exec(kCopy, account.value, from.value, to.value, change).affected_rows() == 0) return {};
  return check_totals(before, totals(tx, account, to, account), limits);
}

Result<MetadataNewsPage> metadata_news(Transaction& tx, const Principal& who, const MetadataCursor& after) {
  MetadataNewsPage page;
  page.end = after;
  std::map<std::int32_t, std::optional<std::string>> paths;  // none: not to be seen
  const pqxx::result rows =
      tx.exec(kNews, who.account.value, after.change, after.mailbox, after.key, who.account.value, kNewsPage);
  for (const auto& row : rows) {
    const MailboxId mailbox{row[0].as<std::int32_t>()};
    page.end = {row[3].as<std::int64_t>(), mailbox.value, row[1].c_str()};
    const auto [known, fresh] = paths.try_emplace(mailbox.value);
    if (fresh && !mailbox) known->second = std::string();
    if (fresh && mailbox) {
      const auto grant = authorize(tx, who, mailbox, kLookup);
      if (grant && metadata_of(who, *grant)) known->second = grant->mailbox().path;
    }
    if (known->second) page.items.push_back({page.end, *known->second, row[2].c_str()});
  }
  page.more = rows.size() == static_cast<pqxx::result::size_type>(kNewsPage);
  return page;
}

Result<std::int64_t> newest_metadata_change(Transaction& tx, const Principal& who) {
  const pqxx::result rows = tx.exec(kNewestChange, who.account.value);
  if (rows.empty()) return fail(Failure::not_found, "no such account");
  return rows[0][0].as<std::int64_t>();
}

}  // namespace cpm::schema
