#include "base/hex.h"
#include "schema/append.h"
#include "schema/content_rows.h"
#include "schema/mailbox_rows.h"
#include "schema/owners.h"

#include <map>
#include <utility>

namespace cpm::schema {

namespace {

constexpr Query kDeposited{"deposited", "select n, uid from deposited_v1($1, $2, $3::text[], $4::text[], $5::bytea[])"};
// What two deposits of one object have in common.
struct Identity {
  std::string imdn, contribution, digest;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};

std::optional<Identity> identity_of(StagedMessage& message) {
  const ObjectFacts& facts = message.message.head.facts;
  if (facts.kind == ObjectKind::mail || (facts.imdn_message_id.empty() && facts.contribution_id.empty()))
    return std::nullopt;
  // Found once: the deposit that may follow takes it over.
  if (message.digest.empty()) message.digest = sha256(read_all(*message.message.octets, message.size));
  Identity out{clean_fact(facts.imdn_message_id), {}, message.digest};
  if (out.imdn.empty()) out.contribution = clean_fact(facts.contribution_id);
  return out;
}

// The UIDs of those that stand in the mailbox.
std::map<Identity, std::uint32_t> find(Transaction& tx, const Grant& grant, const std::vector<Identity>& wanted) {
  std::map<Identity, std::uint32_t> out;
  if (wanted.empty()) return out;
  std::vector<std::string> imdn, contributions, digests;
  for (const Identity& one : wanted) {
    imdn.push_back(one.imdn);
    contributions.push_back(one.contribution);
    digests.push_back("\\x" + hex(one.digest));
  }
  for (const auto& row : tx.exec(kDeposited, grant.account().value, grant.mailbox().id.value, array(std::span(imdn)),
                                 array(std::span(contributions)), array(std::span(digests))))
    out.emplace(wanted[row[0].as<std::size_t>() - 1], row[1].as<std::uint32_t>());
  return out;
}

}  // namespace

Result<DepositedOnce> deposit_once(Transaction& tx, const Principal& who, std::string_view path,
                                   std::vector<StagedMessage>& messages, const Limits& limits, const Admit& admit) {
  AccountId account = who.account;
  if (leads_elsewhere(path)) {
    CPM_TRY(there, authorize(tx, who, path, kInsert));
    account = there.account();
  }
  CPM_CHECK(lock_account(tx, account));
  CPM_TRY(grant, authorize(tx, who, path, kInsert));
  std::vector<std::optional<Identity>> identities;
  std::vector<Identity> wanted;
  for (StagedMessage& message : messages) {
    auto identity = identity_of(message);
    if (identity) wanted.push_back(*identity);
    identities.push_back(std::move(identity));
  }
  const std::map<Identity, std::uint32_t> there = find(tx, grant, wanted);

  DepositedOnce out{grant.ref(), grant.mailbox().uidvalidity, {}, {}, grant.mailbox().highestmodseq};
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
    if (admit) CPM_CHECK(admit(fresh));
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
