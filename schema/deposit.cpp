#include "schema/append.h"
#include "schema/content_rows.h"
#include "schema/keywords.h"
#include "schema/mailbox_rows.h"
#include "schema/object_rows.h"
#include "schema/owners.h"
#include "schema/packed.h"
#include "schema/reader_flags.h"
#include "schema/sql_refusal.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr Query kDepositInline{
    "deposit_inline",
    "select uidvalidity, first_uid, modseq from recorded_deposit_inline_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
    " $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"};

constexpr Query kDepositAt{
    "deposit_at",
    "select mailbox_id, uidvalidity, first_uid, modseq from recorded_deposit_at_v1($1, $2, $3, $4, $5, $6, $7, $8, $9,"
    " $10, $11, $12, $13, $14, $15, $16, $17, $18)"};

constexpr Query kDepositsAt{
    "deposits_at",
    "select mailbox_id, uidvalidity, first_uid, modseq from recorded_deposits_at_v1($1, $2, $3, $4, $5, $6, $7, $8, $9,"
    " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"};

constexpr Query kContentInsert{"content_insert",
                               "select content_insert_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"};

constexpr Query kDeposit{
    "deposit",
    "select uidvalidity, first_uid, modseq from recorded_deposit_v1($1, $2, $3, $4, $5, $6, $7, $8, $9,"
    " $10, $11, $12)"};

constexpr Query kLockMailbox{"mailbox_lock_deposit",
                             "select from mailbox where account_id = $1 and mailbox_id = $2 for no key update"};

// Octets in one statement. More are sent ahead of the deposit, so that neither side holds a large command at once.
constexpr std::size_t kBatchOctets = 4 << 20;

// The rows of `message`, as arrays.
struct MessageRows {
  std::string contents = "{", sizes = "{", dates = "{", flags = "{", keywords = "{", staged = "{";
  bool any_keywords = false;
  bool any_staged = false;
};

void element(std::string& array, const std::string& text) {
  if (array.size() > 1) array += ',';
  array += text;
}

// RFC 4314 4: flags without the right are dropped silently.
std::uint32_t permitted_bits(Rights rights, std::uint32_t bits) {
  if ((rights & kKeepSeen) == 0) bits &= ~std::uint32_t{kSeen};
  if ((rights & kDeleteMessage) == 0) bits &= ~std::uint32_t{kDeleted};
  if ((rights & kWrite) == 0) bits &= kSeen | kDeleted;
  return bits & 0x7fffffff;
}

// The table with the ids of all keywords of the command. Ids never change, so known ones need no lock.
Result<KeywordTable> keywords_for(Transaction& tx, const Grant& grant, const std::vector<StagedMessage>& messages,
                                  const Limits& limits) {
  std::vector<std::string> names;
  if (grant.holds(kWrite)) {
    for (const StagedMessage& message : messages) {
      const auto& keywords = message.message.flags.keywords;
      names.insert(names.end(), keywords.begin(), keywords.end());
    }
  }
  if (names.empty()) return KeywordTable{};
  const AccountId account = grant.account();
  const MailboxId mailbox = grant.mailbox().id;
  KeywordTable table = read_keywords(tx, account, mailbox);
  if (std::all_of(names.begin(), names.end(), [&](const std::string& name) { return table.find(name).has_value(); }))
    return table;
  CPM_CHECK(lock_account(tx, account));
  if (tx.exec(kLockMailbox, account.value, mailbox.value).empty()) return fail(Failure::not_found, "no such mailbox");
  table = read_keywords(tx, account, mailbox);
  CPM_CHECK(add_keywords(tx, account, mailbox, table, names, limits));
  return table;
}

// `without`: flags that are not kept in the row.
MessageRows rows_of(Rights rights, const std::vector<StagedMessage>& messages, const KeywordTable& table,
                    std::uint32_t without = 0) {
  MessageRows out;
  for (const StagedMessage& staged : messages) {
    const NewMessage& message = staged.message;
    element(out.contents, std::to_string(staged.content.value));
    element(out.sizes, std::to_string(staged.size));
    element(out.dates, std::to_string(seconds(message.internal_date)));
    element(out.flags, std::to_string(permitted_bits(rights, message.flags.bits) & ~without));
    std::string keywords;
    if (!table.entries().empty()) {
      for (const KeywordId id : keyword_ids(table, message.flags.keywords))
        keywords += (keywords.empty() ? "" : ",") + std::to_string(id);
    }
    out.any_keywords = out.any_keywords || !keywords.empty();
    element(out.keywords, "\"" + keywords + "\"");
    if (!staged.inline_bytes) {
      element(out.staged, std::to_string(staged.content.value));
      out.any_staged = true;
    }
  }
  for (std::string* array : {&out.contents, &out.sizes, &out.dates, &out.flags, &out.keywords, &out.staged})
    *array += '}';
  return out;
}

Result<void> check_sizes(const std::vector<StagedMessage>& messages, const Limits& limits) {
  for (const StagedMessage& message : messages) {
    if (message.size > limits.message_octets || message.size > kMaxWireNumber)
      return fail(Failure::too_big, "message is too big");
  }
  return {};
}

AppendResult result_from(const pqxx::row& row, std::size_t count) {
  // The last three columns.
  const auto first = row[row.size() - 2].as<std::uint32_t>();
  AppendResult out{
      UidValidity{row[row.size() - 3].as<std::uint32_t>()}, {}, ModSeq{row[row.size() - 1].as<std::uint64_t>()}};
  out.uids.add(first, first + static_cast<std::uint32_t>(count) - 1);
  return out;
}

}  // namespace

std::int64_t conversation_order(const std::vector<StagedMessage>& messages) {
  std::optional<std::int64_t> least;
  for (const StagedMessage& message : messages) {
    const auto thread = thread_id(message.message.head.thread);
    if (thread && (!least || *thread < *least)) least = thread;
  }
  return least.value_or(0);
}

bool deposits_in_one_statement(const std::vector<StagedMessage>& messages) {
  std::uint64_t octets = 0;
  for (const StagedMessage& message : messages) {
    if (!message.inline_bytes || !message.message.flags.keywords.empty() || !message.message.annotations.empty()) {
      return false;
    }
    octets += message.size;
  }
  return !messages.empty() && octets <= kBatchOctets;
}

Result<DepositedAt> deposit_at(Transaction& tx, const Principal& who, std::string_view path,
                               std::vector<StagedMessage>& messages, const Limits& limits) {
  const Rights rights = account_rights(who);
  if (leads_elsewhere(path) || !deposits_in_one_statement(messages) || path.find('\0') != std::string_view::npos) {
    CPM_TRY(grant, authorize(tx, who, path, kInsert));
    CPM_TRY(stored, deposit(tx, grant, messages, limits));
    return DepositedAt{grant.ref(), stored};
  }
  CPM_CHECK(check_sizes(messages, limits));
  const MessageRows rows = rows_of(rights, messages, KeywordTable{});
  ContentRows contents;
  for (const StagedMessage& message : messages) contents.add(message, read_all(*message.message.octets, message.size));
  contents.finish();
  const auto levels = split_path(path);
  CPM_TRY(answer, refusable([&] {
            return tx.exec(kDepositAt, who.account.value, array(std::span(levels)), contents.contents, contents.sizes,
                           contents.header_octets, contents.dates, contents.moments, contents.directions,
                           contents.threads, contents.exact, contents.complete, contents.at, bytes(contents.blob()),
                           rows.dates, rows.flags, object_rows(messages), seconds_now(), by(who.via, who.account));
          }));
  return DepositedAt{{who.account, MailboxId{answer[0][0].as<std::int32_t>()}},
                     result_from(answer[0], messages.size())};
}

bool may_share_statement(const DepositPart& one, const DepositPart& other) {
  return one.who.account == other.who.account && account_rights(one.who) == account_rights(other.who);
}

Result<std::vector<DepositedAt>> deposit_parts(Transaction& tx, const std::vector<const DepositPart*>& parts) {
  const Principal& who = parts.front()->who;
  // The mailboxes in the order of their first part.
  std::vector<std::string> paths, objects, recorded_by;
  std::vector<std::uint32_t> in_mailbox, of, counts;
  std::vector<std::size_t> order;  // the parts as they are sent
  for (const DepositPart* part : parts) {
    CPM_CHECK(check_sizes(*part->messages, *part->limits));
    if (std::find(paths.begin(), paths.end(), part->path) == paths.end()) paths.push_back(part->path);
  }
  std::vector<StagedMessage> messages;
  for (std::size_t p = 0; p < paths.size(); ++p) {
    const std::size_t before = messages.size();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const DepositPart& part = *parts[i];
      if (part.path != paths[p]) continue;
      messages.insert(messages.end(), part.messages->begin(), part.messages->end());
      of.push_back(static_cast<std::uint32_t>(p + 1));
      counts.push_back(static_cast<std::uint32_t>(part.messages->size()));
      recorded_by.push_back(by(part.who.via, part.who.account).value_or(""));
      order.push_back(i);
    }
    in_mailbox.push_back(static_cast<std::uint32_t>(messages.size() - before));
    objects.push_back(object_rows(std::span<const StagedMessage>(messages).subspan(before)).value_or(""));
  }
  ContentRows contents;
  for (const StagedMessage& message : messages) contents.add(message, read_all(*message.message.octets, message.size));
  contents.finish();
  const MessageRows rows = rows_of(account_rights(who), messages, KeywordTable{});
  CPM_TRY(answer, refusable([&] {
            return tx.exec(kDepositsAt, who.account.value, array(std::span(paths)), array(std::span(in_mailbox)),
                           contents.contents, contents.sizes, contents.header_octets, contents.dates, contents.moments,
                           contents.directions, contents.threads, contents.exact, contents.complete, contents.at,
                           bytes(contents.blob()), rows.dates, rows.flags, array(std::span(objects)), seconds_now(),
                           array(std::span(of)), array(std::span(counts)), array(std::span(recorded_by)));
          }));
  std::vector<DepositedAt> out(parts.size());
  std::vector<std::uint32_t> told(paths.size(), 0);
  for (std::size_t n = 0; n < order.size(); ++n) {
    const std::size_t mailbox = of[n] - 1;
    const auto row = answer[static_cast<pqxx::result::size_type>(mailbox)];
    const std::uint32_t first = row[2].as<std::uint32_t>() + told[mailbox];
    told[mailbox] += counts[n];
    DepositedAt& done = out[order[n]];
    done.mailbox = {who.account, MailboxId{row[0].as<std::int32_t>()}};
    done.result.uidvalidity = UidValidity{row[1].as<std::uint32_t>()};
    done.result.uids.add(first, first + counts[n] - 1);
    done.result.highestmodseq = ModSeq{row[3].as<std::uint64_t>()};
  }
  return out;
}

Result<AppendResult> deposit(Transaction& tx, const Grant& grant, std::vector<StagedMessage>& messages,
                             const Limits& limits) {
  if (!grant.holds(kInsert)) return fail(Failure::denied, "no right to store in this mailbox");
  if (messages.empty()) return AppendResult{grant.mailbox().uidvalidity, {}, grant.mailbox().highestmodseq};
  CPM_CHECK(check_sizes(messages, limits));
  CPM_TRY(table, keywords_for(tx, grant, messages, limits));
  const MessageRows rows = rows_of(grant.rights(), messages, table, grant.own() ? 0 : kReaderFlags);
  const std::int64_t account = grant.account().value;
  const std::int32_t mailbox = grant.mailbox().id.value;
  std::optional<std::string> keywords, staged;
  if (rows.any_keywords) keywords = rows.keywords;
  if (rows.any_staged) staged = rows.staged;
  const std::optional<std::string> objects = object_rows(messages);
  const std::optional<std::string> recorded_by = by(grant.via(), grant.account());

  ContentRows contents;
  bool sent_ahead = false;
  for (const StagedMessage& message : messages) {
    if (!message.inline_bytes) continue;
    if (contents.octets() > 0 && contents.octets() + message.size > kBatchOctets) {
      contents.finish();
      tx.exec(kContentInsert, account, contents.contents, contents.sizes, contents.header_octets, contents.dates,
              contents.moments, contents.directions, contents.threads, contents.exact, contents.complete, contents.at,
              bytes(contents.blob()));
      contents = ContentRows();
      sent_ahead = true;
    }
    contents.add(message, read_all(*message.message.octets, message.size));
  }
  if (!contents.empty()) contents.finish();

  auto answer = refusable([&] {
    if (!sent_ahead && !staged) {
      return tx.exec(kDepositInline, account, mailbox, contents.contents, contents.sizes, contents.header_octets,
                     contents.dates, contents.moments, contents.directions, contents.threads, contents.exact,
                     contents.complete, contents.at, bytes(contents.blob()), rows.dates, rows.flags, keywords, objects,
                     seconds_now(), grant.mailbox().own_path(), recorded_by);
    }
    if (!contents.empty()) {
      tx.exec(kContentInsert, account, contents.contents, contents.sizes, contents.header_octets, contents.dates,
              contents.moments, contents.directions, contents.threads, contents.exact, contents.complete, contents.at,
              bytes(contents.blob()));
    }
    return tx.exec(kDeposit, account, mailbox, rows.contents, rows.sizes, rows.dates, rows.flags, keywords, staged,
                   objects, seconds_now(), grant.mailbox().own_path(), recorded_by);
  });
  if (!answer) return answer.error();
  AppendResult result = result_from((*answer)[0], messages.size());
  Uid uid{result.uids.min()};
  for (const StagedMessage& message : messages) {
    const auto& annotations = message.message.annotations;
    if (!annotations.empty()) {
      CPM_CHECK(annotate_deposited(tx, grant, uid, result.highestmodseq, annotations, limits));
    }
    ++uid.value;
  }
  if (!grant.own() && grant.holds(kKeepSeen)) {
    std::vector<ReaderChange> seen;
    std::uint32_t at = result.uids.min();
    for (const StagedMessage& message : messages) {
      const std::uint32_t bits = message.message.flags.bits & kReaderFlags;
      if (bits != 0) seen.push_back({at, bits});
      ++at;
    }
    put_reader_flags(tx, grant.mailbox(), seen, result.highestmodseq);
  }
  return result;
}

}  // namespace cpm::schema
