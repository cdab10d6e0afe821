#include "schema/annotations.h"

#include "schema/audit.h"
#include "schema/fetch.h"
#include "schema/flag_rows.h"
#include "schema/packed.h"
#include "schema/sql_refusal.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr std::size_t kPartsPage = 500;  // messages whose parts are looked at in one statement
constexpr std::int64_t kMostChanged = 10000;

// The ranges stand in a LATERAL with OFFSET 0: each is one descent of the primary key.
constexpr Query kReadSome{
    "annotations_read",
    "select a.uid, a.owner_id, a.entry, octet_length(a.value), case when octet_length(a.value) <= $8::bigint then "
    "a.value"
    " end from unnest($3::int[], $4::int[]) as r (lo, hi) cross join lateral (select i.uid, i.owner_id, i.entry, "
    "i.value"
    " from message_annotation i where i.account_id = $1 and i.mailbox_id = $2 and i.uid between r.lo and r.hi"
    " and i.owner_id = any ($5::bigint[]) and i.value is not null and ($6::boolean or i.entry = any ($7::text[]))"
    " offset 0) a order by a.uid, a.entry, a.owner_id <> 0 desc"};
constexpr Query kOne{"annotation_read",
                     "select value from message_annotation where account_id = $1 and mailbox_id = $2 and uid = $3"
                     " and owner_id = $4 and entry = $5 and value is not null"};
constexpr Query kLockAccount{"account_lock_annotate", "select from account where account_id = $1 for no key update"};
constexpr Query kPut{"annotations_put",
                     "select modseq, changed from annotations_put_v1($1, $2, $3, $4, $5, $6::bytea[], $7, $8, $9)"};
constexpr Query kChanged{
    "annotations_changed",
    "select distinct a.uid, a.entry from annotation_by_modseq a where a.account_id = $1"
    " and a.mailbox_id = $2 and (a.mailbox_id::bigint << 32 | a.modseq) > ($2::bigint << 32 | $3::bigint)"
    " and (a.mailbox_id::bigint << 32 | a.modseq) < ($2::bigint + 1) << 32"
    " and a.modseq <> all ($4::bigint[])"
    " and a.owner_id in (0, $5) order by a.uid, a.entry limit $6"};

// bytea[] with NULL for what has no value.
std::string value_array(const std::vector<AnnotationChange>& changes) {
  std::string out = "{";
  for (const AnnotationChange& change : changes) {
    if (out.size() > 1) out += ',';
    if (!change.value) {
      out += "NULL";
      continue;
    }
    const std::string_view value = *change.value;
    std::string one = bytea_array(std::span(&value, 1));
    out.append(one, 1, one.size() - 2);
  }
  return out += '}';
}

// What the rights allow (RFC 5257 3.4).
Result<void> check_rights(const Grant& grant, const std::vector<AnnotationChange>& changes) {
  for (const AnnotationChange& change : changes) {
    const bool shared = !change.owner;
    if (!grant.holds(shared ? kAnnotateShared : kRead)) {
      return fail(Failure::denied,
                  shared ? "no right to change shared annotations" : "no right to private annotations");
    }
  }
  return {};
}

// The MODSEQ that it took, none when nothing changed, and what changed.
struct Put {
  std::optional<ModSeq> modseq;
  std::vector<std::uint32_t> changed;
};
Result<Put> put(Transaction& tx, const Grant& grant, const std::vector<std::uint32_t>& uids,
                const std::vector<AnnotationChange>& changes, std::optional<ModSeq> modseq, const Limits& limits) {
  std::vector<std::int64_t> owners;
  std::vector<std::string> entries;
  for (const AnnotationChange& change : changes) {
    owners.push_back(change.owner.value);
    entries.push_back(change.entry);
  }
  std::optional<std::uint64_t> given;
  if (modseq) given = modseq->value;
  // What readers add is paid by the owner, who must have room left.
  const std::size_t most =
      grant.own() ? limits.metadata_entries : std::max<std::size_t>(limits.metadata_entries / 10, 10);
  const std::uint64_t octets = grant.own() ? limits.metadata_account_octets : limits.metadata_account_octets / 2;
  CPM_TRY(rows, refusable([&] {
            return tx.exec(kPut, grant.account().value, grant.mailbox().id.value,
                           array(std::span<const std::uint32_t>(uids)), array(std::span<const std::int64_t>(owners)),
                           array(std::span<const std::string>(entries)), value_array(changes), given, most, octets);
          }));
  Put out;
  if (rows[0][1].is_null()) return out;
  out.modseq = ModSeq{rows[0][0].as<std::uint64_t>()};
  out.changed = numbers_from(rows[0][1]);
  return out;
}

}  // namespace

Result<std::vector<MessageAnnotations>> read_annotations(Transaction& tx, const Grant& grant, AccountId user,
                                                         const UidSet& uids, const AnnotationsWanted& wanted) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  std::vector<MessageAnnotations> out;
  const RangeArrays ranges(uids);
  std::vector<std::int64_t> owners;
  if (wanted.shared) owners.push_back(0);
  if (wanted.of_user) owners.push_back(user.value);
  if (ranges.empty || owners.empty()) return out;
  const auto most = std::min<std::uint64_t>(wanted.inline_octets, std::uint64_t{1} << 40);
  const BinaryRows rows =
      tx.exec_binary(kReadSome, grant.account().value, grant.mailbox().id.value, ranges.lo, ranges.hi,
                     array(std::span<const std::int64_t>(owners)), wanted.entries.empty(),
                     array(std::span<const std::string>(wanted.entries)), most);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Uid uid{static_cast<std::uint32_t>(rows.number(i, 0))};
    if (out.empty() || out.back().uid != uid) out.push_back({uid, {}});
    AnnotationValue& value = out.back().values.emplace_back();
    value.shared = rows.number(i, 1) == 0;
    value.entry = rows.octets(i, 2);
    value.octets = static_cast<std::uint64_t>(rows.number(i, 3));
    if (value.octets <= most) value.value = std::string(rows.octets(i, 4));
  }
  return out;
}

Result<std::optional<std::string>> read_annotation(Transaction& tx, const Grant& grant, AccountId user, Uid uid,
                                                   const std::string& entry, bool shared) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  const BinaryRows rows =
      tx.exec_binary(kOne, grant.account().value, grant.mailbox().id.value, uid.value, shared ? 0 : user.value, entry);
  if (rows.empty()) return std::optional<std::string>();
  return std::optional(std::string(rows.octets(0, 0)));
}

Result<void> check_parts(Transaction& tx, const Grant& grant, const UidSet& uids, const PartCheck& check) {
  const std::vector<std::uint32_t> all = uids.numbers();
  for (std::size_t begin = 0; begin < all.size(); begin += kPartsPage) {
    UidSet page;
    for (std::size_t i = begin; i < std::min(all.size(), begin + kPartsPage); ++i) page.add(all[i]);
    CPM_TRY(rows, fetch_rows(tx, grant, page, kColumnPartMap, 0));
    for (const MessageRow& row : rows) {
      if (!check(row.part_map)) return fail(Failure::bad_syntax, "There is no such body part");
    }
  }
  return {};
}

Result<StoreResult> store_annotations(Transaction& tx, const Grant& grant, const AnnotateRequest& request,
                                      const Limits& limits) {
  CPM_CHECK(check_rights(grant, request.changes));
  StoreResult out;
  out.highestmodseq = grant.mailbox().highestmodseq;
  const RangeArrays ranges(request.uids);
  if (ranges.empty) return out;
  tx.exec(kLockAccount, grant.account().value);
  const pqxx::result locked =
      tx.exec(kLockFlags, grant.account().value, grant.mailbox().id.value, ranges.lo, ranges.hi);
  out.highestmodseq = ModSeq{locked[0][0].as<std::uint64_t>()};
  std::vector<std::uint32_t> uids;
  UidSet set;
  for (FlagRow& row : flag_rows_from(locked[0])) {
    if (request.unchanged_since && row.message.modseq > *request.unchanged_since) {
      out.modified.add(row.message.uid.value);
      continue;
    }
    uids.push_back(row.message.uid.value);
    set.add(row.message.uid.value);
    out.messages.push_back(std::move(row.message));
  }
  if (uids.empty()) return out;
  if (request.parts) CPM_CHECK(check_parts(tx, grant, set, request.parts));
  CPM_TRY(done, put(tx, grant, uids, request.changes, std::nullopt, limits));
  if (!done.modseq) return out;
  out.highestmodseq = *done.modseq;
  out.changed = uids_from(done.changed);
  AuditEntry entry;
  entry.command = AuditCommand::annotate;
  entry.account = grant.account();
  entry.mailbox = grant.mailbox().id;
  entry.path = grant.mailbox().own_path();
  entry.uids = out.changed.to_string();
  entry.messages = static_cast<std::uint32_t>(out.changed.size());
  record(tx, grant.via(), entry);
  for (MessageFlags& message : out.messages) {
    if (out.changed.contains(message.uid.value)) message.modseq = *done.modseq;
  }
  return out;
}

Result<void> annotate_deposited(Transaction& tx, const Grant& grant, Uid uid, ModSeq modseq,
                                const std::vector<AnnotationChange>& changes, const Limits& limits) {
  CPM_CHECK(check_rights(grant, changes));
  const std::vector<std::uint32_t> uids{uid.value};
  CPM_CHECK(put(tx, grant, uids, changes, modseq, limits));
  return {};
}

Result<std::vector<ChangedAnnotation>> changed_annotations(Transaction& tx, const Grant& grant, AccountId user,
                                                           ModSeq since, const std::vector<std::int64_t>& own) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  std::vector<ChangedAnnotation> out;
  const auto bound = std::min<std::uint64_t>(since.value, kMaxWireNumber);
  for (const auto& row : tx.exec(kChanged, grant.account().value, grant.mailbox().id.value, bound,
                                 array(std::span<const std::int64_t>(own)), user.value, kMostChanged)) {
    out.push_back({Uid{row[0].as<std::uint32_t>()}, row[1].c_str()});
  }
  return out;
}

}  // namespace cpm::schema
