#include "imap/grammar/mailbox_filter.h"

#include "imap/grammar/mailbox_name.h"

namespace cpm::imap::grammar {

MailboxFilter parse_mailbox_filter(wire::Lexer& lexer) {
  using Kind = MailboxFilter::Kind;
  MailboxFilter filter;
  const std::string name = lexer.word();
  if (name == "SELECTED") {
    filter.kind = Kind::selected;
  } else if (name == "SELECTED-DELAYED") {
    filter.kind = Kind::selected_delayed;
  } else if (name == "INBOXES") {
    filter.kind = Kind::inboxes;
  } else if (name == "PERSONAL") {
    filter.kind = Kind::personal;
  } else if (name == "SUBSCRIBED") {
    filter.kind = Kind::subscribed;
  } else if (name == "SUBTREE" || name == "SUBTREE-ONE" || name == "MAILBOXES") {
    filter.kind = name == "SUBTREE" ? Kind::subtree : name == "MAILBOXES" ? Kind::mailboxes : Kind::subtree_one;
    lexer.sp();
    if (lexer.peek() == '(') {
      lexer.list(false, [&] {
        if (filter.names.size() >= lexer.limits().set_ranges) lexer.bad("Too many mailboxes");
        filter.names.push_back(parse_mailbox(lexer));
      });
    } else {
      filter.names.push_back(parse_mailbox(lexer));
    }
  } else {
    lexer.bad("Unknown mailbox filter " + name);
  }
  return filter;
}

}  // namespace cpm::imap::grammar
