#include "schema/urlauth.h"

#include "base/hex.h"
#include "schema/acl_rows.h"
#include "schema/audit.h"
#include "schema/credentials.h"
#include "schema/directory.h"

#include <algorithm>

namespace cpm::schema {

namespace {

constexpr std::size_t kKeyOctets = 32;
// Which way of making tokens: URLs made in an older way can be told from wrong ones (RFC 4467 2.4.1).
constexpr std::string_view kFirstWay = "01";

constexpr Query kFind{"urlauth_key_find",
                      "select key from urlauth_key where account_id = $1 and mailbox_id = $2 and user_id = $3"};
// Somebody else may have made it meanwhile: then it is that one.
constexpr Query kMake{"urlauth_key_make",
                      "insert into urlauth_key as k (account_id, mailbox_id, user_id, key) values ($1, $2, $3, $4)"
                      " on conflict (account_id, mailbox_id, user_id) do update set key = k.key returning key"};
constexpr Query kReset{"urlauth_key_reset",
                       "insert into urlauth_key (account_id, mailbox_id, user_id, key) values ($1, $2, $3, $4)"
                       " on conflict (account_id, mailbox_id, user_id) do update"
                       " set key = excluded.key, made_at = now()"};
constexpr Query kRemoveAll{"urlauth_keys_remove", "select owner, mailbox from url_keys_remove_v1($1, $2)"};

// The UIDVALIDITY is signed too: a URL that does not name it is void nevertheless when UIDs are given anew.
std::string token_of(std::string_view key, UidValidity uidvalidity, std::string_view rump) {
  std::string text = std::to_string(uidvalidity.value) + ' ';
  text += rump;
  return std::string(kFirstWay) + hex(hmac_sha256(key, text));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::optional<std::string> find_key(Transaction& tx, AccountId account, MailboxId mailbox, AccountId user) {
  const pqxx::result rows = tx.exec(kFind, account.value, mailbox.value, user.value);
  if (rows.empty()) return std::nullopt;
  return from_bytea(rows[0][0]);
}

}  // namespace

Result<std::string> make_url_token(Transaction& tx, const Principal& issuer, const Grant& grant,
                                   std::string_view rump) {
  const MailboxRow& mailbox = grant.mailbox();
  auto key = find_key(tx, grant.account(), mailbox.id, issuer.account);
  if (!key) {
    const pqxx::result made =
        tx.exec(kMake, grant.account().value, mailbox.id.value, issuer.account.value, bytes(random_octets(kKeyOctets)));
    key = from_bytea(made[0][0]);
  }
  return token_of(*key, mailbox.uidvalidity, rump);
}

Result<Grant> authorize_by_url(Transaction& tx, const SignedUrl& url) {
  const auto record = login_record(tx, url.user);
  const bool known = record && !record->service && !record->disabled;
  Principal issuer;
  if (known) issuer = Principal{record->account, record->name, record->name, Role::owner};
  auto grant = authorize(tx, issuer, url.path, kRead);
  const MailboxId mailbox = grant ? grant->mailbox().id : MailboxId{};
  const UidValidity uidvalidity = grant ? grant->mailbox().uidvalidity : UidValidity{};
  const auto key = find_key(tx, grant ? grant->account() : AccountId{}, mailbox, issuer.account);
  const std::string right = token_of(key.value_or(std::string(kKeyOctets, '\0')), uidvalidity, url.rump);
  const bool same = equal_secrets(right, lower(url.token));
  const bool current = !url.uidvalidity || *url.uidvalidity == uidvalidity.value;
  if (!known || !grant || !key || !current || !same) return fail(Failure::not_found, "no such URL");
  return grant;
}

void reset_url_key(Transaction& tx, const Principal& who, const Grant& grant) {
  AuditEntry entry;
  entry.command = AuditCommand::url_keys;
  entry.account = grant.account();
  entry.mailbox = grant.mailbox().id;
  entry.path = grant.mailbox().own_path();
  record(tx, who.via, entry);
  tx.exec(kReset, grant.account().value, grant.mailbox().id.value, who.account.value, bytes(random_octets(kKeyOctets)));
}

std::vector<MailboxRef> remove_url_keys(Transaction& tx, const Principal& who) {
  std::vector<MailboxRef> out;
  std::vector<std::int64_t> owners{who.account.value};
  for (const AccountId owner : AclReader(tx, who.account).owners(tx)) owners.push_back(owner.value);
  for (const auto& row : tx.exec(kRemoveAll, who.account.value, array(std::span<const std::int64_t>(owners)))) {
    out.push_back({AccountId{row[0].as<std::int64_t>()}, MailboxId{row[1].as<std::int32_t>()}});
  }
  AuditEntry entry;
  entry.command = AuditCommand::url_keys;
  entry.account = who.account;
  if (!out.empty()) record(tx, who.via, entry);
  return out;
}

bool is_self(Transaction& tx, const Principal& who, std::string_view user) {
  const auto record = login_record(tx, user);
  return record && !record->service && record->account == who.account;
}

bool is_service_for(Transaction& tx, const Principal& who, std::string_view user) {
  if (who.role == Role::owner) return false;
  const auto address = canonical_address(user);
  const auto record = login_record(tx, who.actor);
  if (!address || !record || !record->service || record->disabled) return false;
  return std::any_of(record->patterns.begin(), record->patterns.end(),
                     [&](const std::string& pattern) { return matches_pattern(pattern, *address); });
}

}  // namespace cpm::schema
