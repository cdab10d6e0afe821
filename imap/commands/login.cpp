// LOGIN: RFC 9051 6.2.3, RFC 3501 6.2.3. Deployed clients send the password as it is, with blanks and quotes that are
// no atom.
#include "imap/auth/authenticator.h"
#include "imap/extension.h"
#include "imap/session/devices.h"
#include "imap/session/session.h"

#include <algorithm>

namespace cpm::imap::commands::login {

namespace {

struct Login {
  std::string name;
  std::string password;
};

// Everything to the end of the line, when it is neither a quoted string nor a literal. One trailing blank after an atom
// is a client's slip, not part of the password.
std::string raw_password(wire::Lexer& lexer) {
  std::string text = lexer.rest();
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (text.empty() || std::any_of(text.begin(), text.end(), control)) lexer.bad("Expected a password");
  const std::string_view atom = std::string_view(text).substr(0, text.size() - 1);
  if (text.back() == ' ' && !atom.empty() && std::all_of(atom.begin(), atom.end(), [](char c) {
        return wire::is_astring_char(static_cast<unsigned char>(c));
      })) {
    text.pop_back();
  }
  return text;
}

Login parse(wire::Lexer& lexer, const ParseContext&) {
  Login command;
  lexer.sp();
  command.name = lexer.astring();
  lexer.sp();
  if (lexer.at_string()) {
    command.password = lexer.string();
    lexer.end();
  } else {
    command.password = raw_password(lexer);
  }
  return command;
}

bool in_the_clear(const Session& session) {
  return session.stream->tls() == nullptr && !session.services.settings.allow_plaintext;
}

bool switched_off(const Session& session) { return !session.services.authenticator.settings().offers("LOGIN"); }

std::optional<Done> refusal(const Session& session) {
  if (switched_off(session)) return no("LOGIN is not offered, use AUTHENTICATE", "CANNOT");
  if (in_the_clear(session)) return no("Start TLS first", "PRIVACYREQUIRED");
  return std::nullopt;
}

// The password must not be sent at all when it would be refused.
boost::asio::awaitable<std::optional<Done>> before_literal(Session& session, std::string, std::uint64_t) {
  co_return refusal(session);
}

boost::asio::awaitable<Done> execute(Session& session, Login command) {
  if (auto refused = refusal(session)) co_return *refused;
  auth::Identity who;
  who.name = std::move(command.name);
  std::string mechanism = "LOGIN";
  auto principal = co_await session.services.authenticator.password(session, std::move(mechanism), std::move(who),
                                                                    std::move(command.password));
  if (!principal) co_return failed(principal.error());
  co_await note_device(session);
  co_return ok("Logged in", "CAPABILITY " + session.services.registry.capabilities(session));
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "login";
  extension.rfcs = {"RFC 9051", "RFC 3501"};
  extension.capabilities = {{"LOGINDISABLED", [](const Session& session) {
                               return !session.principal && (in_the_clear(session) || switched_off(session));
                             }}};
  CommandSpec spec = command<Login>("LOGIN", kNotAuthenticated, kBeforeLogin, &parse, &execute);
  spec.before_literal = &before_literal;
  extension.commands = {std::move(spec)};
  extension.response_codes = {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "PRIVACYREQUIRED", "CAPABILITY", "LIMIT",
                              "UNAVAILABLE"};
  return extension;
}

}  // namespace cpm::imap::commands::login
