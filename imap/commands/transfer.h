// Messages on their way from one account to another: COPY and MOVE between stores. Contents are never shared between
// accounts, so the octets are read from the one and deposited in the other like any new message, who owns the target
// pays. The deposit and, for MOVE, the removal are one transaction: all or nothing. Runs on: session strand.
#pragma once

#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace cpm::imap {

struct Transferred {
  schema::CopyResult result;
  schema::MailboxRef target;
};

// How many messages one MOVE takes at a time: their octets are in memory, kInlineOctets each at most.
inline constexpr std::size_t kTransferPiece = 200;

// From the selected mailbox `source`; flags, keywords and INTERNALDATE are kept as copy_messages keeps them, \Seen as
// the session's user has it. Failure::limit when they are too many octets for one command; those of copy_messages and
// deposit.
boost::asio::awaitable<Result<Transferred>> transfer(Session& session, bool move, schema::MailboxRef source,
                                                     std::string target, UidSet wanted);

// Whether a copy from `source` to `target` is one between accounts. Failure::try_create, denied.
boost::asio::awaitable<Result<bool>> between_accounts(Session& session, schema::MailboxRef source, std::string target);

// What COPY and MOVE need in their source (RFC 4314 4, RFC 6851 3.2; MSS-24, MSS-25).
[[nodiscard]] constexpr schema::Rights source_rights(bool move) {
  constexpr schema::Rights kCopy = schema::kRead | schema::kCopyOut;
  return move ? kCopy | schema::kExpunge | schema::kDeleteMessage : kCopy;
}

}  // namespace cpm::imap
