#include "schema/append.h"
#include "schema/content_rows.h"

#include <map>
#include <stdexcept>
#include <utility>

namespace cpm::schema {

namespace {

constexpr Query kLock{"account_lock_once", "select from account where account_id = $1 for no key update"};
constexpr Query kDeposited{"deposited", "select n, uid from deposited_v1($1, $2, $3::text[], $4::text[], $5::bytea[])"};
constexpr Query kStagedDigest{"staged_digest",
                              "select encode(digest, 'hex') from content where account_id = $1 and content_id = $2"};

std::string hex(std::string_view octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : octets) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

Result<std::string> digest_of(Transaction& tx, AccountId account, const StagedMessage& message) {
  if (!message.inline_bytes) {
    const pqxx::result rows = tx.exec(kStagedDigest, account.value, message.content.value);
    if (rows.empty()) return fail(Failure::unavailable, "the staged message is gone; try again");
    return std::string(rows[0][0].c_str());
  }
  std::string octets(static_cast<std::size_t>(message.size), '\0');
  for (std::size_t filled = 0; filled < octets.size();) {
    const std::size_t got = message.message.octets->read(filled, octets.data() + filled, octets.size() - filled);
    if (got == 0) throw std::runtime_error("the octets of a message ended early");
    filled += got;
  }
  return hex(sha256(octets));
}

// What two deposits of one object have in common.
struct Identity {
  std::string imdn, contribution, digest;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};

Result<std::optional<Identity>> identity_of(Transaction& tx, AccountId account, const StagedMessage& message) {
  const ObjectFacts& facts = message.message.head.facts;
  if (facts.kind == ObjectKind::mail || (facts.imdn_message_id.empty() && facts.contribution_id.empty()))
    return std::optional<Identity>();
  CPM_TRY(digest, digest_of(tx, account, message));
  Identity out{clean_fact(facts.imdn_message_id), {}, digest};
  if (out.imdn.empty()) out.contribution = clean_fact(facts.contribution_id);
  return std::optional(std::move(out));
}

// The UIDs of those that stand in the mailbox.
std::map<Identity, std::uint32_t> find(Transaction& tx, const Grant& grant, const std::vector<Identity>& wanted) {
  std::map<Identity, std::uint32_t> out;
  if (wanted.empty()) return out;
  std::vector<std::string> imdn, contributions, digests;
  for (const Identity& one : wanted) {
    imdn.push_back(one.imdn);
    contributions.push_back(one.contribution);
    digests.push_back("\\x" + one.digest);
  }
  for (const auto& row : tx.exec(kDeposited, grant.account().value, grant.mailbox().id.value, array(std::span(imdn)),
                                 array(std::span(contributions)), array(std::span(digests))))
    out.emplace(wanted[row[0].as<std::size_t>() - 1], row[1].as<std::uint32_t>());
  return out;
}

}  // namespace

Result<DepositedOnce> deposit_once(Transaction& tx, const Principal& who, std::string_view path,
                                   std::vector<StagedMessage>& messages, const Limits& limits) {
  tx.exec(kLock, who.account.value);
  CPM_TRY(grant, authorize(tx, who, path, kInsert));
  std::vector<std::optional<Identity>> identities;
  std::vector<Identity> wanted;
  for (const StagedMessage& message : messages) {
    CPM_TRY(identity, identity_of(tx, who.account, message));
    if (identity) wanted.push_back(*identity);
    identities.push_back(std::move(identity));
  }
  const std::map<Identity, std::uint32_t> there = find(tx, grant, wanted);

  DepositedOnce out{grant.mailbox().id, grant.mailbox().uidvalidity, {}, {}, grant.mailbox().highestmodseq};
  std::vector<StagedMessage> fresh;
  std::vector<std::size_t> place;  // of each message: its number among `fresh`, or where it was found
  std::map<Identity, std::size_t> first;
  std::vector<bool> found;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& identity = identities[i];
    if (const auto old = identity ? there.find(*identity) : there.end(); old != there.end()) {
      place.push_back(old->second);
      found.push_back(true);
      continue;
    }
    found.push_back(false);
    if (const auto before = identity ? first.find(*identity) : first.end(); before != first.end()) {
      place.push_back(before->second);
      continue;
    }
    if (identity) first.emplace(*identity, fresh.size());
    place.push_back(fresh.size());
    fresh.push_back(messages[i]);
  }
  std::uint32_t first_uid = 0;
  if (!fresh.empty()) {
    CPM_TRY(stored, deposit(tx, grant, fresh, limits));
    out.uidvalidity = stored.uidvalidity;
    out.added = stored.uids;
    out.highestmodseq = stored.highestmodseq;
    first_uid = stored.uids.min();
  }
  for (std::size_t i = 0; i < place.size(); ++i)
    out.uids.push_back(found[i] ? static_cast<std::uint32_t>(place[i])
                                : first_uid + static_cast<std::uint32_t>(place[i]));
  return out;
}

}  // namespace cpm::schema
