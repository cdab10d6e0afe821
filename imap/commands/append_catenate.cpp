#include "imap/commands/append_catenate.h"

#include "imap/commands/stored_message.h"
#include "imap/session/url_message.h"

#include <algorithm>

namespace cpm::imap {

namespace {

constexpr std::uint64_t kPiece = 256 * 1024;

std::string parse_url(wire::Lexer& lexer) {
  if (!lexer.at_literal()) return lexer.astring();
  wire::Literal literal = lexer.literal();  // literals of this command may be as large as messages
  if (literal.data.size() > grammar::kMostUrlOctets) lexer.bad("The URL is too long");
  return literal.data.text();
}

CatenatePart parse_part(wire::Lexer& lexer, const ParseContext& context) {
  CatenatePart part;
  const std::string name = lexer.word();
  lexer.sp();
  if (name == "URL") {
    part.url = parse_url(lexer);
    if (part.url.empty()) lexer.bad("Expected a URL");
  } else if (name == "TEXT") {
    part.text = lexer.literal();
  } else if (name == "UTF8") {
    if (!context.utf8) lexer.bad("UTF8 data needs ENABLE UTF8=ACCEPT");
    lexer.take('(');
    part.text = lexer.literal();
    if (!part.text.binary) lexer.bad("Expected a literal8");
    lexer.take(')');
  } else {
    lexer.bad("Expected URL or TEXT");
  }
  return part;
}

// Puts parts together, within the size of a message.
class Joiner {
 public:
  explicit Joiner(Session& session)
      : session_(session), joined_(session.limits(), session.services.settings.spool_directory) {}

  Result<void> append_text(Spool& text) {
    CPM_CHECK(make_room(text.size()));
    std::string block(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, text.size())), '\0');
    for (std::uint64_t at = 0; at < text.size();) {
      const std::size_t got = text.read(at, block.data(), block.size());
      if (got == 0) return fail(Failure::internal, "", "a spool is shorter than its size");
      CPM_CHECK(joined_.append(std::string_view(block.data(), got)));
      at += got;
    }
    return {};
  }

  boost::asio::awaitable<Result<void>> append_url(std::string text) {
    const Error nowhere = fail(Failure::bad_url, grammar::url_for_code(text));
    auto url = grammar::parse_imap_url(text, session_.limits());
    if (!url) co_return nowhere;
    const bool with_token = url->verifier && session_.services.registry.has("urlauth");
    Result<UrlMessage> message = fail(Failure::internal, "");
    if (with_token) {
      message = co_await open_signed_url(session_, text, std::move(*url), schema::kColumnHeader);
    } else {
      message = co_await open_own_url(session_, std::move(*url), schema::kColumnHeader);
    }
    if (!message && message.error().failure == Failure::not_found) co_return nowhere;
    if (!message) co_return message.error();
    const StoredMessage stored{session_, message->account, &message->row};
    auto found = co_await find_section(stored, &message->parts, message->section);
    if (!found) co_return found.error();
    if (!*found) co_return nowhere;
    SectionOctets& octets = **found;
    if (message->partial) octets.cut(message->partial->offset, message->partial->length);
    auto room = make_room(octets.size());
    if (!room) co_return room.error();
    if (octets.text) co_return joined_.append(*octets.text);
    for (std::uint64_t at = octets.range.begin; at < octets.range.end;) {
      const std::uint64_t stop = std::min(octets.range.end, at + kPiece);
      auto piece = co_await read_stored(stored, at, stop);
      if (!piece) co_return piece.error();
      if (piece->size() != stop - at) co_return fail(Failure::corrupt, "", "content is shorter than its size");
      auto appended = joined_.append(*piece);
      if (!appended) co_return appended.error();
      if (session_.terminated) co_return being_ended();
      at = stop;
    }
    co_return Result<void>{};
  }

  [[nodiscard]] Spool take() { return std::move(joined_); }

 private:
  [[nodiscard]] Result<void> make_room(std::uint64_t octets) const {
    const std::uint64_t most = session_.limits().message_octets;
    if (octets > most || joined_.size() > most - octets) return fail(Failure::too_big, "Message too large");
    return {};
  }

  Session& session_;
  Spool joined_;
};

}  // namespace

std::vector<CatenatePart> parse_catenate(wire::Lexer& lexer, const ParseContext& context) {
  std::vector<CatenatePart> parts;
  lexer.list(false, [&] {
    if (parts.size() >= context.limits.multiappend_messages) lexer.bad("Too many parts in one message");
    parts.push_back(parse_part(lexer, context));
  });
  return parts;
}

boost::asio::awaitable<Result<wire::Literal>> catenate(Session& session, std::vector<CatenatePart> parts) {
  Joiner joiner(session);
  wire::Literal message;
  for (CatenatePart& part : parts) {
    Result<void> joined;
    if (part.url.empty()) {
      joined = joiner.append_text(part.text.data);
      message.binary = message.binary || part.text.binary;
      message.has_nul = message.has_nul || part.text.has_nul;
      part.text.data = Spool();  // its room is needed for the whole
    } else {
      joined = co_await joiner.append_url(std::move(part.url));
    }
    if (!joined) co_return joined.error();
  }
  message.data = joiner.take();
  co_return message;
}

}  // namespace cpm::imap
