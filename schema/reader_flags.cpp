#include "schema/reader_flags.h"

#include "schema/packed.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr Query kOf{"reader_flags_of",
                    "select f.uid, f.flags, f.modseq from unnest($4::int[], $5::int[]) as r (lo, hi)"
                    " join reader_flags f on f.account_id = $1 and f.mailbox_id = $2 and f.reader = $3"
                    " and f.uid between r.lo and r.hi"};
constexpr Query kSince{"reader_flags_since",
                       "select uid, flags, modseq from reader_flags where account_id = $1 and mailbox_id = $2"
                       " and reader = $3 and modseq > $4"};
constexpr Query kPut{"reader_flags_put",
                     "insert into reader_flags (account_id, mailbox_id, reader, uid, flags, modseq)"
                     " select $1, $2, $3, t.uid, t.flags, $6 from unnest($4::int[], $5::int[]) as t (uid, flags)"
                     " on conflict (account_id, mailbox_id, reader, uid) do update set flags = excluded.flags,"
                     " modseq = excluded.modseq"};
constexpr Query kAdvance{"reader_flags_modseq", "select modseq from mailbox_advance_v1($1, $2, 0, 0, 0, 0, 0, 0)"};
constexpr Query kUnseen{
    "reader_flags_unseen",
    "select b.messages - (select count(*) from reader_flags f join message m on m.account_id = $1"
    " and m.mailbox_id = $2 and m.uid = f.uid where f.account_id = $1 and f.mailbox_id = $2"
    " and f.reader = $3 and f.flags & 1 <> 0) from mailbox b where b.account_id = $1 and b.mailbox_id = $2"};
// The upkeep: all accounts, each row beside the message of the same account.
constexpr Query kSweep{
    "reader_flags_sweep",
    "delete from reader_flags where ctid = any (array(select f.ctid from reader_flags f where not exists ("
    "select from message m where m.account_id = f.account_id and m.mailbox_id = f.mailbox_id"
    " and m.uid = f.uid) limit $1))"};

ReaderFlagsByUid from(const pqxx::result& rows) {
  ReaderFlagsByUid out;
  for (const auto& row : rows) {
    out.emplace(row[0].as<std::uint32_t>(),
                ReaderFlags{row[1].as<std::uint32_t>(), ModSeq{row[2].as<std::uint64_t>()}});
  }
  return out;
}

}  // namespace

ReaderFlagsByUid reader_flags(Transaction& tx, const MailboxRow& mailbox, const UidSet& uids) {
  const RangeArrays ranges(uids);
  if (ranges.empty) return {};
  return from(tx.exec(kOf, mailbox.account.value, mailbox.id.value, mailbox.reader.value, ranges.lo, ranges.hi));
}

ReaderFlagsByUid reader_flags_since(Transaction& tx, const MailboxRow& mailbox, ModSeq since) {
  const auto bound = std::min<std::uint64_t>(since.value, kMaxWireNumber);
  return from(tx.exec(kSince, mailbox.account.value, mailbox.id.value, mailbox.reader.value, bound));
}

void see_as_reader(MessageFlags& message, const ReaderFlagsByUid& flags) {
  message.bits &= ~kReaderFlags;
  const auto own = flags.find(message.uid.value);
  if (own == flags.end()) return;
  message.bits |= own->second.bits & kReaderFlags;
  message.modseq = std::max(message.modseq, own->second.modseq);
}

void put_reader_flags(Transaction& tx, const MailboxRow& mailbox, const std::vector<ReaderChange>& changes,
                      ModSeq modseq) {
  if (changes.empty()) return;
  std::vector<std::uint32_t> uids, bits;
  for (const ReaderChange& change : changes) {
    uids.push_back(change.uid);
    bits.push_back(change.bits & kReaderFlags);
  }
  tx.exec(kPut, mailbox.account.value, mailbox.id.value, mailbox.reader.value,
          array(std::span<const std::uint32_t>(uids)), array(std::span<const std::uint32_t>(bits)), modseq.value);
}

ModSeq take_modseq(Transaction& tx, const MailboxRow& mailbox) {
  return ModSeq{tx.exec(kAdvance, mailbox.account.value, mailbox.id.value)[0][0].as<std::uint64_t>()};
}

std::uint32_t unseen_of(Transaction& tx, const MailboxRow& mailbox) {
  if (!mailbox.reader) return mailbox.unseen;
  const pqxx::result rows = tx.exec(kUnseen, mailbox.account.value, mailbox.id.value, mailbox.reader.value);
  return rows.empty() ? 0 : static_cast<std::uint32_t>(std::max<std::int64_t>(0, rows[0][0].as<std::int64_t>()));
}

Result<std::size_t> sweep_reader_flags(Transaction& tx, std::size_t most) {
  return static_cast<std::size_t>(tx.exec(kSweep, most).affected_rows());
}

}  // namespace cpm::schema
