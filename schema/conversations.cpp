#include "schema/conversations.h"

#include "schema/content_rows.h"
#include "schema/mailbox_rows.h"
#include "schema/object_rows.h"
#include "schema/packed.h"

#include <algorithm>

namespace cpm::schema {

namespace {

// What ConversationMessage is read from: message m, its mailbox, its head h and object o.
#define CPM_MESSAGE_COLUMNS                                                                                          \
  " m.mailbox_id, mailbox_path_v1($1, m.mailbox_id), (select b.uidvalidity from mailbox b where b.account_id = $1"   \
  " and b.mailbox_id = m.mailbox_id), m.uid, m.content_id, m.flags, extract(epoch from m.internal_date)::bigint,"    \
  " h.direction, h.conversation_id, h.contribution_id, h.imdn_id, h.message_id, o.kind, o.generation, o.sender,"     \
  " o.subject, o.preview, o.in_reply_to, o.correlator, o.context, o.service, o.session_type, o.focus, o.group_type," \
  " o.file_name, o.file_type, o.file_size, o.file_parts, o.reports_on, o.disposition,"                               \
  " extract(epoch from o.moment)::bigint, o.is_group, array_to_string(o.participants, E'\n')"

#define CPM_CONVERSATION_COLUMNS                                                                               \
  "c.conversation_id, c.name, c.is_group, c.subject, c.objects, c.messages, c.unread,"                         \
  " extract(epoch from c.last_at)::bigint, array_to_string(array(select p.address from unnest(c.participants)" \
  " as p(address) where not account_owns_v1($1, p.address)), E'\n')"
constexpr int kConversationColumns = 9;

#define CPM_LAST                                                                                                  \
  " left join lateral (select * from message i where i.account_id = $1 and i.conversation_id = c.conversation_id" \
  " and i.talk in (1, 2) order by i.internal_date desc, i.content_id desc limit 1) m on true"                     \
  " left join content_head h on h.account_id = $1 and h.content_id = m.content_id"                                \
  " left join cpm_object o on o.account_id = $1 and o.content_id = m.content_id"

#define CPM_LIST(extra)                                                                                             \
  "select " CPM_CONVERSATION_COLUMNS "," CPM_MESSAGE_COLUMNS                                                        \
  " from (select * from conversation l where l.account_id = $1 and (l.last_at, l.conversation_id)"                  \
  " < (to_timestamp($2::bigint), $3)" extra " order by l.last_at desc, l.conversation_id desc limit $4) c" CPM_LAST \
  " order by c.last_at desc, c.conversation_id desc"

constexpr Query kList{"conversation_list", CPM_LIST("")};
constexpr Query kListUnread{"conversation_list_unread", CPM_LIST(" and l.unread > 0")};
constexpr Query kListOf{"conversation_list_of", CPM_LIST(" and l.participants @> array[$5]::text[]")};
constexpr Query kListUnreadOf{"conversation_list_unread_of",
                              CPM_LIST(" and l.unread > 0 and l.participants @> array[$5]::text[]")};

constexpr Query kById{"conversation_by_id", "select " CPM_CONVERSATION_COLUMNS "," CPM_MESSAGE_COLUMNS
                                            " from (select * from conversation where account_id = $1 and"
                                            " conversation_id = $2) c" CPM_LAST};

// Objects with the same octets once: at their first place.
constexpr Query kMessages{
    "conversation_messages",
    "select" CPM_MESSAGE_COLUMNS
    " from (select i.* from message i where i.account_id = $1"
    " and i.conversation_id = $2 and (i.internal_date, i.content_id) > (to_timestamp($3::bigint), $4)"
    " and not exists (select from message e where e.account_id = $1 and e.conversation_id = $2"
    " and e.internal_date = i.internal_date and e.content_id = i.content_id"
    " and (e.mailbox_id, e.uid) < (i.mailbox_id, i.uid))"
    " order by i.internal_date, i.content_id limit $5) m"
    " join content_head h on h.account_id = $1 and h.content_id = m.content_id"
    " left join cpm_object o on o.account_id = $1 and o.content_id = m.content_id"
    " order by m.internal_date, m.content_id"};

constexpr Query kDispositions{
    "conversation_dispositions",
    "select o.reports_on, o.disposition, o.sender, extract(epoch from coalesce(o.moment, h.sent_at))::bigint"
    " from unnest($2::text[]) as r(id) cross join lateral (select * from cpm_object i where i.account_id = $1"
    " and i.reports_on = r.id and i.disposition > 0) o"
    " join content_head h on h.account_id = $1 and h.content_id = o.content_id"
    " join content c on c.account_id = $1 and c.content_id = o.content_id and c.state = 1"
    " order by o.reports_on, o.moment nulls last, o.content_id"};

constexpr Query kHistories{
    "history_list",
    "select b.mailbox_id, mailbox_path_v1($1, b.mailbox_id), b.uidvalidity, b.messages, b.unseen,"
    " (select count(*) from mailbox k where k.account_id = $1 and k.parent_id = b.mailbox_id),"
    " s.uid, g.uid, s.session_type, g.group_type, g.focus, coalesce(s.subject, g.subject),"
    " coalesce(g.conversation, s.conversation)"
    " from mailbox b"
    " left join lateral (select m.uid, o.session_type, o.subject, o.conversation from message m"
    "  join cpm_object o on o.account_id = $1 and o.content_id = m.content_id and o.kind = 4"
    "  where m.account_id = $1 and m.mailbox_id = b.mailbox_id and m.talk = 3 order by m.uid desc limit 1) s on true"
    " left join lateral (select m.uid, o.group_type, o.focus, o.subject, o.conversation from message m"
    "  join cpm_object o on o.account_id = $1 and o.content_id = m.content_id and o.kind = 5"
    "  where m.account_id = $1 and m.mailbox_id = b.mailbox_id and m.talk = 3"
    "  order by o.moment desc nulls last, m.uid desc limit 1) g on true"
    " where b.account_id = $1"};

// The contents by an identifier, then their places: where they were deposited; and, when a content stands elsewhere too
// or not there any more, anywhere in its conversation.
#define CPM_PLACES                                                                                                     \
  " cross join lateral (select i.mailbox_id, i.uid, true as original from cpm_object o join message i"                 \
  "  on i.account_id = $1 and i.mailbox_id = o.mailbox_id and i.uid = o.uid and i.content_id = o.content_id"           \
  "  where o.account_id = $1 and o.content_id = h.content_id"                                                          \
  " union all select i.mailbox_id, i.uid, false from message i"                                                        \
  "  where (select k.refs > 1 or not exists (select from cpm_object o join message e on e.account_id = $1"             \
  "   and e.mailbox_id = o.mailbox_id and e.uid = o.uid and e.content_id = o.content_id"                               \
  "   where o.account_id = $1 and o.content_id = h.content_id)"                                                        \
  "   from content k where k.account_id = $1 and k.content_id = h.content_id)"                                         \
  "  and i.account_id = $1 and i.conversation_id = h.thread_id and i.content_id = h.content_id) p"                     \
  " where ($3::text is null or h.conversation_id = $3) and ($4::text is null or h.contribution_id = $4)"               \
  " and ($5::text is null or exists (select from cpm_object o where o.account_id = $1 and o.content_id = h.content_id" \
  " and (o.conversation = $5 or o.participants @> array[$5]::text[])))"                                                \
  " group by p.mailbox_id, p.uid order by p.mailbox_id, p.uid"
#define CPM_PLACE "p.mailbox_id, mailbox_path_v1($1, p.mailbox_id), p.uid, bool_or(p.original)"

constexpr Query kByImdn{"object_by_imdn",
                        "select " CPM_PLACE
                        " from (select c.content_id, c.thread_id, c.conversation_id, c.contribution_id"
                        " from content_by_id c where c.account_id = $1 and length(c.imdn_id) = length($2::text)"
                        " and hashtextextended(upper(c.imdn_id), 0) = hashtextextended(upper($2::text), 0) and "
                        "c.imdn_id = $2) h" CPM_PLACES};
constexpr Query kByContribution{
    "object_by_contribution",
    "select " CPM_PLACE
    " from (select c.content_id, c.thread_id, c.conversation_id, c.contribution_id"
    " from content_by_id c where c.account_id = $1 and length(c.contribution_id) = length($2::text)"
    " and hashtextextended(upper(c.contribution_id), 0) = hashtextextended(upper($2::text), 0)"
    " and c.contribution_id = $2) h" CPM_PLACES};

constexpr Query kHolds{"history_holds",
                       "select from message m join cpm_object o on o.account_id = $1 and o.content_id = m.content_id"
                       " and o.kind = $3 where m.account_id = $1 and m.mailbox_id = $2 and m.talk = 3 limit 1"};
constexpr Query kKinds{
    "object_kinds",
    "select coalesce(o.kind, 0) from unnest($3::int[], $4::int[]) as r (lo, hi) cross join lateral (select i.content_id"
    " from message i where i.account_id = $1 and i.mailbox_id = $2 and i.uid between r.lo and r.hi offset 0) m"
    " left join lateral (select i.kind from cpm_object i where i.account_id = $1 and i.content_id = m.content_id"
    " offset 0) o on true"};

constexpr Query kReindexPage{"reindex_page",
                             "select m.uid, m.content_id, m.size, c.refs > 1 from message m join content c"
                             " on c.account_id = $1 and c.content_id = m.content_id where m.account_id = $1"
                             " and m.mailbox_id = $2 and m.uid > $3 order by m.uid limit $4"};
constexpr Query kWriteFacts{"reindex_write", "select cpm_objects_renew_v1($1, $2, $3::jsonb, $4::jsonb)"};
constexpr Query kRebuild{"conversation_rebuild", "select conversation_rebuild_v1($1)"};

constexpr std::int64_t kBeyond = 253'402'300'799;   // the end of the year 9999
constexpr std::int64_t kBefore = -210'000'000'000;  // the first time that PostgreSQL knows, nearly

Result<void> may_read(const Principal& who) {
  if ((account_rights(who) & (kLookup | kRead)) != (kLookup | kRead)) return fail(Failure::denied, "no right to read");
  return {};
}

std::string text(const pqxx::field& field) { return field.is_null() ? std::string() : field.c_str(); }

template <class T>
T number(const pqxx::field& field) {
  return field.is_null() ? T{} : field.as<T>();
}

std::optional<std::chrono::sys_seconds> moment(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(field.as<std::int64_t>()));
}

std::vector<std::string> lines(const pqxx::field& field) {
  std::vector<std::string> out;
  const std::string all = text(field);
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    out.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

ConversationMessage message_from(const pqxx::row& row, int first) {
  const auto at = [&](int column) { return row[first + column]; };
  ConversationMessage out;
  out.mailbox_id = MailboxId{at(0).as<std::int32_t>()};
  out.mailbox = text(at(1));
  out.uidvalidity = UidValidity{number<std::uint32_t>(at(2))};
  out.uid = Uid{at(3).as<std::uint32_t>()};
  out.content = ContentId{at(4).as<std::int64_t>()};
  out.flags = number<std::uint32_t>(at(5));
  out.at = moment(at(6)).value_or(std::chrono::sys_seconds{});
  ObjectFacts& facts = out.facts;
  facts.direction = static_cast<Direction>(number<std::int16_t>(at(7)));
  facts.conversation_id = text(at(8));
  facts.contribution_id = text(at(9));
  facts.imdn_message_id = text(at(10));
  facts.message_id = text(at(11));
  facts.kind = static_cast<ObjectKind>(number<std::int16_t>(at(12)));
  facts.generation = number<std::int16_t>(at(13));
  facts.sender = text(at(14));
  facts.subject = text(at(15));
  facts.preview = text(at(16));
  facts.in_reply_to = text(at(17));
  facts.correlator = text(at(18));
  facts.context = text(at(19));
  facts.service = text(at(20));
  facts.session_type = text(at(21));
  facts.focus = text(at(22));
  facts.group_type = text(at(23));
  facts.file_name = text(at(24));
  facts.file_type = text(at(25));
  if (!at(26).is_null()) facts.file_size = at(26).as<std::uint64_t>();
  facts.file_parts = number<std::int16_t>(at(27));
  facts.reports_on = text(at(28));
  facts.disposition = static_cast<Disposition>(number<std::int16_t>(at(29)));
  facts.moment = moment(at(30));
  facts.group = !at(31).is_null() && at(31).as<bool>();
  facts.participants = lines(at(32));
  return out;
}

Conversation conversation_from(const pqxx::row& row) {
  Conversation out;
  out.id = row[0].as<std::int64_t>();
  out.name = text(row[1]);
  out.group = row[2].as<bool>();
  out.subject = text(row[3]);
  out.objects = row[4].as<std::uint32_t>();
  out.messages = row[5].as<std::uint32_t>();
  out.unread = row[6].as<std::uint32_t>();
  out.last_at = moment(row[7]).value_or(std::chrono::sys_seconds{});
  out.participants = lines(row[8]);
  if (!row[kConversationColumns].is_null()) out.last = message_from(row, kConversationColumns);
  return out;
}

}  // namespace

Result<std::vector<Conversation>> list_conversations(Transaction& tx, const Principal& who,
                                                     const ConversationQuery& query) {
  CPM_CHECK(may_read(who));
  const std::int64_t at = query.after ? query.after->last_at.time_since_epoch().count() : kBeyond;
  const std::int64_t id = query.after ? query.after->id : 0;
  const std::int64_t account = who.account.value;
  const pqxx::result rows =
      query.participant
          ? tx.exec(query.unread ? kListUnreadOf : kListOf, account, at, id, query.limit, *query.participant)
          : tx.exec(query.unread ? kListUnread : kList, account, at, id, query.limit);
  std::vector<Conversation> out;
  out.reserve(rows.size());
  for (const auto& row : rows) out.push_back(conversation_from(row));
  return out;
}

Result<Conversation> find_conversation(Transaction& tx, const Principal& who, std::int64_t id) {
  CPM_CHECK(may_read(who));
  const pqxx::result rows = tx.exec(kById, who.account.value, id);
  if (rows.empty()) return fail(Failure::not_found, "no such conversation");
  return conversation_from(rows[0]);
}

Result<Conversation> find_conversation(Transaction& tx, const Principal& who, std::string_view name) {
  const auto id = thread_id(name);
  if (!id) return fail(Failure::not_found, "no such conversation");
  return find_conversation(tx, who, *id);
}

Result<std::vector<ConversationMessage>> conversation_messages(Transaction& tx, const Principal& who, std::int64_t id,
                                                               const std::optional<ConversationPlace>& after,
                                                               std::size_t limit) {
  CPM_CHECK(may_read(who));
  const std::int64_t at = after ? after->at.time_since_epoch().count() : kBefore;
  const std::int64_t content = after ? after->content.value : 0;
  std::vector<ConversationMessage> out;
  for (const auto& row : tx.exec(kMessages, who.account.value, id, at, content, limit))
    out.push_back(message_from(row, 0));
  return out;
}

Result<std::vector<DispositionReport>> dispositions_of(Transaction& tx, const Principal& who,
                                                       const std::vector<std::string>& imdn_message_ids) {
  CPM_CHECK(may_read(who));
  std::vector<DispositionReport> out;
  for (const auto& row : tx.exec(kDispositions, who.account.value, array(std::span(imdn_message_ids))))
    out.push_back({text(row[0]), static_cast<Disposition>(row[1].as<std::int16_t>()), text(row[2]), moment(row[3])});
  return out;
}

Result<std::vector<HistoryRow>> list_histories(Transaction& tx, const Principal& who) {
  CPM_CHECK(may_read(who));
  std::vector<HistoryRow> out;
  for (const auto& row : tx.exec(kHistories, who.account.value)) {
    HistoryRow one;
    one.id = MailboxId{row[0].as<std::int32_t>()};
    one.path = text(row[1]);
    one.uidvalidity = UidValidity{row[2].as<std::uint32_t>()};
    one.messages = row[3].as<std::uint32_t>();
    one.unseen = row[4].as<std::uint32_t>();
    one.children = row[5].as<std::uint32_t>();
    one.session_info = Uid{number<std::uint32_t>(row[6])};
    one.group_state = Uid{number<std::uint32_t>(row[7])};
    one.session_type = text(row[8]);
    one.group_type = text(row[9]);
    one.focus = text(row[10]);
    one.subject = text(row[11]);
    one.conversation = text(row[12]);
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(), [](const HistoryRow& a, const HistoryRow& b) { return a.path < b.path; });
  return out;
}

bool holds_object(Transaction& tx, const Grant& grant, ObjectKind kind) {
  return !tx.exec(kHolds, grant.account().value, grant.mailbox().id.value, static_cast<int>(kind)).empty();
}

std::vector<ObjectKind> kinds_of(Transaction& tx, const Grant& grant, const UidSet& uids) {
  std::vector<ObjectKind> out;
  const RangeArrays ranges(uids);
  if (ranges.empty) return out;
  for (const auto& row : tx.exec(kKinds, grant.account().value, grant.mailbox().id.value, ranges.lo, ranges.hi))
    out.push_back(static_cast<ObjectKind>(row[0].as<std::int16_t>()));
  return out;
}

Result<void> lock_account_row(Transaction& tx, AccountId account) {
  CPM_CHECK(lock_account(tx, account));
  return {};
}

Result<std::vector<ObjectPlace>> find_objects(Transaction& tx, const Principal& who, const ObjectQuery& query) {
  CPM_CHECK(may_read(who));
  const auto narrowed = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(clean_fact(text));
  };
  const bool by_imdn = !query.imdn_message_id.empty();
  std::vector<ObjectPlace> out;
  for (const auto& row :
       tx.exec(by_imdn ? kByImdn : kByContribution, who.account.value,
               clean_fact(by_imdn ? query.imdn_message_id : query.contribution_id), narrowed(query.conversation_id),
               narrowed(query.within_contribution), narrowed(query.party))) {
    ObjectPlace place{MailboxId{row[0].as<std::int32_t>()}, text(row[1]), Uid{row[2].as<std::uint32_t>()},
                      row[3].as<bool>()};
    if (!query.mailbox || *query.mailbox == place.path) out.push_back(std::move(place));
  }
  return out;
}

std::vector<ReindexItem> reindex_page(Transaction& tx, AccountId account, MailboxId mailbox, Uid after,
                                      std::size_t limit) {
  std::vector<ReindexItem> out;
  for (const auto& row : tx.exec(kReindexPage, account.value, mailbox.value, after.value, limit)) {
    out.push_back({Uid{row[0].as<std::uint32_t>()}, ContentId{row[1].as<std::int64_t>()}, row[2].as<std::uint64_t>(),
                   row[3].as<bool>()});
  }
  return out;
}

void write_facts(Transaction& tx, AccountId account, MailboxId mailbox, const std::vector<ReindexFacts>& facts) {
  if (facts.empty()) return;
  std::string heads = "[", objects = "[";
  for (const ReindexFacts& one : facts) {
    if (heads.size() > 1) heads += ',';
    heads += head_row(one.facts, one.item.content, thread_id(one.thread));
    if (one.facts.kind == ObjectKind::mail) continue;
    if (objects.size() > 1) objects += ',';
    objects += object_row(one.facts, one.item.content, one.item.uid.value);
  }
  tx.exec(kWriteFacts, account.value, mailbox.value, heads + ']', objects + ']');
}

std::uint64_t rebuild_conversations(Transaction& tx, AccountId account) {
  return tx.exec(kRebuild, account.value)[0][0].as<std::uint64_t>();
}

}  // namespace cpm::schema
