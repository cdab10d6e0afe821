// What APPEND and REPLACE share: a message as it comes over the wire, and its way into the store.
// RFC 9051 6.3.12, RFC 4466 (append-message), RFC 5257 4.7, RFC 3516 (literal8), RFC 6855 4 (UTF8 data).
// Runs on: session strand.
#pragma once

#include "imap/commands/append_catenate.h"
#include "imap/grammar/annotation_entry.h"
#include "imap/session/session.h"
#include "schema/append.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cpm::imap {

struct AppendMessage {
  bool utf8 = false;    // given as UTF8 (…)
  bool stored = false;  // comes from the store: was accepted before
  schema::FlagSet flags;
  std::optional<std::chrono::sys_seconds> date;
  wire::Literal literal;
  std::vector<CatenatePart> parts;  // CATENATE: instead of the literal
  grammar::AnnotationSettings annotations;
};

// [flag-list SP] [date-time SP] [ANNOTATION … SP] then a literal or CATENATE and its parts; the blank before it is
// taken.
[[nodiscard]] AppendMessage parse_append_message(wire::Lexer& lexer, const ParseContext& context);

// More literals than one command may have: said before the next is sent. `text`: the command so far. Nothing: no.
[[nodiscard]] std::optional<Done> refuse_literal(const Session& session, std::string_view text);

// Before the first octet of a message is sent: is there such a mailbox, and may this session add to it? Nothing: yes.
boost::asio::awaitable<std::optional<Done>> refuse_target(Session& session, std::string wire_name);

// The target of a message that does not exist is TRYCREATE (RFC 9051 6.3.12).
[[nodiscard]] Error target_error(const Error& error);

using StagedMessages = std::shared_ptr<std::vector<schema::StagedMessage>>;

// Parsed, and large ones written, ready for a deposit into the mailbox `path`. `check_quota`: refuse large ones early
// that have no room now.
boost::asio::awaitable<Result<StagedMessages>> stage_messages(Session& session, std::string path,
                                                              std::vector<AppendMessage> messages, bool check_quota);

// After the commit: what may be made of the messages in advance (session/preparation.h).
void note_deposited(Session& session, AccountId account, const std::vector<schema::StagedMessage>& messages);

}  // namespace cpm::imap
