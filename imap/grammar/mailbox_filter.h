// filter-mailboxes (RFC 5465 8, RFC 7377 4): which mailboxes a command of many mailboxes means.
// Runs on: any thread. Value types.
#pragma once

#include "imap/wire/lexer.h"

#include <string>
#include <vector>

namespace cpm::imap::grammar {

struct MailboxFilter {
  enum class Kind {
    selected,
    selected_delayed,
    inboxes,
    personal,
    subscribed,
    subtree,      // the named ones with all below them
    subtree_one,  // … with their children
    mailboxes,    // the named ones
  };
  Kind kind = Kind::personal;
  std::vector<std::string> names;  // wire spelling; of the last three kinds
};

// One filter-mailboxes; every name of the RFCs is known, a command refuses what it does not allow. Throws
// wire::BadSyntax.
[[nodiscard]] MailboxFilter parse_mailbox_filter(wire::Lexer& lexer);

}  // namespace cpm::imap::grammar
