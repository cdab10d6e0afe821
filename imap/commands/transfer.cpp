#include "imap/commands/transfer.h"

#include "imap/commands/append_message.h"
#include "imap/commands/stored_message.h"
#include "imap/session/containment.h"
#include "imap/session/pieces.h"
#include "schema/conversations.h"
#include "schema/owners.h"

#include <algorithm>

namespace cpm::imap {

namespace {

struct Taken {
  UidSet uids;  // in order, those that are there
  std::vector<AppendMessage> messages;
};

// The flags as names: keyword numbers are those of a mailbox.
schema::FlagSet flags_of(const Snapshot& now, std::size_t index) {
  const schema::MessageFlags flags = now.flags_at(index);
  schema::FlagSet out{flags.bits, {}};
  for (const schema::KeywordId id : flags.keywords) {
    if (const std::string* name = now.keywords.name(id)) out.keywords.push_back(*name);
  }
  return out;
}

boost::asio::awaitable<Result<std::vector<schema::MessageRow>>> rows_of(Session& session, schema::MailboxRef source,
                                                                        UidSet uids, bool move) {
  auto work = [who = *session.principal, source, uids = std::move(uids),
               move](schema::Transaction& tx) -> Result<std::vector<schema::MessageRow>> {
    CPM_TRY(grant, schema::authorize(tx, who, source, source_rights(move)));
    return schema::fetch_rows(tx, grant, uids, schema::kColumnBytes, schema::kInlineOctets);
  };
  auto rows = co_await session.db(std::move(work), schema::Mode::reads);
  co_return rows;
}

boost::asio::awaitable<Result<AppendMessage>> take_one(Session& session, AccountId account,
                                                       const schema::MessageRow& row) {
  constexpr std::uint64_t kWindow = 512 * 1024;
  Spool octets(session.limits(), session.services.settings.spool_directory);
  for (std::uint64_t at = 0; at < row.size; at += kWindow) {
    const StoredMessage stored{session, account, &row};
    const std::uint64_t end = std::min(row.size, at + kWindow);
    auto piece = co_await read_stored(stored, at, end);
    if (!piece) co_return piece.error();
    auto kept = octets.append(*piece);
    if (!kept) co_return kept.error();
  }
  AppendMessage message;
  message.stored = true;
  message.date = row.internal_date;
  message.literal.binary = true;  // its octets stay as they are
  message.literal.data = std::move(octets);
  co_return std::move(message);
}

boost::asio::awaitable<Result<Taken>> take(Session& session, bool move, schema::MailboxRef source, UidSet wanted) {
  auto latest = co_await session.services.snapshots.latest(session.services.db, session.limits().command_deadline,
                                                           *session.principal, source, nullptr);
  if (!latest) co_return latest.error();
  const Snapshot& now = **latest;
  constexpr std::size_t kPage = 20;
  Taken taken;
  std::uint64_t in_memory = 0;
  std::vector<UidSet> pages = in_pieces(wanted, false, kPage);
  for (UidSet& page : pages) {
    auto rows = co_await rows_of(session, source, std::move(page), move);
    if (!rows) co_return rows.error();
    for (const schema::MessageRow& row : *rows) {
      const std::size_t index = now.index_of(row.uid.value);
      if (index == Snapshot::npos) continue;
      in_memory += std::min<std::uint64_t>(row.size, schema::kInlineOctets);
      if (in_memory > session.limits().session_octets) {
        co_return fail(Failure::limit, "Too much to copy to another account at once");
      }
      auto message = co_await take_one(session, source.account, row);
      if (!message) co_return message.error();
      message->flags = flags_of(now, index);
      taken.uids.add(row.uid.value);
      taken.messages.push_back(std::move(*message));
      if (session.terminated) co_return being_ended();
    }
  }
  co_return std::move(taken);
}

Result<Transferred> put(schema::Transaction& tx, const schema::Principal& who, bool move, schema::MailboxRef source,
                        const UidSet& uids, const std::string& target, std::vector<schema::StagedMessage>& staged,
                        const Limits& limits, const Settings& settings) {
  auto to = schema::authorize(tx, who, target, schema::kInsert);
  if (!to) return target_error(to.error());
  CPM_TRY(from, schema::authorize(tx, who, source, source_rights(move)));
  // Two accounts are locked in the order of their numbers, whichever way the messages go.
  std::vector<AccountId> accounts{to->account()};
  if (move) accounts.push_back(from.account());
  std::sort(accounts.begin(), accounts.end());
  for (const AccountId account : accounts) CPM_CHECK(schema::lock_account_row(tx, account));
  CPM_CHECK(may_copy(tx, settings, from, uids, *to, move));
  CPM_TRY(stored, schema::deposit(tx, *to, staged, limits));
  Transferred out{{stored.uidvalidity, uids, stored.uids, from.mailbox().highestmodseq}, to->ref()};
  if (!move) return out;
  schema::StoreRequest mark;
  mark.uids = uids;
  mark.change = schema::FlagChange::add;
  mark.flags.bits = schema::kDeleted;
  CPM_CHECK(schema::store_flags(tx, from, mark, limits));
  CPM_TRY(gone, schema::expunge(tx, from, uids));
  if (gone.uids.size() != uids.size()) return fail(Failure::expunged, "Some messages were expunged meanwhile");
  out.result.source_modseq = gone.highestmodseq;
  return out;
}

}  // namespace

boost::asio::awaitable<Result<bool>> between_accounts(Session& session, schema::MailboxRef source, std::string target) {
  if (!schema::leads_elsewhere(target)) co_return source.account != session.principal->account;
  auto work = [who = *session.principal, target = std::move(target)](schema::Transaction& tx) -> Result<AccountId> {
    const auto to = schema::authorize(tx, who, target, schema::kInsert);
    if (!to) return target_error(to.error());
    return to->account();
  };
  auto account = co_await session.db(std::move(work), schema::Mode::reads);
  if (!account) co_return account.error();
  co_return *account != source.account;
}

boost::asio::awaitable<Result<Transferred>> transfer(Session& session, bool move, schema::MailboxRef source,
                                                     std::string target, UidSet wanted) {
  auto taken = co_await take(session, move, source, std::move(wanted));
  if (!taken) co_return taken.error();
  if (taken->messages.empty()) co_return Transferred{};
  auto staged = co_await stage_messages(session, target, std::move(taken->messages), true);
  if (!staged) co_return staged.error();
  auto work = [who = *session.principal, move, source, uids = taken->uids, target = std::move(target),
               messages = *staged, &limits = session.limits(),
               &settings = session.services.settings](schema::Transaction& tx) {
    return put(tx, who, move, source, uids, target, *messages, limits, settings);
  };
  auto done = co_await session.db(std::move(work));
  co_return done;
}

}  // namespace cpm::imap
