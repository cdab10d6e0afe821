#include "schema/search.h"

#include "schema/fetch.h"
#include "schema/packed.h"
#include "schema/search_pattern.h"

#include <algorithm>
#include <optional>

namespace cpm::schema {

namespace {

// The candidates, one descent of the primary key a range (OFFSET 0: never a scan of the mailbox once per range).
#define CPM_CANDIDATES(columns)                                                                 \
  " from unnest($3::int[], $4::int[]) as r (lo, hi) cross join lateral (select i.uid, " columns \
  " from message i where i.account_id = $1 and i.mailbox_id = $2 and i.uid between r.lo and r.hi offset 0) m"
#define CPM_HEAD(columns)                        \
  " cross join lateral (select " columns         \
  " from content_head i where i.account_id = $1" \
  " and i.content_id = m.content_id offset 0) h"
#define CPM_TEXT                                                                                    \
  " cross join lateral (select i.complete, i.body_text from content_text i where i.account_id = $1" \
  " and i.content_id = m.content_id offset 0) t"

// Everything that is compared is compared with a half-open interval, null: no bound.
constexpr Query kBySize{
    "search_size",
    "select string_agg(int4send(m.uid), '')" CPM_CANDIDATES(
        "i.size") " where ($5::bigint is null or m.size >= $5::bigint) and ($6::bigint is null or m.size < "
                  "$6::bigint)"};
constexpr Query kByInternalDate{"search_internal_date",
                                "select string_agg(int4send(m.uid), '')" CPM_CANDIDATES("i.internal_date")
                                " where ($5::bigint is null or m.internal_date >= to_timestamp($5::bigint))"
                                " and ($6::bigint is null or m.internal_date < to_timestamp($6::bigint))"};
constexpr Query kBySaveDate{"search_save_date",
                            "select string_agg(int4send(m.uid), '')" CPM_CANDIDATES("i.save_date")
                            " where ($5::bigint is null or m.save_date >= to_timestamp($5::bigint))"
                            " and ($6::bigint is null or m.save_date < to_timestamp($6::bigint))"};
constexpr Query kBySentDate{"search_sent_date",
                            "select string_agg(int4send(m.uid), '')" CPM_CANDIDATES("i.content_id") CPM_HEAD("i.sent_date")
                            " where ($5::int is null or h.sent_date - date '1970-01-01' >= $5::int)"
                            " and ($6::int is null or h.sent_date - date '1970-01-01' < $6::int) and h.sent_date is not null"};

// LIKE first, which is cheap; the expression keeps field and value on one line.
constexpr Query kByField{
    "search_field",
    "select string_agg(int4send(m.uid), '')" CPM_CANDIDATES("i.content_id")
        CPM_HEAD("i.header_text") " where case when h.header_text like $5 then h.header_text ~ $6 else false end"};
constexpr Query kByHeader{"search_header", "select string_agg(int4send(m.uid), '')" CPM_CANDIDATES("i.content_id")
                                               CPM_HEAD("i.header_text") " where h.header_text like $5"};

// The second value: those whose stored text is cut short and does not decide.
constexpr Query kByBody{"search_body",
                        "select string_agg(int4send(s.uid), '') filter (where s.hit),"
                        " string_agg(int4send(s.uid), '') filter (where not s.hit and not s.complete)"
                        " from (select m.uid, t.complete, t.body_text like $5 as hit" CPM_CANDIDATES("i.content_id")
                            CPM_TEXT " offset 0) s"};
constexpr Query kByText{
    "search_text",
    "select string_agg(int4send(s.uid), '') filter (where s.hit),"
    " string_agg(int4send(s.uid), '') filter (where not s.hit and not s.complete)"
    " from (select m.uid, t.complete,"
    "  case when $6::boolean and h.header_text like $5 then true else t.body_text like $5 end as hit" CPM_CANDIDATES(
        "i.content_id") CPM_HEAD("i.header_text") CPM_TEXT " offset 0) s"};

#undef CPM_CANDIDATES
#undef CPM_HEAD
#undef CPM_TEXT

UidSet packed_uids(const pqxx::field& field) {
  std::vector<std::uint32_t> uids;
  for (Unpacker packed(field); !packed.done();) uids.push_back(packed.number());
  std::sort(uids.begin(), uids.end());
  return uids_from(uids);
}

struct Interval {
  std::optional<std::int64_t> from, to;  // [from, to)
};

// `next`: the first value behind those that count as equal.
Interval interval(Compare compare, std::int64_t value, std::int64_t next) {
  switch (compare) {
    case Compare::less: return {std::nullopt, value};
    case Compare::equal: return {value, next};
    case Compare::greater: return {next, std::nullopt};
    case Compare::less_equal: return {std::nullopt, next};
    case Compare::greater_equal: return {value, std::nullopt};
  }
  return {};
}

constexpr std::int64_t kDay = 86400;

// Dates that PostgreSQL can hold: years 1 to 9999 are what IMAP can name.
std::int64_t days(std::chrono::sys_days day) {
  return std::clamp<std::int64_t>(day.time_since_epoch().count(), -719162, 2932896);
}

class Matcher {
 public:
  Matcher(Transaction& tx, const Grant& grant, const UidSet& candidates, const FullTextCheck& full_text)
      : tx_(tx), grant_(grant), candidates_(candidates), ranges_(candidates), full_text_(full_text) {}

  Result<UidSet> operator()(const SizeIs& leaf) {
    const auto octets = static_cast<std::int64_t>(std::min<std::uint64_t>(leaf.octets, std::uint64_t{1} << 62));
    return within(kBySize, interval(leaf.compare, octets, octets + 1));
  }
  Result<UidSet> operator()(const InternalDateIs& leaf) {
    const std::int64_t day = days(leaf.day) * kDay;
    return within(kByInternalDate, interval(leaf.compare, day, day + kDay));
  }
  Result<UidSet> operator()(const InternalTimeIs& leaf) {
    const std::int64_t time = std::clamp(seconds(leaf.time), days(std::chrono::sys_days::min()) * kDay,
                                         days(std::chrono::sys_days::max()) * kDay);
    return within(kByInternalDate, interval(leaf.compare, time, time + 1));
  }
  Result<UidSet> operator()(const SaveDateIs& leaf) {
    const std::int64_t day = days(leaf.day) * kDay;
    return within(kBySaveDate, interval(leaf.compare, day, day + kDay));
  }
  Result<UidSet> operator()(const SentDateIs& leaf) {
    const std::int64_t day = days(leaf.day);
    return within(kBySentDate, interval(leaf.compare, day, day + 1));
  }
  Result<UidSet> operator()(const HeaderHas& leaf) {
    if (!one_line(leaf.name) || !one_line(leaf.needle)) return UidSet{};
    return packed_uids(
        execute(kByField, like_field(leaf.name, leaf.needle), field_expression(leaf.name, leaf.needle))[0][0]);
  }
  Result<UidSet> operator()(const AnyHeaderHas& leaf) {
    if (!one_line(leaf.needle)) return UidSet{};
    if (leaf.needle.empty()) return candidates_;
    return packed_uids(execute(kByHeader, like_pattern(leaf.needle))[0][0]);
  }
  Result<UidSet> operator()(const BodyHas& leaf) {
    if (leaf.needle.empty()) return candidates_;
    if (!searchable(leaf.needle)) return UidSet{};
    return with_full_text(execute(kByBody, like_pattern(leaf.needle)), leaf.needle, false);
  }
  Result<UidSet> operator()(const TextHas& leaf) {
    if (leaf.needle.empty()) return candidates_;
    if (!searchable(leaf.needle)) return UidSet{};
    return with_full_text(execute(kByText, like_pattern(leaf.needle), one_line(leaf.needle)), leaf.needle, true);
  }

 private:
  template <class... Args>
  pqxx::result execute(const Query& query, const Args&... args) {
    return tx_.exec(query, grant_.account().value, grant_.mailbox().id.value, ranges_.lo, ranges_.hi, args...);
  }

  UidSet within(const Query& query, const Interval& bounds) {
    return packed_uids(execute(query, bounds.from, bounds.to)[0][0]);
  }

  // Looks into the octets of those that the stored text did not decide.
  Result<UidSet> with_full_text(const pqxx::result& rows, const std::string& needle, bool headers) {
    UidSet out = packed_uids(rows[0][0]);
    const UidSet undecided = packed_uids(rows[0][1]);
    if (undecided.empty() || !full_text_) return out;
    CPM_TRY(messages, fetch_rows(tx_, grant_, undecided, kColumnPartMap, 0));
    for (const MessageRow& message : messages) {
      ContentSource octets(tx_, grant_.account(), message.content, message.size);
      if (full_text_(octets, message.part_map, needle, headers)) out.add(message.uid.value);
    }
    return out;
  }

  Transaction& tx_;
  const Grant& grant_;
  const UidSet& candidates_;
  const RangeArrays ranges_;
  const FullTextCheck& full_text_;
};

}  // namespace

Result<UidSet> match(Transaction& tx, const Grant& grant, const SearchLeaf& leaf, const UidSet& candidates,
                     const FullTextCheck& full_text) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  if (candidates.empty()) return UidSet{};
  return std::visit(Matcher(tx, grant, candidates, full_text), leaf);
}

}  // namespace cpm::schema
