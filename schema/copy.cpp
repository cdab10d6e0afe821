#include "schema/annotations.h"
#include "schema/messages.h"
#include "schema/packed.h"
#include "schema/sql_refusal.h"

namespace cpm::schema {

namespace {

constexpr Query kCopy{
    "copy",
    "select uidvalidity, first_uid, source_modseq, uids from copy_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
    " $13, $14)"};

// What the target may get (RFC 4314 4: flags without the right are not copied).
std::uint32_t flag_mask(const Grant& to) {
  std::uint32_t mask = 0;
  if (to.holds(kKeepSeen)) mask |= kSeen;
  if (to.holds(kDeleteMessage)) mask |= kDeleted;
  if (to.holds(kWrite)) mask |= 0x7fffffff & ~(kSeen | kDeleted);
  return mask;
}

Result<CopyResult> copy(Transaction& tx, const Grant& from, const UidSet& uids, const Grant& to, bool move,
                        const Limits& limits, AccountId user) {
  if (from.account() != to.account()) return fail(Failure::unsupported, "messages cannot be copied to another account");
  const RangeArrays ranges(uids);
  CopyResult out{to.mailbox().uidvalidity, {}, {}, from.mailbox().highestmodseq};
  if (ranges.empty) return out;
  std::optional<std::int64_t> whose;
  if (user) whose = user.value;
  CPM_TRY(rows, refusable([&] {
            return tx.exec(kCopy, from.account().value, from.mailbox().id.value, to.mailbox().id.value, ranges.lo,
                           ranges.hi, move, flag_mask(to), to.holds(kWrite), seconds_now(), limits.keywords_per_mailbox,
                           whose, to.holds(kRead), to.holds(kAnnotateShared), limits.metadata_account_octets);
          }));
  const pqxx::row row = rows[0];
  out.uidvalidity = UidValidity{row[0].as<std::uint32_t>()};
  if (!row[2].is_null()) out.source_modseq = ModSeq{row[2].as<std::uint64_t>()};
  const auto copied = numbers_from(row[3]);
  if (copied.empty()) return out;
  const auto first = row[1].as<std::uint32_t>();
  out.source = uids_from(copied);
  out.target.add(first, first + static_cast<std::uint32_t>(copied.size()) - 1);
  return out;
}

}  // namespace

Result<CopyResult> copy_messages(Transaction& tx, const Grant& from, const UidSet& uids, const Grant& to,
                                 const Limits& limits, AccountId user) {
  if (!from.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  if (!to.holds(kInsert)) return fail(Failure::denied, "no right to store in the target mailbox");
  return copy(tx, from, uids, to, false, limits, user);
}

Result<CopyResult> move_messages(Transaction& tx, const Grant& from, const UidSet& uids, const Grant& to,
                                 const Limits& limits, AccountId user) {
  if (!from.holds(kRead | kExpunge | kDeleteMessage))
    return fail(Failure::denied, "no right to remove messages from this mailbox");
  if (!to.holds(kInsert)) return fail(Failure::denied, "no right to store in the target mailbox");
  return copy(tx, from, uids, to, true, limits, user);
}

}  // namespace cpm::schema
