#include "schema/sort_rows.h"

#include "schema/packed.h"

#include <algorithm>

namespace cpm::schema {

namespace {

#define CPM_SORT_COLUMNS "m.uid, m.content_id, m.size, date_part('epoch', m.internal_date)::bigint"
// As in fetch_rows.cpp: each range one descent of the primary key, each message one more.
#define CPM_SORT_MESSAGES                                                 \
  " from unnest($3::int[], $4::int[]) as r (lo, hi) cross join lateral (" \
  "select i.uid, i.content_id, i.size, i.internal_date from message i"    \
  " where i.account_id = $1 and i.mailbox_id = $2 and i.uid between r.lo and r.hi offset 0) m"
#define CPM_SORT_HEAD                                                             \
  " cross join lateral (select i.sent_at, i.sort_keys, i.header, i.header_octets" \
  " from content_head i where i.account_id = $1 and i.content_id = m.content_id offset 0) h"

constexpr Query kOfMessage{"sort_message", "select " CPM_SORT_COLUMNS CPM_SORT_MESSAGES};
constexpr Query kOfDates{
    "sort_dates",
    "select " CPM_SORT_COLUMNS
    ", floor(date_part('epoch', coalesce(h.sent_at, m.internal_date)))::bigint" CPM_SORT_MESSAGES CPM_SORT_HEAD};
constexpr Query kOfKeys{
    "sort_keys", "select " CPM_SORT_COLUMNS
                 ", floor(date_part('epoch', coalesce(h.sent_at, m.internal_date)))::bigint, h.sort_keys,"
                 " case when h.sort_keys is null then h.header end, h.header_octets" CPM_SORT_MESSAGES CPM_SORT_HEAD};

constexpr Query kOfThreads{
    "sort_threads",
    "select " CPM_SORT_COLUMNS
    ", floor(date_part('epoch', coalesce(h.sent_at, m.internal_date)))::bigint, h.thread_id, h.imdn_id,"
    " h.contribution_id, o.in_reply_to, o.reports_on" CPM_SORT_MESSAGES
    " cross join lateral (select i.sent_at, i.thread_id, i.imdn_id, i.contribution_id from content_head i"
    " where i.account_id = $1 and i.content_id = m.content_id offset 0) h"
    " left join lateral (select i.in_reply_to, i.reports_on from cpm_object i"
    " where i.account_id = $1 and i.content_id = m.content_id offset 0) o on true"};

#undef CPM_SORT_COLUMNS
#undef CPM_SORT_MESSAGES
#undef CPM_SORT_HEAD

const Query& statement(SortColumns columns) {
  switch (columns) {
    case SortColumns::message: return kOfMessage;
    case SortColumns::dates: return kOfDates;
    case SortColumns::keys: return kOfKeys;
    case SortColumns::threads: return kOfThreads;
  }
  return kOfKeys;
}

SortRow row_from(const BinaryRows& result, std::size_t row, SortColumns columns) {
  SortRow out;
  out.uid = Uid{static_cast<std::uint32_t>(result.number(row, 0))};
  out.content = ContentId{result.number(row, 1)};
  out.size = static_cast<std::uint64_t>(result.number(row, 2));
  out.internal_date = result.number(row, 3);
  if (columns == SortColumns::message) return out;
  out.sent = result.number(row, 4);
  if (columns == SortColumns::dates) return out;
  if (columns == SortColumns::threads) {
    if (!result.is_null(row, 5)) out.thread = result.number(row, 5);
    out.imdn_id = result.octets(row, 6);
    out.contribution_id = result.octets(row, 7);
    out.in_reply_to = result.octets(row, 8);
    out.reports_on = result.octets(row, 9);
    return out;
  }
  out.keys = result.octets(row, 5);
  out.header = result.octets(row, 6);
  out.header_octets = static_cast<std::uint64_t>(result.number(row, 7));
  return out;
}

}  // namespace

Result<SortRows> sort_rows(Transaction& tx, const Grant& grant, const UidSet& uids, SortColumns columns) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  const RangeArrays ranges(uids);
  SortRows out{BinaryRows(nullptr), {}};
  if (ranges.empty) return out;
  out.result =
      tx.exec_binary(statement(columns), grant.account().value, grant.mailbox().id.value, ranges.lo, ranges.hi);
  out.rows.reserve(out.result.size());
  for (std::size_t i = 0; i < out.result.size(); ++i) out.rows.push_back(row_from(out.result, i, columns));
  const auto by_uid = [](const SortRow& a, const SortRow& b) { return a.uid < b.uid; };
  if (!std::is_sorted(out.rows.begin(), out.rows.end(), by_uid)) std::sort(out.rows.begin(), out.rows.end(), by_uid);
  return out;
}

}  // namespace cpm::schema
