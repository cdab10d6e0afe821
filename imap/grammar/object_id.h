// Object identifiers (RFC 8474): made from numbers of the store that never change, and read back from what a client
// names. A letter tells the kinds apart; otherwise lower-case hexadecimal digits. MAILBOXID shows no number of the
// store: it is a digest of the account's random number, the mailbox's, which is never reused, and its UIDVALIDITY.
// EMAILID is the content's number, which COPY and MOVE keep; THREADID the thread's.
// Runs on: any thread.
#pragma once

#include "base/ids.h"
#include "imap/wire/lexer.h"
#include "schema/mailboxes.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap {

[[nodiscard]] std::string mailbox_object_id(const schema::MailboxRow& mailbox);
[[nodiscard]] std::string email_object_id(ContentId content);
[[nodiscard]] std::string thread_object_id(std::int64_t thread);

// What was never given out names nothing.
[[nodiscard]] std::optional<ContentId> content_named(std::string_view email_id);
[[nodiscard]] std::optional<std::int64_t> thread_named(std::string_view thread_id);

namespace grammar {

[[nodiscard]] std::string parse_object_id(wire::Lexer& lexer);  // RFC 8474 7

}  // namespace grammar
}  // namespace cpm::imap
