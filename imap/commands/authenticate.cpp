// AUTHENTICATE: RFC 9051 6.2.2, RFC 4422, with the initial response of RFC 4959. Drives a Mechanism over the wire.
// Deployed clients break the base64 of a response into lines of 76 columns (MSS-80); stray empty lines after it are the
// reader's to skip.
#include "imap/auth/authenticator.h"
#include "imap/auth/base64.h"
#include "imap/extension.h"
#include "imap/response/responses.h"
#include "imap/session/devices.h"
#include "imap/session/session.h"

#include <algorithm>
#include <chrono>

namespace cpm::imap::commands::authenticate {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBrokenLine = 76;                        // columns of a line of broken base64
constexpr std::chrono::milliseconds kBrokenLinePatience{500};  // such a line may also be a whole response

struct Authenticate {
  std::string mechanism;
  std::optional<std::string> initial;  // base64, or "="
};

Authenticate parse(wire::Lexer& lexer, const ParseContext& context) {
  Authenticate command;
  lexer.sp();
  command.mechanism = lexer.word();
  if (lexer.peek() == ' ' && lexer.peek_at(1) != '\0') {
    if (!context.registry.has("sasl_ir")) lexer.bad("An initial response is not accepted");
    lexer.sp();
    command.initial = lexer.base64();
  }
  lexer.end();
  return command;
}

// One line of the client; Failure::bad_syntax: cancelled or too long.
boost::asio::awaitable<Result<std::string>> read_line(Session& session, std::chrono::milliseconds patience) {
  for (;;) {
    auto line = co_await session.read_line(patience);
    if (line) co_return line;
    const Failure failure = line.error().failure;
    if (failure == Failure::limit) co_return fail(Failure::bad_syntax, "Line too long");
    if (failure == Failure::in_use && !session.terminated) continue;  // woken for nothing
    co_return line.error();
  }
}

boost::asio::awaitable<Result<std::string>> read_response(Session& session, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  auto line = co_await read_line(session, std::max(left, std::chrono::milliseconds(1)));
  if (!line) co_return line.error();
  if (*line == "*") co_return fail(Failure::bad_syntax, "Authentication cancelled");
  std::string text = *line;
  while (line->size() == kBrokenLine && line->back() != '=') {
    line = co_await read_line(session, kBrokenLinePatience);
    if (!line && line.error().failure == Failure::timeout) break;
    if (!line) co_return line.error();
    text += *line;
    if (text.size() > session.limits().line_octets) co_return fail(Failure::bad_syntax, "Response too long");
  }
  auto decoded = auth::base64_decode(text);
  if (!decoded) co_return fail(Failure::bad_syntax, "Response is not base64");
  co_return std::move(*decoded);
}

boost::asio::awaitable<Result<std::string>> challenge(Session& session, std::string data, Clock::time_point deadline) {
  session.out << Continue{auth::base64_encode(data)};
  auto flushed = co_await session.out.flush();
  if (!flushed) co_return flushed.error();
  auto response = co_await read_response(session, deadline);
  co_return response;
}

// The connection is of no more use when the exchange broke off in its middle.
Done broken_off(const Error& error) {
  Done done = failed(error);
  if (error.failure == Failure::timeout || error.failure == Failure::unavailable) done.next = Done::Next::close;
  return done;
}

// Feeds the mechanism until it has made up its mind; what remains is then to log in or to refuse. Fails when the client
// is gone or has cancelled.
boost::asio::awaitable<Result<auth::Step>> converse(Session& session, const auth::MechanismSpec& spec,
                                                    auth::Mechanism& mechanism, std::string message,
                                                    Clock::time_point deadline) {
  auth::Step step = mechanism.step(message);
  for (;;) {
    if (step.kind == auth::Step::Kind::challenge) {
      auto response = co_await challenge(session, std::move(step.data), deadline);
      if (!response) co_return response.error();
      step = mechanism.step(*response);
    } else if (step.kind == auth::Step::Kind::keys) {
      std::string name(spec.name);
      auto candidate = co_await session.services.authenticator.keys(session, std::move(name), step.identity.name);
      if (candidate) {
        step = mechanism.supply(candidate->keys, candidate->usable);
      } else {
        step.kind = auth::Step::Kind::ended;
        step.error = candidate.error();
      }
    } else {
      co_return std::move(step);
    }
  }
}

boost::asio::awaitable<Done> conclude(Session& session, std::string mechanism, auth::Step step,
                                      Clock::time_point deadline) {
  auth::Authenticator& authenticator = session.services.authenticator;
  Result<schema::Principal> principal = fail(Failure::auth_failed, "Authentication failed");
  switch (step.kind) {
    case auth::Step::Kind::password:
      principal = co_await authenticator.password(session, mechanism, std::move(step.identity), std::move(step.data));
      break;
    case auth::Step::Kind::identity:
      principal = co_await authenticator.proved(session, mechanism, std::move(step.identity));
      break;
    case auth::Step::Kind::ended: co_return failed(step.error);
    default:
      // Counted before the client learns of it: hanging up now gains nothing.
      co_await authenticator.refused(session, mechanism, std::move(step.identity), step.error.detail);
      if (!step.data.empty()) {
        auto acknowledged = co_await challenge(session, std::move(step.data), deadline);
        if (!acknowledged) co_return broken_off(acknowledged.error());
      }
      break;
  }
  if (!principal) co_return failed(principal.error());
  co_await note_device(session);
  co_return ok("Logged in", "CAPABILITY " + session.services.registry.capabilities(session));
}

boost::asio::awaitable<Done> execute(Session& session, Authenticate command) {
  const auth::MechanismContext context = session.services.authenticator.context(session);
  const auth::MechanismSpec* spec = auth::find_mechanism(command.mechanism);
  if (spec == nullptr || !context.settings.offers(spec->name)) co_return no("Unsupported authentication mechanism");
  if (!auth::offered(*spec, context)) {
    if (spec->needs_privacy && context.tls == nullptr) co_return no("Start TLS first", "PRIVACYREQUIRED");
    co_return no("Authentication mechanism not available on this connection");
  }
  const auto deadline = Clock::now() + session.limits().login_timeout;
  std::string message;
  if (!command.initial) {
    // All mechanisms here begin with the client; an empty challenge asks for its message.
    std::string nothing;
    auto response = co_await challenge(session, std::move(nothing), deadline);
    if (!response) co_return broken_off(response.error());
    message = std::move(*response);
  } else if (*command.initial != "=") {
    auto decoded = auth::base64_decode(*command.initial);
    if (!decoded) co_return bad("Initial response is not base64");
    message = std::move(*decoded);
  }
  const auto mechanism = spec->make(context);
  auto step = co_await converse(session, *spec, *mechanism, std::move(message), deadline);
  if (!step) co_return broken_off(step.error());
  std::string name(spec->name);
  Done done = co_await conclude(session, std::move(name), std::move(*step), deadline);
  co_return done;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "authenticate";
  extension.rfcs = {"RFC 9051", "RFC 3501", "RFC 4422"};
  for (const auth::MechanismSpec& mechanism : auth::mechanisms()) {
    extension.rfcs.insert(extension.rfcs.end(), mechanism.rfcs.begin(), mechanism.rfcs.end());
    extension.capabilities.push_back(
        {"AUTH=" + std::string(mechanism.name), [&mechanism](const Session& session) {
           return !session.principal && auth::offered(mechanism, session.services.authenticator.context(session));
         }});
  }
  std::sort(extension.rfcs.begin(), extension.rfcs.end());
  extension.rfcs.erase(std::unique(extension.rfcs.begin(), extension.rfcs.end()), extension.rfcs.end());
  extension.commands = {command<Authenticate>("AUTHENTICATE", kNotAuthenticated, kBeforeLogin, &parse, &execute)};
  extension.response_codes = {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "PRIVACYREQUIRED", "CAPABILITY", "LIMIT",
                              "UNAVAILABLE"};
  return extension;
}

}  // namespace cpm::imap::commands::authenticate
