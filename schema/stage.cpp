#include "schema/append.h"
#include "schema/content_rows.h"
#include "schema/packed.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

namespace cpm::schema {

namespace {

constexpr Query kRoom{
    "account_room",
    "select (limit_bytes is null or used_bytes + $2 <= limit_bytes)"
    " and (limit_messages is null or used_messages < limit_messages) from account where account_id = $1"};

constexpr Query kChunk{"content_chunk_insert",
                       "insert into content_chunk (account_id, content_id, n, data) values ($1, $2, $3, $4)"};

constexpr Query kHead{
    "content_head_insert",
    "insert into content_head (account_id, content_id, sent_at, header_octets, sent_date, direction, envelope, body,"
    " body_structure, part_map, header, header_text, conversation_id, contribution_id, imdn_id, message_id,"
    " thread_id, sort_keys, ids_exact) values ($1, $2, to_timestamp($3::bigint), $4, date '1970-01-01' + $5::int, $6, "
    "$7, $8, $9, "
    "$10, $11, $12,"
    " nullif($13, ''), nullif($14, ''), nullif($15, ''), nullif($16, ''), $17, $18, $19)"};

constexpr Query kText{"content_text_insert",
                      "insert into content_text (account_id, content_id, complete, body_text) values ($1, $2, $3, $4)"};

constexpr Query kContent{"content_stage",
                         "insert into content (account_id, content_id, size, changed_at, refs, state, digest)"
                         " values ($1, $2, $3, clock_timestamp(), 0, 0, $4)"};

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(std::string_view octets) { EVP_DigestUpdate(context_.get(), octets.data(), octets.size()); }
  [[nodiscard]] std::string value() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), out.data(), &length);
    return {reinterpret_cast<const char*>(out.data()), length};
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

void insert_head(Transaction& tx, AccountId account, const StagedMessage& message) {
  const ContentHead& head = message.message.head;
  std::optional<std::int64_t> sent_at, sent_date;
  if (head.sent_at) sent_at = seconds(*head.sent_at);
  if (head.sent_date) sent_date = head.sent_date->time_since_epoch().count();
  std::optional<pqxx::binarystring> header;
  if (!head.header.empty()) header.emplace(bytes(head.header));
  tx.exec(kHead, account.value, message.content.value, sent_at, head.header_octets, sent_date,
          static_cast<int>(head.facts.direction), bytes(head.envelope), bytes(head.body), bytes(head.body_structure),
          bytes(head.part_map), header, clean_text(head.header_text), clean_fact(head.facts.conversation_id),
          clean_fact(head.facts.contribution_id), clean_fact(head.facts.imdn_message_id),
          clean_fact(head.facts.message_id), thread_id(head.thread), bytes(head.sort_keys), head.facts.exact);
  tx.exec(kText, account.value, message.content.value, head.body_text_complete, clean_text(head.body_text));
}

// Returns the digest.
std::string insert_chunks(Transaction& tx, AccountId account, const StagedMessage& message, std::size_t chunk_octets) {
  Digest digest;
  std::string chunk;
  std::int32_t n = 0;
  for (std::uint64_t at = 0; at < message.size; at += chunk.size()) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_octets, message.size - at)));
    for (std::size_t filled = 0; filled < chunk.size();) {
      const std::size_t got = message.message.octets->read(at + filled, chunk.data() + filled, chunk.size() - filled);
      if (got == 0) throw std::runtime_error("the octets of a message ended early");
      filled += got;
    }
    digest.add(chunk);
    tx.exec(kChunk, account.value, message.content.value, n++, bytes(chunk));
  }
  return digest.value();
}

}  // namespace

StagedMessage hold_inline(NewMessage message) {
  StagedMessage out;
  out.size = message.octets->size();
  out.content = new_content_id();
  out.inline_bytes = true;
  out.message = std::move(message);
  return out;
}

Result<StagedMessage> stage(Transaction& tx, AccountId account, NewMessage message, const Limits& limits,
                            bool check_quota) {
  StagedMessage out;
  out.size = message.octets->size();
  if (out.size > limits.message_octets || out.size > kMaxWireNumber)
    return fail(Failure::too_big, "message is too big");
  out.content = new_content_id();
  out.message = std::move(message);
  out.inline_bytes = out.size <= limits.chunk_octets;
  if (out.inline_bytes) return out;

  if (check_quota) {  // only to spare a message without a chance the writing
    const pqxx::result room = tx.exec(kRoom, account.value, out.size);
    if (room.empty()) return fail(Failure::not_found, "no such account");
    if (!room[0][0].as<bool>()) {
      tx.quota_news().refused = QuotaPlace{account};
      return fail(Failure::over_quota, "the limit of this account is reached");
    }
  }
  out.digest = insert_chunks(tx, account, out, limits.chunk_octets);
  insert_head(tx, account, out);
  tx.exec(kContent, account.value, out.content.value, out.size, bytes(out.digest));
  return out;
}

}  // namespace cpm::schema
