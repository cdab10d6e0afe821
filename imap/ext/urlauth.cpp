// URLAUTH (RFC 4467): GENURLAUTH signs URLs, URLFETCH gives what they name to whom they permit, RESETKEY makes them
// void. URLFETCH with parameters is URLAUTH=BINARY (RFC 5524, ext/urlauth_binary). Who may use what URL:
// docs/decisions/0028-url-access.md.
#include "schema/urlauth.h"
#include "imap/commands/mailbox_argument.h"
#include "imap/commands/stored_message.h"
#include "imap/mime/body_part.h"
#include "imap/response/responses.h"
#include "imap/session/url_message.h"
#include "schema/accounts.h"

#include <algorithm>

namespace cpm::imap::ext::urlauth {

namespace {

constexpr std::size_t kMostUrls = 100;  // in one command

// -- GENURLAUTH

struct Rump {
  std::string url;
  std::string mechanism;
};
struct GenUrlAuthCommand {
  std::vector<Rump> rumps;
};

GenUrlAuthCommand parse_genurlauth(wire::Lexer& lexer, const ParseContext&) {
  GenUrlAuthCommand command;
  do {
    if (command.rumps.size() >= kMostUrls) lexer.bad("Too many URLs");
    Rump rump;
    lexer.sp();
    rump.url = lexer.astring();
    lexer.sp();
    rump.mechanism = lexer.word();
    command.rumps.push_back(std::move(rump));
  } while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0');
  lexer.end();
  return command;
}

Done refuse_url(const std::string& url, std::string why) {
  return bad(std::move(why), "BADURL " + grammar::url_for_code(url));
}

// What can be seen from the URL itself (RFC 4467 7, GENURLAUTH). Empty: nothing is wrong.
std::string fault_of(const Session& session, const Result<grammar::ImapUrl>& parsed) {
  if (!parsed) return parsed.error().text;
  const grammar::ImapUrl& url = *parsed;
  const Settings& settings = session.services.settings;
  if (!url.has_scheme || !url.server) return "Expected an absolute URL";
  if (!url.server->user) return "The URL names no user";
  if (!is_this_server(settings, *url.server)) return "The URL is not of this server";
  if (!url.mailbox || !url.uid) return "The URL names no message";
  if (!url.access) return "Expected ;URLAUTH=";
  if (url.verifier) return "The URL is signed already";
  if (url.partial && !session.services.registry.has("url_partial")) return "PARTIAL is not offered here";
  if (!is_known_access(settings, *url.access)) return "Unknown access identifier";
  const bool personal = url.access->application == "submit" || url.access->application == "user";
  if (personal && !schema::canonical_address(*url.access->user)) return "Not a user of any server";
  return {};
}

struct Unsigned {
  std::string text;
  std::string user;
  std::string path;
  std::optional<std::uint32_t> uidvalidity;
  std::uint32_t uid = 0;
  grammar::Section section;
};

// The token; an empty one when there is nothing of that name, or it is not this user's.
Result<std::string> sign(schema::Transaction& tx, const schema::Principal& who, const Unsigned& url) {
  if (!schema::is_self(tx, who, url.user)) return std::string{};
  auto grant = schema::authorize(tx, who, url.path, schema::kRead);
  if (!grant && grant.error().failure == Failure::not_found) return std::string{};
  if (!grant) return grant.error();
  if (url.uidvalidity && *url.uidvalidity != grant->mailbox().uidvalidity.value) return std::string{};
  UidSet uids;
  uids.add(url.uid);
  CPM_TRY(rows, schema::fetch_rows(tx, *grant, uids, schema::kColumnPartMap, 0));
  if (rows.empty()) return std::string{};
  CPM_TRY(parts, mime::PartMap::decode(rows.front().part_map));
  if (!has_section(parts, url.section)) return std::string{};
  return schema::make_url_token(tx, who, *grant, url.text);
}

boost::asio::awaitable<Done> genurlauth(Session& session, GenUrlAuthCommand command) {
  auto urls = std::make_shared<std::vector<Unsigned>>();
  for (const Rump& rump : command.rumps) {
    auto parsed = grammar::parse_imap_url(rump.url, session.limits());
    const std::string fault = fault_of(session, parsed);
    if (!fault.empty()) co_return refuse_url(rump.url, fault);
    if (rump.mechanism != "INTERNAL") co_return failed(fail(Failure::unsupported, "The only mechanism is INTERNAL"));
    auto path = grammar::canonical_mailbox(*parsed->mailbox, true, false, session.limits());
    if (!path) co_return refuse_url(rump.url, "No such mailbox");
    urls->push_back({rump.url, *parsed->server->user, std::move(*path), parsed->uidvalidity, *parsed->uid,
                     parsed->section.value_or(grammar::Section{})});
  }
  auto work = [who = *session.principal, urls](schema::Transaction& tx) -> Result<std::vector<std::string>> {
    std::vector<std::string> tokens;
    for (const Unsigned& url : *urls) {
      CPM_TRY(token, sign(tx, who, url));
      tokens.push_back(token);
      if (token.empty()) break;
    }
    return tokens;
  };
  auto tokens = co_await session.db(std::move(work));
  if (!tokens) co_return failed(tokens.error());
  if (tokens->back().empty()) {
    co_return refuse_url((*urls)[tokens->size() - 1].text, "There is no such message of this user");
  }
  wire::Encoder out = session.out.encoder();
  out.raw("* GENURLAUTH");
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    out.sp().string((*urls)[i].text + ":internal:" + (*tokens)[i]);
  }
  out.crlf();
  co_return ok("GENURLAUTH completed");
}

// -- RESETKEY

struct ResetKeyCommand {
  std::optional<std::string> mailbox;  // none: all keys
  std::vector<std::string> mechanisms;
};

ResetKeyCommand parse_resetkey(wire::Lexer& lexer, const ParseContext&) {
  ResetKeyCommand command;
  // A blank without a name is a mistake, not the wish to remove all.
  if (lexer.try_sp()) {
    command.mailbox = grammar::parse_mailbox(lexer);
    while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0') {
      lexer.sp();
      if (command.mechanisms.size() >= kMostUrls) lexer.bad("Too many mechanisms");
      command.mechanisms.push_back(lexer.word());
    }
  }
  lexer.end();
  return command;
}

// Sessions that have such a mailbox selected are told that there is another key (RFC 4467 7, RESETKEY). This one hears
// it in its tagged answer.
void announce(Session& session, schema::MailboxRef mailbox) {
  session.services.hub.changed(mailbox.account, keys_of(mailbox.id));
  const bool own = session.selected && session.selected->view.snapshot().mailbox.ref() == mailbox;
  if (own) session.selected->watch->take_keys_changed();
}

boost::asio::awaitable<Done> reset_all(Session& session) {
  auto work = [who = *session.principal](schema::Transaction& tx) -> Result<std::vector<schema::MailboxRef>> {
    return schema::remove_url_keys(tx, who);
  };
  auto mailboxes = co_await session.db(std::move(work));
  if (!mailboxes) co_return failed(mailboxes.error());
  for (const schema::MailboxRef mailbox : *mailboxes) announce(session, mailbox);
  co_return ok("All keys removed", tells_url_mechanisms(session) && session.selected ? "URLMECH INTERNAL" : "");
}

boost::asio::awaitable<Done> resetkey(Session& session, ResetKeyCommand command) {
  // To make URLs of the user void is not the business of a service that only deposits.
  const bool may = (schema::account_rights(*session.principal) & schema::kAdminister) != 0;
  if (!may) co_return failed(fail(Failure::denied, "No right to change keys"));
  if (!command.mailbox) {
    Done done = co_await reset_all(session);
    co_return done;
  }
  const bool known = std::all_of(command.mechanisms.begin(), command.mechanisms.end(),
                                 [](const std::string& name) { return name == "INTERNAL"; });
  if (!known) co_return failed(fail(Failure::unsupported, "The only mechanism is INTERNAL"));
  const auto path = existing_path(session, *command.mailbox);
  if (!path) co_return failed(path.error());
  auto work = [who = *session.principal, name = *path](schema::Transaction& tx) -> Result<schema::MailboxRef> {
    CPM_TRY(grant, schema::authorize(tx, who, name, schema::kRead));
    schema::reset_url_key(tx, who, grant);
    return grant.ref();
  };
  auto mailbox = co_await session.db(std::move(work));
  if (!mailbox) co_return failed(mailbox.error());
  announce(session, *mailbox);
  co_return ok("RESETKEY completed", tells_url_mechanisms(session) ? "URLMECH INTERNAL" : "");
}

// -- URLFETCH

struct UrlToFetch {
  std::string url;
  bool structure = false, binary = false, body = false;  // none of them: the octets alone
  [[nodiscard]] bool simple() const { return !structure && !binary && !body; }
};
struct UrlFetchCommand {
  std::vector<UrlToFetch> urls;
};

void parse_parameter(wire::Lexer& lexer, UrlToFetch& one) {
  const std::string name = lexer.word();
  bool* const asked = name == "BODYPARTSTRUCTURE" ? &one.structure
                      : name == "BINARY"          ? &one.binary
                      : name == "BODY"            ? &one.body
                                                  : nullptr;
  if (asked == nullptr) lexer.bad("Unknown URLFETCH parameter " + name);
  if (*asked) lexer.bad("Parameter given twice: " + name);
  *asked = true;
  if (one.binary && one.body) lexer.bad("BINARY and BODY exclude each other");
}

UrlFetchCommand parse_urlfetch(wire::Lexer& lexer, const ParseContext& context) {
  UrlFetchCommand command;
  do {
    if (command.urls.size() >= kMostUrls) lexer.bad("Too many URLs");
    UrlToFetch one;
    lexer.sp();
    if (lexer.peek() == '(' && context.registry.has("urlauth_binary")) {
      lexer.list(false, [&] {
        if (one.url.empty()) {
          one.url = lexer.astring();
          if (one.url.empty()) lexer.bad("Expected a URL");
        } else {
          parse_parameter(lexer, one);
        }
      });
    } else {
      one.url = lexer.astring();
    }
    command.urls.push_back(std::move(one));
  } while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0');
  lexer.end();
  return command;
}

// One URL's response, in the order: structure, octets.
class UrlAnswer {
 public:
  UrlAnswer(Session& session, const UrlToFetch& asked, UrlMessage& message)
      : session_(session),
        asked_(asked),
        message_(message),
        stored_{session, message.account, &message.row},
        whole_part_(message.section.text == grammar::Section::Text::all) {}

  boost::asio::awaitable<Result<void>> write() {
    auto prepared = co_await prepare();
    if (!prepared) co_return prepared.error();
    wire::Encoder out = session_.out.encoder();
    if (asked_.structure) {
      auto structure = co_await body_structure();
      if (!structure) co_return structure.error();
      session_.out.encoder().raw(" (BODYPARTSTRUCTURE ").raw(*structure).raw(")");
      if (!asked_.binary && !asked_.body) co_return Result<void>{};
    }
    out.raw(asked_.simple() ? " " : asked_.binary ? " (BINARY " : " (BODY ");
    auto sent = co_await write_octets();
    if (!sent) co_return sent.error();
    if (!asked_.simple()) session_.out.encoder().raw(")");
    co_return Result<void>{};
  }

 private:
  boost::asio::awaitable<Result<void>> prepare() {
    if (asked_.binary && whole_part_) target_ = binary_target(message_.row, message_.parts, message_.section.parts);
    if (target_ && target_->encoding != mime::Encoding::unknown) {
      auto facts = co_await measure_decoded(stored_, *target_, message_.partial);
      if (!facts) co_return facts.error();
      facts_ = *facts;
    }
    auto found = co_await find_section(stored_, &message_.parts, message_.section);
    if (!found) co_return found.error();
    if (!*found) co_return fail(Failure::corrupt, "", "a section that exists was not found");
    octets_ = std::move(**found);
    co_return Result<void>{};
  }

  [[nodiscard]] bool undecodable() const { return target_ && target_->encoding == mime::Encoding::unknown; }

  boost::asio::awaitable<Result<void>> write_octets() {
    wire::Encoder out = session_.out.encoder();
    if (undecodable()) {
      out.raw("NIL");
      co_return Result<void>{};
    }
    Result<void> sent;
    if (target_) {
      sent = co_await stream_decoded(stored_, *target_, facts_, message_.partial);
      co_return sent;
    }
    SectionOctets octets = octets_;
    if (message_.partial) octets.cut(message_.partial->offset, message_.partial->length);
    out.literal_head(octets.size());
    if (octets.text) {
      out.raw(*octets.text);
      sent = co_await session_.out.relieve();
    } else {
      sent = co_await stream_stored(stored_, octets.range.begin, octets.range.end);
    }
    co_return sent;
  }

  // Of what is sent (RFC 5524 3.2); with PARTIAL of the whole that it is a piece of.
  boost::asio::awaitable<Result<std::string>> body_structure() {
    const std::string& stored = message_.row.body_structure;
    const auto& path = message_.section.parts;
    if (octets_.text) co_return mime::header_body(*octets_.text);
    if (message_.section.text == grammar::Section::Text::text) {
      const auto part = mime::body_part(stored, path);
      const auto body = path.empty() || !part ? part : mime::nested_body(*part);
      if (!body) co_return fail(Failure::corrupt, "", "body structure and part map differ");
      co_return std::string(*body);
    }
    if (!whole_part_) {  // MIME, and a header that is too large to look at
      auto header =
          co_await read_stored(stored_, octets_.range.begin,
                               std::min(octets_.range.end, octets_.range.begin + session_.limits().header_octets));
      if (!header) co_return header.error();
      co_return mime::header_body(*header);
    }
    if (path.empty()) {
      const BinaryTarget all{octets_.range, mime::Encoding::identity};
      auto facts = co_await measure_decoded(stored_, all, std::nullopt);
      if (!facts) co_return facts.error();
      co_return mime::message_body(message_.row.envelope, stored, asked_.binary ? "BINARY" : "8BIT", facts->size,
                                   facts->lines);
    }
    const auto part = mime::body_part(stored, path);
    if (!part) co_return fail(Failure::corrupt, "", "body structure and part map differ");
    if (target_ && !undecodable() && target_->encoding != mime::Encoding::identity) {
      auto decoded = mime::decoded_body(*part, facts_.size, facts_.lines);
      if (decoded) co_return std::move(*decoded);
    }
    co_return std::string(*part);
  }

  Session& session_;
  const UrlToFetch& asked_;
  UrlMessage& message_;
  const StoredMessage stored_;
  const bool whole_part_;
  std::optional<BinaryTarget> target_;  // of a part without its encoding
  DecodedFacts facts_;
  SectionOctets octets_;
};

boost::asio::awaitable<Result<void>> fetch_one(Session& session, const UrlToFetch& asked) {
  Result<UrlMessage> message = fail(Failure::not_found, "");
  auto url = grammar::parse_imap_url(asked.url, session.limits());
  std::uint32_t columns = schema::kColumnHeader;
  if (asked.structure) columns |= schema::kColumnBodyStructure | schema::kColumnEnvelope;
  if (url) message = co_await open_signed_url(session, asked.url, std::move(*url), columns);
  if (!message && message.error().failure != Failure::not_found) co_return message.error();
  const Out::Mark begin = session.out.mark();
  session.mid_response = true;
  session.out.encoder().raw("* URLFETCH ").string(asked.url);
  Result<void> written;
  if (message) {
    UrlAnswer answer(session, asked, *message);
    written = co_await answer.write();
  } else {
    session.out.encoder().raw(" NIL");
  }
  if (!written) {
    session.mid_response = !session.out.rewind(begin);
    co_return written.error();
  }
  session.out.encoder().crlf();
  session.mid_response = false;
  auto sent = co_await session.out.relieve();
  co_return sent;
}

boost::asio::awaitable<Done> urlfetch(Session& session, UrlFetchCommand command) {
  for (const UrlToFetch& one : command.urls) {
    auto fetched = co_await fetch_one(session, one);
    if (!fetched) co_return failed(fetched.error());
    if (session.terminated) co_return failed(being_ended());
  }
  co_return ok("URLFETCH completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "urlauth";
  extension.rfcs = {"RFC 4467", "RFC 5092", "RFC 5593"};
  extension.capabilities = {{"URLAUTH"}};
  extension.commands = {command("GENURLAUTH", kLoggedIn, kNoFlags, parse_genurlauth, genurlauth),
                        command("RESETKEY", kLoggedIn, kNoFlags, parse_resetkey, resetkey),
                        command("URLFETCH", kLoggedIn, kNoFlags, parse_urlfetch, urlfetch)};
  extension.response_codes = {"URLMECH", "BADURL"};
  return extension;
}

}  // namespace cpm::imap::ext::urlauth
