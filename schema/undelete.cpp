#include "schema/undelete.h"

#include "schema/acl.h"
#include "schema/audit.h"
#include "schema/mailbox_rows.h"
#include "schema/packed.h"
#include "schema/sql_refusal.h"

#include <charconv>
#include <map>

namespace cpm::schema {

namespace {

// $2 path or null, $3 what is below it begins with, $4, $5 from and to, $6 subject, $7 from, $8 Message-ID; $9 to $12:
// the last one told.
constexpr Query kList{
    "undelete_list",
    "select r.mailbox_id, r.number, m.uid, r.path, r.whole, (extract(epoch from r.removed_at) * 1000000)::bigint,"
    " floor(extract(epoch from m.internal_date))::bigint, m.size, m.flags, h.envelope, h.header, s.actor"
    " from removal r join removed_message m on m.account_id = $1 and m.mailbox_id = r.mailbox_id and m.number = "
    "r.number"
    " join content_head h on h.account_id = $1 and h.content_id = m.content_id"
    " left join audit_session s on s.account_id = $1 and s.session_id = r.session_id"
    " where r.account_id = $1 and ($2::text is null or r.path = $2 or starts_with(r.path, $3))"
    " and ($4::bigint is null or r.removed_at >= to_timestamp($4 / 1000000.0))"
    " and ($5::bigint is null or r.removed_at < to_timestamp($5 / 1000000.0))"
    " and ($6::text is null or h.header_text ~ ('(?n)^SUBJECT:.*' || $6))"
    " and ($7::text is null or h.header_text ~ ('(?n)^FROM:.*' || $7))"
    " and ($8::text is null or h.message_id = $8)"
    " and ($9::bigint is null or ((extract(epoch from r.removed_at) * 1000000)::bigint, r.mailbox_id, r.number, m.uid)"
    " < ($9, $10, $11, $12))"
    " order by r.removed_at desc, r.mailbox_id desc, r.number desc, m.uid desc limit $13"};

constexpr Query kRestore{
    "undelete_restore",
    "select uidvalidity, first_uid, modseq, uids from recorded_restore_v1($1, $2, $3, $4, $5, $6, $7,"
    " $8, $9, $10, $11)"};
constexpr Query kDeletedMailbox{
    "undelete_mailbox",
    "select r.mailbox_id, r.number from removal r where r.account_id = $1 and r.path = $2 and r.whole"
    " order by r.removed_at desc limit 1"};
constexpr Query kLock{"undelete_lock", "select from account where account_id = $1 for no key update"};

// Over all accounts, on purpose: whose time is over. The rest goes account by account.
constexpr Query kDue{"undelete_due",
                     "select account_id from removal where removed_at < now() - make_interval(secs => $1)"
                     " order by removed_at limit 100"};
constexpr Query kExpire{"undelete_expire", "select removal_expire_v1($1, now() - make_interval(secs => $2), $3)"};

// As a part of a regular expression that stands for itself.
std::optional<std::string> literal(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

Result<pqxx::result> restore(Transaction& tx, const Principal& who, const Grant& to, MailboxId mailbox,
                             std::int32_t number, const std::optional<std::string>& uids, const Limits& limits) {
  return refusable([&] {
    return tx.exec(kRestore, to.account().value, mailbox.value, number, uids, to.mailbox().id.value,
                   to.mailbox().own_path(), seconds_now(), limits.keywords_per_mailbox, limits.metadata_entries,
                   limits.metadata_account_octets, by(who.via, to.account()));
  });
}

void note(Restored& out, const pqxx::row& row) {
  const auto count = static_cast<std::uint32_t>(numbers_from(row[3]).size());
  const auto first = row[1].as<std::uint32_t>();
  out.uidvalidity = UidValidity{row[0].as<std::uint32_t>()};
  out.uids.add(first, first + count - 1);
  out.messages += count;
}

Result<void> check_target(const Principal& who, const Grant& to) {
  if (to.account() != who.account) return fail(Failure::denied, "only into a mailbox of the same store");
  if (!to.holds(kInsert)) return fail(Failure::denied, "no right to store in this mailbox");
  return {};
}

}  // namespace

std::string removed_id_text(const RemovedId& id) {
  return std::to_string(id.mailbox.value) + '-' + std::to_string(id.number) + '-' + std::to_string(id.uid);
}

std::optional<RemovedId> removed_id_from(std::string_view text) {
  RemovedId id;
  const char* const end = text.data() + text.size();
  const auto mailbox = std::from_chars(text.data(), end, id.mailbox.value);
  if (mailbox.ec != std::errc() || mailbox.ptr == end || *mailbox.ptr != '-') return std::nullopt;
  const auto number = std::from_chars(mailbox.ptr + 1, end, id.number);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != '-') return std::nullopt;
  const auto uid = std::from_chars(number.ptr + 1, end, id.uid);
  if (uid.ec != std::errc() || uid.ptr != end) return std::nullopt;
  if (id.mailbox.value <= 0 || id.number <= 0 || id.uid == 0 || id.uid > kMaxWireNumber) return std::nullopt;
  return id;
}

Result<std::vector<RemovedMessage>> list_removed(Transaction& tx, const Principal& who, const RemovedFilter& filter) {
  std::optional<std::string> path, message_id;
  if (!filter.mailbox.empty()) path = filter.mailbox;
  if (!filter.message_id.empty()) message_id = filter.message_id;
  std::optional<std::int64_t> at;
  RemovedId last;
  if (filter.after) {
    at = filter.after->first;
    last = filter.after->second;
  }
  std::vector<RemovedMessage> out;
  for (const auto& row : tx.exec(kList, who.account.value, path, filter.mailbox + '/', filter.since, filter.until,
                                 literal(filter.subject), literal(filter.from), message_id, at, last.mailbox.value,
                                 last.number, last.uid, filter.limit)) {
    RemovedMessage one;
    one.id = {MailboxId{row[0].as<std::int32_t>()}, row[1].as<std::int32_t>(), row[2].as<std::uint32_t>()};
    one.path = row[3].c_str();
    one.whole = row[4].as<bool>();
    one.removed_at = row[5].as<std::int64_t>();
    one.internal_date = std::chrono::sys_seconds(std::chrono::seconds(row[6].as<std::int64_t>()));
    one.size = row[7].as<std::uint64_t>();
    one.bits = row[8].as<std::uint32_t>();
    one.envelope = from_bytea(row[9]);
    one.header = from_bytea(row[10]);
    if (!row[11].is_null()) one.removed_by = row[11].c_str();
    out.push_back(std::move(one));
  }
  return out;
}

Result<Restored> restore_messages(Transaction& tx, const Principal& who, const Grant& to,
                                  const std::vector<RemovedId>& ids, const Limits& limits) {
  CPM_CHECK(check_target(who, to));
  // In the order in which they were removed, so that what was first comes first.
  std::map<std::pair<std::int32_t, std::int32_t>, UidSet> by_removal;
  for (const RemovedId& id : ids) by_removal[{id.number, id.mailbox.value}].add(id.uid);
  Restored out;
  out.mailbox = to.mailbox().id;
  out.path = to.mailbox().path;
  for (const auto& [removal, uids] : by_removal) {
    const std::vector<std::uint32_t> numbers = uids.numbers();
    CPM_TRY(rows, restore(tx, who, to, MailboxId{removal.second}, removal.first,
                          array(std::span<const std::uint32_t>(numbers)), limits));
    if (rows[0][3].is_null() || numbers_from(rows[0][3]).size() != numbers.size())
      return fail(Failure::not_found, "One of the messages cannot be restored any more");
    note(out, rows[0]);
  }
  return out;
}

Result<Restored> restore_mailbox(Transaction& tx, const Principal& who, std::string_view path, const Limits& limits) {
  tx.exec(kLock, who.account.value);
  const pqxx::result removal = tx.exec(kDeletedMailbox, who.account.value, path);
  if (removal.empty()) return fail(Failure::not_found, "No mailbox of this name can be restored");
  const MailboxId was{removal[0][0].as<std::int32_t>()};
  const auto number = removal[0][1].as<std::int32_t>();
  Restored out;
  auto to = authorize(tx, who, path, kInsert);
  if (!to && to.error().failure == Failure::not_found) {
    CPM_TRY(made, create_mailbox(tx, who, path, SpecialUse::none, limits));
    to = authorize(tx, who, made.ref(), kInsert);
    if (!to) return to.error();
    CPM_TRY(shared, restore_acl(tx, who, *to, was, number, limits));
    out.made = true;
    out.shared = std::move(shared);
  }
  if (!to) return to.error();
  CPM_CHECK(check_target(who, *to));
  CPM_TRY(rows, restore(tx, who, *to, was, number, std::nullopt, limits));
  if (rows[0][3].is_null()) return fail(Failure::not_found, "No mailbox of this name can be restored");
  out.mailbox = to->mailbox().id;
  out.path = to->mailbox().path;
  note(out, rows[0]);
  return out;
}

Result<std::size_t> expire_removed(Transaction& tx, std::chrono::seconds keep, std::size_t batch) {
  const pqxx::result due = tx.exec(kDue, keep.count());
  if (due.empty()) return std::size_t{0};
  return tx.exec(kExpire, due[0][0].as<std::int64_t>(), keep.count(), batch)[0][0].as<std::size_t>();
}

}  // namespace cpm::schema
