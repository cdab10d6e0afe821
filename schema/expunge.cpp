#include "schema/messages.h"
#include "schema/packed.h"

namespace cpm::schema {

namespace {

constexpr Query kRemove{"expunge", "select highestmodseq, uids from recorded_expunge_v2($1, $2, $3, $4, $5, $6, $7)"};

}  // namespace

Result<ExpungeResult> expunge(Transaction& tx, const Grant& grant, const std::optional<UidSet>& only) {
  if (!grant.holds(kExpunge)) return fail(Failure::denied, "no right to expunge this mailbox");
  const RangeArrays ranges(only ? *only : UidSet{{1, kMaxWireNumber}});
  if (ranges.empty) return ExpungeResult{{}, grant.mailbox().highestmodseq};
  const pqxx::result rows =
      tx.exec(kRemove, grant.account().value, grant.mailbox().id.value, ranges.lo, ranges.hi,
              grant.mailbox().own_path(), by(grant.via(), grant.account()), grant.via() && grant.via()->keeps_removed);
  return ExpungeResult{uids_from(numbers_from(rows[0][1])), ModSeq{rows[0][0].as<std::uint64_t>()}};
}

}  // namespace cpm::schema
