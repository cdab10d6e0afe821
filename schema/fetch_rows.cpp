#include "schema/fetch.h"
#include "schema/packed.h"

#include <algorithm>

namespace cpm::schema {

namespace {

// Each range is one descent of the primary key, and each message at most three more, whatever the statistics say: the
// OFFSET 0 keeps the planner from turning this into a scan of the account.
#define CPM_FETCH_COLUMNS                                                                               \
  "m.uid, m.content_id, m.size, date_part('epoch', m.internal_date)::bigint, floor(date_part('epoch', " \
  "m.save_date))::bigint"
#define CPM_FETCH_MESSAGES                                                          \
  " from unnest($3::int[], $4::int[]) as r (lo, hi) cross join lateral ("           \
  "select i.uid, i.content_id, i.size, i.internal_date, i.save_date from message i" \
  " where i.account_id = $1 and i.mailbox_id = $2 and i.uid between r.lo and r.hi offset 0) m"
#define CPM_FETCH_BYTES                                                                                          \
  "(select string_agg(c.data, '' order by c.n) from content_chunk c where c.account_id = $1 and c.content_id = " \
  "m.content_id)"

constexpr Query kNarrow{"fetch_narrow", "select " CPM_FETCH_COLUMNS CPM_FETCH_MESSAGES};

constexpr Query kBytes{"fetch_bytes", "select " CPM_FETCH_COLUMNS ", case when m.size <= $5 then " CPM_FETCH_BYTES
                                      " end" CPM_FETCH_MESSAGES};

constexpr Query kHead{
    "fetch_head",
    "select " CPM_FETCH_COLUMNS ", case when $6 & 32 <> 0 and m.size <= $5 then " CPM_FETCH_BYTES
    " end,"
    " h.header_octets, h.envelope, h.body, h.body_structure, h.part_map, h.header, h.conversation_id,"
    " h.contribution_id, h.imdn_id, h.message_id, h.direction, h.thread_id,"
    " case when $6 & 256 <> 0 then (select p.preview from preview p where p.account_id = $1"
    " and p.content_id = m.content_id) end" CPM_FETCH_MESSAGES
    " cross join lateral (select i.header_octets,"
    " case when $6 & 1 <> 0 then i.envelope end as envelope, case when $6 & 2 <> 0 then i.body end as body,"
    " case when $6 & 4 <> 0 then i.body_structure end as body_structure,"
    " case when $6 & 8 <> 0 then i.part_map end as part_map, case when $6 & 16 <> 0 then i.header end as header,"
    " case when $6 & 64 <> 0 then i.conversation_id end as conversation_id,"
    " case when $6 & 64 <> 0 then i.contribution_id end as contribution_id,"
    " case when $6 & 64 <> 0 then i.imdn_id end as imdn_id,"
    " case when $6 & 64 <> 0 then i.message_id end as message_id, i.direction,"
    " case when $6 & 128 <> 0 then i.thread_id end as thread_id"
    " from content_head i where i.account_id = $1 and i.content_id = m.content_id offset 0) h"};

#undef CPM_FETCH_COLUMNS
#undef CPM_FETCH_MESSAGES
#undef CPM_FETCH_BYTES

// The numbers stand in kHead.
static_assert(kColumnEnvelope == 1 && kColumnBody == 2 && kColumnBodyStructure == 4 && kColumnPartMap == 8 &&
              kColumnHeader == 16 && kColumnBytes == 32 && kColumnFacts == 64 && kColumnThread == 128 &&
              kColumnPreview == 256);
constexpr std::uint32_t kHeadColumns = kColumnEnvelope | kColumnBody | kColumnBodyStructure | kColumnPartMap |
                                       kColumnHeader | kColumnFacts | kColumnThread | kColumnPreview;

std::chrono::sys_seconds time_from(std::int64_t seconds) {
  return std::chrono::sys_seconds{std::chrono::seconds{seconds}};
}

MessageRow row_from(const BinaryRows& rows, std::size_t row, std::uint32_t columns, std::uint64_t inline_limit) {
  const auto octets = [&](int column) { return std::string(rows.octets(row, column)); };
  MessageRow out;
  out.uid = Uid{static_cast<std::uint32_t>(rows.number(row, 0))};
  out.content = ContentId{rows.number(row, 1)};
  out.size = static_cast<std::uint64_t>(rows.number(row, 2));
  out.internal_date = time_from(rows.number(row, 3));
  out.save_date = time_from(rows.number(row, 4));
  // An empty message has no chunk.
  if ((columns & kColumnBytes) != 0 && out.size <= inline_limit) out.bytes = octets(5);
  if ((columns & kHeadColumns) == 0) return out;
  out.header_octets = static_cast<std::uint64_t>(rows.number(row, 6));
  out.envelope = octets(7);
  out.body = octets(8);
  out.body_structure = octets(9);
  out.part_map = octets(10);
  out.header = octets(11);
  if ((columns & kColumnFacts) != 0) {
    out.facts.conversation_id = octets(12);
    out.facts.contribution_id = octets(13);
    out.facts.imdn_message_id = octets(14);
    out.facts.message_id = octets(15);
    out.facts.direction = static_cast<Direction>(rows.number(row, 16));
  }
  if ((columns & kColumnThread) != 0 && !rows.is_null(row, 17)) out.thread = rows.number(row, 17);
  if ((columns & kColumnPreview) != 0 && !rows.is_null(row, 18)) out.preview = octets(18);
  return out;
}

BinaryRows select_rows(Transaction& tx, const Grant& grant, const RangeArrays& ranges, std::uint32_t columns,
                       std::uint64_t limit) {
  const std::int64_t account = grant.account().value;
  const std::int32_t mailbox = grant.mailbox().id.value;
  if ((columns & kHeadColumns) != 0) {
    return tx.exec_binary(kHead, account, mailbox, ranges.lo, ranges.hi, limit, columns);
  }
  if ((columns & kColumnBytes) != 0) return tx.exec_binary(kBytes, account, mailbox, ranges.lo, ranges.hi, limit);
  return tx.exec_binary(kNarrow, account, mailbox, ranges.lo, ranges.hi);
}

}  // namespace

Result<std::vector<MessageRow>> fetch_rows(Transaction& tx, const Grant& grant, const UidSet& uids,
                                           std::uint32_t columns, std::uint64_t inline_limit) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  std::vector<MessageRow> out;
  const RangeArrays ranges(uids);
  if (ranges.empty) return out;
  const auto limit = std::min<std::uint64_t>(inline_limit, kMaxWireNumber);
  const BinaryRows rows = select_rows(tx, grant, ranges, columns, limit);
  out.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(row_from(rows, i, columns, limit));
  const auto by_uid = [](const MessageRow& a, const MessageRow& b) { return a.uid < b.uid; };
  if (!std::is_sorted(out.begin(), out.end(), by_uid)) std::sort(out.begin(), out.end(), by_uid);
  return out;
}

}  // namespace cpm::schema
