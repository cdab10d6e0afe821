// OBJECTID (RFC 8474): MAILBOXID in STATUS, EMAILID and THREADID in FETCH and SEARCH. CREATE and SELECT tell MAILBOXID
// themselves. The identifiers are made in grammar/object_id.cpp; the thread is computed at deposit.
#include "imap/grammar/object_id.h"

#include "imap/commands/fetch_item.h"
#include "imap/grammar/search_program.h"

namespace cpm::imap::ext::objectid {

namespace {

class EmailIdItem final : public FetchItem {
 public:
  [[nodiscard]] std::string key() const override { return "EMAILID"; }
  [[nodiscard]] bool needs_row() const override { return true; }
  void write(FetchMessage& message, wire::Encoder& out) const override {
    out.raw("EMAILID (").raw(email_object_id(message.row->content)).raw(")");
  }
};

class ThreadIdItem final : public FetchItem {
 public:
  [[nodiscard]] std::string key() const override { return "THREADID"; }
  [[nodiscard]] std::uint32_t columns() const override { return schema::kColumnThread; }
  void write(FetchMessage& message, wire::Encoder& out) const override {
    if (message.row->thread) {
      out.raw("THREADID (").raw(thread_object_id(*message.row->thread)).raw(")");
    } else {
      out.raw("THREADID NIL");
    }
  }
};

FetchItems parse_email_id(wire::Lexer&, const ParseContext&) { return {std::make_shared<EmailIdItem>()}; }
FetchItems parse_thread_id(wire::Lexer&, const ParseContext&) { return {std::make_shared<ThreadIdItem>()}; }

SearchNode nothing() { return SearchNode::negated(SearchNode::of(SearchNode::Kind::all)); }

SearchNode search_email_id(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  const auto content = content_named(grammar::parse_object_id(lexer));
  return content ? SearchNode::stored(schema::ContentIs{*content}) : nothing();
}

SearchNode search_thread_id(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  const auto thread = thread_named(grammar::parse_object_id(lexer));
  return thread ? SearchNode::stored(schema::ThreadIs{*thread}) : nothing();
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "objectid";
  extension.rfcs = {"RFC 8474"};
  extension.requires_names = {"fetch", "search"};
  extension.capabilities = {{"OBJECTID"}};
  StatusItemSpec status{"MAILBOXID", nullptr};
  status.text = [](const schema::MailboxRow& mailbox) { return '(' + mailbox_object_id(mailbox) + ')'; };
  extension.status_items = {status};
  extension.fetch_items = {{"EMAILID", parse_email_id}, {"THREADID", parse_thread_id}};
  extension.search_keys = {{"EMAILID", search_email_id}, {"THREADID", search_thread_id}};
  extension.response_codes = {"MAILBOXID"};
  return extension;
}

}  // namespace cpm::imap::ext::objectid
