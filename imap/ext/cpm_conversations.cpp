// X-CPM-CONVERSATIONS: the conversations of a store, the newest activity first, a page at a time, from one indexed
// statement. XCONVERSATIONS [(COUNT n AFTER cursor UNREAD WITH address)]; the grammar is in docs/conversations.md.
#include "imap/cpm/layout.h"
#include "imap/grammar/object_id.h"
#include "imap/session/session.h"
#include "schema/conversations.h"

#include <charconv>

namespace cpm::imap::ext::cpm_conversations {

namespace {

constexpr std::uint32_t kMostAtOnce = 1000;

// "1588573800-T0123…": seconds since 1970 and the THREADID of the last one told.
std::string cursor_text(const schema::Conversation& last) {
  return std::to_string(last.last_at.time_since_epoch().count()) + '-' + thread_object_id(last.id);
}

std::optional<schema::ConversationCursor> cursor_from(std::string_view text) {
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, seconds);
  constexpr std::int64_t kYear9999 = 253'402'300'799;
  if (error != std::errc() || at == end || *at != '-' || seconds < -kYear9999 || seconds > kYear9999)
    return std::nullopt;
  const auto thread = thread_named(text.substr(static_cast<std::size_t>(at - text.data()) + 1));
  if (!thread) return std::nullopt;
  return schema::ConversationCursor{std::chrono::sys_seconds(std::chrono::seconds(seconds)), *thread};
}

void parse_option(wire::Lexer& lexer, schema::ConversationQuery& query) {
  const std::string name = lexer.word();
  if (name == "UNREAD") {
    query.unread = true;
    return;
  }
  if (name != "COUNT" && name != "AFTER" && name != "WITH") lexer.bad("Unknown option " + name);
  lexer.sp();
  if (name == "COUNT") {
    const std::uint32_t count = lexer.nz_number();
    if (count > kMostAtOnce) lexer.bad("COUNT is at most " + std::to_string(kMostAtOnce));
    query.limit = count;
  } else if (name == "AFTER") {
    query.after = cursor_from(lexer.astring());
    if (!query.after) lexer.bad("AFTER takes what XCURSOR said");
  } else {
    query.participant = cpm_objects::canonical_address(lexer.astring());
    if (!query.participant) lexer.bad("WITH takes an address");
  }
}

schema::ConversationQuery parse(wire::Lexer& lexer, const ParseContext&) {
  schema::ConversationQuery query;
  if (lexer.try_sp()) lexer.list(false, [&] { parse_option(lexer, query); });
  lexer.end();
  return query;
}

std::string_view kind_name(schema::ObjectKind kind) {
  using Kind = schema::ObjectKind;
  switch (kind) {
    case Kind::message: return "MESSAGE";
    case Kind::chat_message: return "CHAT";
    case Kind::notification: return "NOTIFICATION";
    case Kind::session_info: return "SESSION";
    case Kind::group_state: return "GROUPSTATE";
    case Kind::file_transfer: return "FILE";
    case Kind::media: return "MEDIA";
    case Kind::sms: return "SMS";
    case Kind::mms: return "MMS";
    case Kind::signal: return "SIGNAL";
    case Kind::mail: break;
  }
  return "MAIL";
}

std::string_view direction_name(schema::Direction direction) {
  if (direction == schema::Direction::unknown) return "NIL";
  return direction == schema::Direction::sent ? "SENT" : "RECEIVED";
}

std::optional<std::string> or_nil(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

void write_message(wire::Encoder& out, const schema::ConversationMessage& message) {
  out.raw("(MAILBOX ").mailbox_quoted(message.mailbox);
  out.raw(" UIDVALIDITY ").number(message.uidvalidity.value).raw(" UID ").number(message.uid.value);
  out.raw(" EMAILID (").raw(email_object_id(message.content)).raw(") KIND ").raw(kind_name(message.facts.kind));
  out.raw(" DIRECTION ").raw(direction_name(message.facts.direction));
  out.raw(" FROM ").nstring(or_nil(message.facts.sender));
  out.raw(" PREVIEW ").nstring(or_nil(message.facts.preview)).raw(")");
}

void write(wire::Encoder& out, const schema::Conversation& one) {
  out.raw("* XCONVERSATION (THREADID (").raw(thread_object_id(one.id)).raw(") NAME ").string(one.name);
  out.raw(one.group ? " TYPE GROUP" : " TYPE SINGLE").raw(" MESSAGES ").number(one.messages);
  out.raw(" UNREAD ").number(one.unread).raw(" LAST ").date_time(one.last_at);
  out.raw(" SUBJECT ").nstring(or_nil(one.subject)).raw(" PARTICIPANTS (");
  for (std::size_t i = 0; i < one.participants.size(); ++i) {
    if (i > 0) out.sp();
    out.string(one.participants[i]);
  }
  out.raw(") MESSAGE ");
  if (one.last) {
    write_message(out, *one.last);
  } else {
    out.raw("NIL");
  }
  out.raw(")").crlf();
}

boost::asio::awaitable<Done> execute(Session& session, schema::ConversationQuery query) {
  const std::size_t wanted = query.limit;
  ++query.limit;  // one more says whether there is more
  auto work = [who = *session.principal, query](schema::Transaction& tx) {
    return schema::list_conversations(tx, who, query);
  };
  auto page = co_await session.db(std::move(work), schema::Mode::reads);
  if (!page) co_return failed(page.error());
  const bool more = page->size() > wanted;
  if (more) page->pop_back();
  wire::Encoder out = session.out.encoder();
  for (const schema::Conversation& one : *page) {
    write(out, one);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return failed(sent.error());
  }
  co_return ok("XCONVERSATIONS completed", more ? "XCURSOR " + cursor_text(page->back()) : "");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "cpm_conversations";
  extension.rfcs = {"X-CPM-CONVERSATIONS"};
  extension.requires_names = {"objectid"};
  extension.capabilities = {{"X-CPM-CONVERSATIONS"}};
  extension.commands = {command("XCONVERSATIONS", kLoggedIn, kTellChanges, parse, execute)};
  extension.response_codes = {"XCURSOR"};
  return extension;
}

}  // namespace cpm::imap::ext::cpm_conversations
