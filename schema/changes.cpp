#include "schema/keywords.h"
#include "schema/messages.h"
#include "schema/packed.h"
#include "schema/reader_flags.h"

#include <algorithm>
#include <iterator>

namespace cpm::schema {

namespace {

// One statement, hence one snapshot: the mailbox row and the messages tell of the same moment. Twelve octets a message
// (uid, modseq, flags); keywords apart, for the few that have some. Ordered as the index that is to find the rows, so
// that the planner takes it whatever it believes about the size of the mailbox; mailbox and MODSEQ are one number
// there.
#define CPM_CHANGES(table, condition, order, vanished)                                                                \
  "select b.uidnext, b.highestmodseq, b.messages, b.unseen, b.deleted, b.bytes, b.deleted_bytes, b.recent_from,"      \
  " c.packed, c.keywords, case when c.keywords is not null then (select string_agg(k.keyword_id || ' ' || k.name, ' " \
  "')"                                                                                                                \
  "  from keyword k where k.account_id = $1 and k.mailbox_id = $2) end, " vanished                                    \
  " from mailbox b cross join (select string_agg(int8send(m.uid::bigint << 32 | m.modseq) || int4send(m.flags), '') " \
  "as packed,"                                                                                                        \
  "  string_agg(case when m.keywords is not null then m.uid || ':' || array_to_string(m.keywords, ',') end, ';') as " \
  "keywords"                                                                                                          \
  "  from (select uid, modseq, flags, keywords from " table " where account_id = $1 and mailbox_id = $2 " condition   \
  "  order by " order ") m) c where b.account_id = $1 and b.mailbox_id = $2"

constexpr Query kAll{"message_all", CPM_CHANGES("message", "and uid > 0", "uid", "null::bytea")};

constexpr Query kSince{
    "message_since",
    CPM_CHANGES("message_by_modseq",
                "and (mailbox_id::bigint << 32 | modseq) > ($2::bigint << 32 | $3::bigint)"
                " and (mailbox_id::bigint << 32 | modseq) < ($2::bigint + 1) << 32",
                "mailbox_id::bigint << 32 | modseq",
                "(select string_agg(int8send(e.uid_lo::bigint << 32 | e.uid_hi), '') from expunged_range e"
                " where e.account_id = $1 and e.mailbox_id = $2 and e.modseq > $3)")};

constexpr Query kThese{"message_these", CPM_CHANGES("message", "and uid = any ($3::int[])", "uid", "null::bytea")};

#undef CPM_CHANGES

constexpr Query kVanished{"message_vanished",
                          "select string_agg(int8send(uid_lo::bigint << 32 | uid_hi), '') from expunged_range"
                          " where account_id = $1 and mailbox_id = $2 and modseq > $3"};

std::vector<MessageFlags> messages_from(const pqxx::row& row) {
  Unpacker packed(row[8]);
  std::vector<MessageFlags> out;
  out.reserve(packed.left() / 12);
  while (!packed.done()) {
    MessageFlags& message = out.emplace_back();
    message.uid = Uid{packed.number()};
    message.modseq = ModSeq{packed.number()};
    message.bits = packed.number();
  }
  const auto by_uid = [](const MessageFlags& a, const MessageFlags& b) { return a.uid < b.uid; };
  if (!std::is_sorted(out.begin(), out.end(), by_uid)) std::sort(out.begin(), out.end(), by_uid);
  for (auto& [uid, keywords] : keywords_from(row[9])) {
    const auto found = std::lower_bound(out.begin(), out.end(), uid,
                                        [](const MessageFlags& m, std::uint32_t u) { return m.uid.value < u; });
    found->keywords = std::move(keywords);
  }
  return out;
}

UidSet vanished_from(const pqxx::field& field) {
  std::vector<UidSet::Range> ranges;
  for (Unpacker packed(field); !packed.done();) {
    const std::uint32_t first = packed.number();
    ranges.push_back({first, packed.number()});
  }
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  UidSet out;
  for (const auto& range : ranges) out.add(range.first, range.last);
  return out;
}

// Messages as the reader of a mailbox of another account has them, and those in which only what is theirs changed.
void add_reader(Transaction& tx, ModSeq since, ChangeSet& set) {
  const MailboxRow& mailbox = set.mailbox;
  UidSet changed;
  for (const MessageFlags& message : set.changed) changed.add(message.uid.value);
  ReaderFlagsByUid flags = reader_flags_since(tx, mailbox, since);
  std::vector<std::uint32_t> more;
  for (const auto& [uid, one] : flags) {
    if (!changed.contains(uid)) more.push_back(uid);
  }
  if (since.value != 0) {
    if (!more.empty()) {
      const pqxx::result rows =
          tx.exec(kThese, mailbox.account.value, mailbox.id.value, array(std::span<const std::uint32_t>(more)));
      if (!rows.empty()) {
        auto found = messages_from(rows[0]);
        set.changed.insert(set.changed.end(), std::make_move_iterator(found.begin()),
                           std::make_move_iterator(found.end()));
        std::sort(set.changed.begin(), set.changed.end(),
                  [](const MessageFlags& a, const MessageFlags& b) { return a.uid < b.uid; });
        if (set.keywords.entries().empty()) {
          set.keywords = parse_keywords(std::string_view(rows[0][10].c_str(), rows[0][10].size()));
        }
      }
    }
    flags.merge(reader_flags(tx, mailbox, changed));
  }
  for (MessageFlags& message : set.changed) see_as_reader(message, flags);
}

}  // namespace

Result<ChangeSet> changes_since(Transaction& tx, const Grant& grant, ModSeq since) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  const MailboxRow& known = grant.mailbox();
  ChangeSet out{known, {}, {}, {}};
  // authorize() read the row in this transaction: when it says that nothing happened, no statement is needed.
  if (since.value != 0 && known.highestmodseq == since) return out;
  // MODSEQs are below 2^31; a client may name a greater one (RFC 7162 allows 63 bits) and has then missed nothing.
  const auto bound = std::min<std::uint64_t>(since.value, kMaxWireNumber);
  const pqxx::result rows = since.value == 0 ? tx.exec(kAll, known.account.value, known.id.value)
                                             : tx.exec(kSince, known.account.value, known.id.value, bound);
  if (rows.empty()) return fail(Failure::not_found, "no such mailbox");
  const pqxx::row row = rows[0];
  out.mailbox.uidnext = Uid{row[0].as<std::uint32_t>()};
  out.mailbox.highestmodseq = ModSeq{row[1].as<std::uint64_t>()};
  out.mailbox.messages = row[2].as<std::uint32_t>();
  out.mailbox.unseen = row[3].as<std::uint32_t>();
  out.mailbox.deleted = row[4].as<std::uint32_t>();
  out.mailbox.bytes = row[5].as<std::uint64_t>();
  out.mailbox.deleted_bytes = row[6].as<std::uint64_t>();
  out.mailbox.recent_from = Uid{row[7].as<std::uint32_t>()};
  out.changed = messages_from(row);
  out.keywords = parse_keywords(std::string_view(row[10].c_str(), row[10].size()));
  out.vanished = vanished_from(row[11]);
  if (!grant.own()) add_reader(tx, since, out);
  return out;
}

Result<UidSet> vanished_since(Transaction& tx, const Grant& grant, ModSeq since) {
  if (!grant.holds(kRead)) return fail(Failure::denied, "no right to read this mailbox");
  const auto bound = std::min<std::uint64_t>(since.value, kMaxWireNumber);
  return vanished_from(tx.exec(kVanished, grant.account().value, grant.mailbox().id.value, bound)[0][0]);
}

}  // namespace cpm::schema
