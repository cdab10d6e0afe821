#include "tests/support/messages.h"

#include <stdexcept>

namespace cpm::support {

namespace {

using schema::Query;

constexpr Query kAccount{
    "support_account",
    "update account set used_bytes = used_bytes + $2, used_messages = used_messages + $3 where account_id = $1"};
constexpr Query kMailbox{
    "support_mailbox",
    "update mailbox set uidnext = uidnext + $3, highestmodseq = highestmodseq + 1, messages = messages + $3,"
    " bytes = bytes + $4, unseen = unseen + case when $5 & 1 = 0 then $3 else 0 end,"
    " deleted = deleted + case when $5 & 8 <> 0 then $3 else 0 end,"
    " deleted_bytes = deleted_bytes + case when $5 & 8 <> 0 then $4 else 0 end"
    " where account_id = $1 and mailbox_id = $2 returning uidnext - $3, highestmodseq"};
constexpr Query kContent{
    "support_content",
    "insert into content (account_id, content_id, size, refs, state, digest)"
    " select $1, $2 + i, octet_length($4::bytea), 1, 1, sha256($4::bytea) from generate_series(0, $3 - 1) i"};
constexpr Query kHead{
    "support_head",
    "insert into content_head (account_id, content_id, header_octets, envelope, body, body_structure, part_map,"
    " header, header_text) select $1, $2 + i, 0, '', '', '', '', '', '' from generate_series(0, $3 - 1) i"};
constexpr Query kText{"support_text",
                      "insert into content_text (account_id, content_id, complete, body_text)"
                      " select $1, $2 + i, true, '' from generate_series(0, $3 - 1) i"};
constexpr Query kChunk{
    "support_chunk",
    "insert into content_chunk (account_id, content_id, n, data)"
    " select $1, $2 + i, 0, $4::bytea from generate_series(0, $3 - 1) i where octet_length($4::bytea) > 0"};
constexpr Query kMessage{
    "support_message",
    "insert into message (account_id, content_id, internal_date, save_date, mailbox_id, uid, modseq, size, flags)"
    " select $1, $2 + i, now(), now(), $4, $5 + i, $6, $7, $8 from generate_series(0, $3 - 1) i"};
constexpr Query kGreatest{"support_content_id",
                          "select coalesce(max(content_id), 0) + 1 from content where account_id = $1"};

Uid add(schema::Database& database, AccountId account, MailboxId mailbox, std::string_view octets, std::uint32_t flags,
        int count) {
  const auto result = database.run_blocking(TestDatabase::kPatience, [&](schema::Transaction& tx) -> Result<Uid> {
    const auto size = static_cast<std::int64_t>(octets.size());
    tx.exec(kAccount, account.value, size * count, count);
    const auto row = tx.exec(kMailbox, account.value, mailbox.value, count, size * count, flags)[0];
    const auto uid = row[0].as<std::uint32_t>();
    const auto content = tx.exec(kGreatest, account.value)[0][0].as<std::int64_t>();
    tx.exec(kContent, account.value, content, count, schema::bytes(octets));
    tx.exec(kHead, account.value, content, count);
    tx.exec(kText, account.value, content, count);
    tx.exec(kChunk, account.value, content, count, schema::bytes(octets));
    tx.exec(kMessage, account.value, content, count, mailbox.value, uid, row[1].as<int>(), size, flags);
    return Uid{uid};
  });
  if (!result) throw std::runtime_error("add_message: " + result.error().detail);
  return *result;
}

}  // namespace

Uid add_message(schema::Database& database, AccountId account, MailboxId mailbox, std::string_view octets,
                std::uint32_t flags) {
  return add(database, account, mailbox, octets, flags, 1);
}

void add_messages(schema::Database& database, AccountId account, MailboxId mailbox, int count) {
  (void)add(database, account, mailbox, "Subject: x\r\n\r\nhello\r\n", 0, count);
}

}  // namespace cpm::support
