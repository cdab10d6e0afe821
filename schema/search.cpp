#include "schema/search.h"

#include "schema/annotations.h"
#include "schema/fetch.h"
#include "schema/packed.h"
#include "schema/search_pattern.h"

#include <algorithm>
#include <cctype>
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

// Texts for a scorer.
constexpr Query kHeaderText{"search_header_text",
                            "select m.uid, h.header_text" CPM_CANDIDATES("i.content_id") CPM_HEAD("i.header_text")};
constexpr Query kAllText{"search_all_text", "select m.uid, h.header_text, t.body_text" CPM_CANDIDATES("i.content_id")
                                                CPM_HEAD("i.header_text") CPM_TEXT};

// Values of the length $2 that are $3, longer ones that hold it (a bounded number is looked at, the first column says
// whether that was enough), and messages whose columns do not say everything.
#define CPM_BY_ID(column)                                                                \
  "with longer as materialized (select i.content_id, i." column                          \
  " as id from content_by_id i where i.account_id = $1"                                  \
  " and i." column " is not null and length(i." column                                   \
  ") > $2 limit 50000)"                                                                  \
  " select (select count(*) from longer), string_agg(int8send(f.content_id), '') from (" \
  "select i.content_id from content_by_id i where i.account_id = $1 and i." column       \
  " is not null"                                                                         \
  " and length(i." column ") = $2 and hashtextextended(upper(i." column                  \
  "), 0) = hashtextextended($3, 0)"                                                      \
  " and upper(i." column                                                                 \
  ") = $3"                                                                               \
  " union all select l.content_id from longer l where upper(l.id) like $4"               \
  " union all select i.content_id from content_by_id i where i.account_id = $1 and not i.ids_exact limit 5001) f"
constexpr Query kByConversation{"search_conversation_id", CPM_BY_ID("conversation_id")};
constexpr Query kByContribution{"search_contribution_id", CPM_BY_ID("contribution_id")};
constexpr Query kByImdn{"search_imdn_id", CPM_BY_ID("imdn_id")};
constexpr Query kByMessageId{"search_message_id", CPM_BY_ID("message_id")};
#undef CPM_BY_ID
constexpr std::int64_t kLongerBound = 50000;
constexpr std::size_t kContentBound = 5000;

constexpr Query kContentsOfThread{"search_contents_of_thread",
                                  "select string_agg(int8send(t.content_id), '') from (select i.content_id"
                                  " from content_head i where i.account_id = $1 and i.thread_id = $2 limit 5001) t"};

// Of all texts, by their index of trigrams if there is one (schema/text_index.h).
constexpr Query kContentsByText{"search_contents_by_text", "select contents_by_text_v1($1, $2, $3, $4, $5)"};

constexpr Query kPlaced{
    "search_placed",
    "select string_agg(int4send(m.uid) || int8send(m.content_id), '') from (select i.uid, i.content_id"
    " from message i where i.account_id = $1 and i.mailbox_id = $2 and i.uid >= $3 order by i.uid) m"};

const Query* by_id(std::string_view field) {
  if (field == "CONVERSATION-ID") return &kByConversation;
  if (field == "CONTRIBUTION-ID") return &kByContribution;
  if (field == "IMDN-MESSAGE-ID") return &kByImdn;
  if (field == "MESSAGE-ID") return &kByMessageId;
  return nullptr;
}

std::int64_t content_number(Unpacker& packed) {
  const std::uint64_t high = packed.number();
  return static_cast<std::int64_t>(high << 32 | packed.number());
}
constexpr Query kByContent{"search_content", "select string_agg(int4send(m.uid), '')" CPM_CANDIDATES(
                                                 "i.content_id") " where m.content_id = $5::bigint"};
// The contents of a thread are few and found by their index; the candidates are compared with them.
constexpr Query kByThread{
    "search_thread",
    "select string_agg(int4send(m.uid), '')" CPM_CANDIDATES(
        "i.content_id") " where m.content_id = any (array(select h.content_id from content_head h where h.account_id = $1"
                        " and h.thread_id = $5::bigint))"};

constexpr Query kAnnotated{"search_annotated",
                           "select from message_annotation where account_id = $1 and mailbox_id = $2 limit 1"};

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
    UidSet found = packed_uids(
        execute(kByField, like_field(leaf.name, leaf.needle), field_expression(leaf.name, leaf.needle))[0][0]);
    if (!leaf.stricter) return found;
    return by_octets(found, leaf);
  }
  Result<UidSet> operator()(const BodyHas& leaf) {
    if (leaf.needle.empty()) return candidates_;
    if (!searchable(leaf.needle)) return UidSet{};
    return with_full_text(execute(kByBody, like_pattern(leaf.needle)), leaf);
  }
  Result<UidSet> operator()(const TextHas& leaf) {
    if (leaf.needle.empty()) return candidates_;
    if (!searchable(leaf.needle)) return UidSet{};
    return with_full_text(execute(kByText, like_pattern(leaf.needle), one_line(leaf.needle)), leaf);
  }

  Result<UidSet> operator()(const ContentIs& leaf) {
    return packed_uids(execute(kByContent, leaf.content.value)[0][0]);
  }
  Result<UidSet> operator()(const AnnotationHas& leaf) {
    UidSet found;
    if (!tx_.exec(kAnnotated, grant_.account().value, grant_.mailbox().id.value).empty()) {
      AnnotationsWanted wanted;
      if (!leaf.only.empty()) wanted.entries.push_back(leaf.only);
      wanted.of_user = leaf.of_user;
      wanted.shared = leaf.shared;
      if (!leaf.value) wanted.inline_octets = 0;
      CPM_TRY(messages, read_annotations(tx_, grant_, leaf.user, candidates_, wanted));
      for (const MessageAnnotations& message : messages) {
        const bool has = std::any_of(message.values.begin(), message.values.end(), [&](const AnnotationValue& one) {
          return (!leaf.entry || leaf.entry(one.entry)) && (!leaf.value || leaf.value(*one.value));
        });
        if (has) found.add(message.uid.value);
      }
    }
    return leaf.value ? found : candidates_.difference(found);
  }
  Result<UidSet> operator()(const ThreadIs& leaf) { return packed_uids(execute(kByThread, leaf.thread)[0][0]); }

 private:
  template <class... Args>
  pqxx::result execute(const Query& query, const Args&... args) {
    return tx_.exec(query, grant_.account().value, grant_.mailbox().id.value, ranges_.lo, ranges_.hi, args...);
  }

  UidSet within(const Query& query, const Interval& bounds) {
    return packed_uids(execute(query, bounds.from, bounds.to)[0][0]);
  }

  // Looks into the octets of those that the stored text did not decide.
  template <class Leaf>
  Result<UidSet> with_full_text(const pqxx::result& rows, const Leaf& leaf) {
    UidSet found = packed_uids(rows[0][0]);
    UidSet undecided = packed_uids(rows[0][1]);
    if (leaf.stricter) {
      undecided.merge(found);
      found = {};
    }
    CPM_TRY(more, by_octets(undecided, leaf));
    found.merge(more);
    return found;
  }

  Result<UidSet> by_octets(const UidSet& undecided, const SearchLeaf& leaf) {
    UidSet out;
    if (undecided.empty() || !full_text_) return out;
    CPM_TRY(messages, fetch_rows(tx_, grant_, undecided, kColumnPartMap, 0));
    for (const MessageRow& message : messages) {
      ContentSource octets(tx_, grant_.account(), message.content, message.size);
      if (full_text_(octets, message.part_map, leaf)) out.add(message.uid.value);
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

Result<std::vector<Scored>> score(Transaction& tx, const Grant& grant, const FuzzyHas& leaf, const UidSet& candidates,
                                  const Scorer& scorer) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  std::vector<Scored> out;
  if (candidates.empty()) return out;
  const bool body = leaf.in != FuzzyHas::In::field;
  const RangeArrays ranges(candidates);
  const pqxx::result rows =
      tx.exec(body ? kAllText : kHeaderText, grant.account().value, grant.mailbox().id.value, ranges.lo, ranges.hi);
  const auto text = [](const pqxx::field& field) { return std::string_view(field.c_str(), field.size()); };
  for (const auto& row : rows) {
    const int score = scorer(leaf, text(row[1]), body ? text(row[2]) : std::string_view{});
    if (score > 0) out.push_back({Uid{row[0].as<std::uint32_t>()}, score});
  }
  std::sort(out.begin(), out.end(), [](const Scored& a, const Scored& b) { return a.uid < b.uid; });
  return out;
}

namespace {

using Contents = std::optional<std::vector<ContentId>>;

Contents contents_from(const pqxx::field& packed_contents) {
  std::vector<ContentId> out;
  for (Unpacker packed(packed_contents); !packed.done();) out.push_back(ContentId{content_number(packed)});
  if (out.size() > kContentBound) return std::nullopt;
  return out;
}

// Three letters or digits in a row: less has no trigram that narrows anything down.
bool has_trigram(std::string_view needle) {
  std::size_t run = 0;
  for (const char c : needle) {
    const auto octet = static_cast<unsigned char>(c);
    const bool letter = std::isalnum(octet) != 0 || octet >= 0xc0;
    if ((octet & 0xc0) == 0x80) continue;  // of the character before
    run = letter ? run + 1 : 0;
    if (run == 3) return true;
  }
  return false;
}

struct TextWanted {
  std::string_view needle;
  bool header = false, body = false;
};

// What a leaf looks for in stored texts, if it does.
std::optional<TextWanted> text_wanted(const SearchLeaf& leaf) {
  if (const auto* text = std::get_if<TextHas>(&leaf)) return TextWanted{text->needle, one_line(text->needle), true};
  if (const auto* body = std::get_if<BodyHas>(&leaf)) return TextWanted{body->needle, false, true};
  if (const auto* field = std::get_if<HeaderHas>(&leaf)) return TextWanted{field->needle, true, false};
  return std::nullopt;
}

Contents contents_by_text(Transaction& tx, const Grant& grant, const TextWanted& wanted) {
  if (!searchable(wanted.needle)) return Contents{std::in_place};
  const pqxx::result rows = tx.exec(kContentsByText, grant.account().value, like_pattern(wanted.needle), wanted.header,
                                    wanted.body, static_cast<int>(kContentBound));
  if (rows[0][0].is_null()) return std::nullopt;
  return contents_from(rows[0][0]);
}

Contents contents_by_id(Transaction& tx, const Grant& grant, const HeaderHas& leaf) {
  if (!one_line(leaf.needle)) return std::nullopt;
  // The stored values have no blanks around them; the header has one before.
  const std::string needle = leaf.needle.substr(leaf.needle.find_first_not_of(' '));
  const pqxx::result rows = tx.exec(*by_id(leaf.name), grant.account().value, static_cast<std::int64_t>(needle.size()),
                                    needle, like_pattern(needle));
  if (rows[0][0].as<std::int64_t>() >= kLongerBound) return std::nullopt;
  return contents_from(rows[0][1]);
}

}  // namespace

bool has_index(const SearchLeaf& leaf) {
  if (const auto* header = std::get_if<HeaderHas>(&leaf)) {
    if (by_id(header->name) != nullptr && header->needle.find_first_not_of(' ') != std::string::npos) return true;
  }
  if (const auto wanted = text_wanted(leaf)) return has_trigram(wanted->needle);
  return std::holds_alternative<ContentIs>(leaf) || std::holds_alternative<ThreadIs>(leaf);
}

Result<std::optional<std::vector<ContentId>>> contents_by_index(Transaction& tx, const Grant& grant,
                                                                const SearchLeaf& leaf) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  if (const auto* content = std::get_if<ContentIs>(&leaf)) return Contents{{content->content}};
  if (const auto* thread = std::get_if<ThreadIs>(&leaf)) {
    return contents_from(tx.exec(kContentsOfThread, grant.account().value, thread->thread)[0][0]);
  }
  const auto* header = std::get_if<HeaderHas>(&leaf);
  if (header != nullptr && by_id(header->name) != nullptr) return contents_by_id(tx, grant, *header);
  return contents_by_text(tx, grant, *text_wanted(leaf));
}

Result<std::vector<PlacedContent>> placed_contents(Transaction& tx, const Grant& grant, Uid from) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  const pqxx::result rows = tx.exec(kPlaced, grant.account().value, grant.mailbox().id.value, from.value);
  std::vector<PlacedContent> out;
  Unpacker packed(rows[0][0]);
  out.reserve(packed.left() / 12);
  while (!packed.done()) {
    const Uid uid{packed.number()};
    out.push_back({uid, ContentId{content_number(packed)}});
  }
  return out;
}

}  // namespace cpm::schema
