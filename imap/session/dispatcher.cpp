#include "imap/session/dispatcher.h"

#include "base/log.h"
#include "imap/grammar/imap_url.h"
#include "imap/response/responses.h"
#include "imap/session/message_limit.h"
#include "imap/session/notify.h"
#include "imap/session/quota_news.h"
#include "imap/session/session_list.h"
#include "imap/session/trace.h"
#include "imap/session/updates.h"

#include <boost/asio/post.hpp>

#include <atomic>
#include <random>

namespace cpm::imap {

namespace {

constexpr std::chrono::hours kActorAge{24};  // then the record names the session anew

std::string new_session_id() {
  static std::atomic<std::uint32_t> counter{std::random_device{}()};
  constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::uint32_t number = counter++;
  std::string id;
  for (int i = 0; i < 7; ++i, number /= 36) id += kDigits[number % 36];
  return id;
}

std::string_view kind_name(Done::Kind kind) {
  return kind == Done::Kind::ok ? "OK" : kind == Done::Kind::no ? "NO" : "BAD";
}

// The command name after the tag; UID commands with their second word.
std::string read_name(wire::Lexer& lexer) {
  lexer.sp();
  std::string name = lexer.word();
  if (name != "UID") return name;
  lexer.sp();
  return name + ' ' + lexer.word();
}

SessionControl control_of(const std::shared_ptr<Session>& session) {
  const std::weak_ptr<Session> weak = session;
  const auto executor = session->stream->executor();
  SessionControl control;
  control.terminate = [weak, executor](const std::string& text) {
    boost::asio::post(executor, [weak, text] {
      const auto one = weak.lock();
      if (!one || one->terminated) return;
      one->terminated = true;
      one->terminate_text = text;
      if (one->waiting) one->stream->interrupt();
      // One that is writing to a client which does not read, say.
      one->cut_off.expires_after(one->limits().drain_timeout);
      one->cut_off.async_wait([weak](boost::system::error_code cancelled) {
        const auto late = weak.lock();
        if (!cancelled && late) late->stream->cancel();
      });
    });
  };
  control.trace = [weak, executor](bool on) {
    boost::asio::post(executor, [weak, on] {
      if (const auto one = weak.lock()) one->trace = on;
    });
  };
  return control;
}

}  // namespace

boost::asio::awaitable<void> serve(Services& services, std::unique_ptr<Stream> stream) {
  auto session = std::make_shared<Session>(services, std::move(stream), new_session_id());
  SessionInfo info;
  info.id = session->id;
  info.peer = session->stream->peer().address + ":" + std::to_string(session->stream->peer().port);
  info.tls = session->stream->tls() != nullptr;
  info.since = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  info.trace = session->trace;
  services.sessions.add(info, control_of(session));
  Dispatcher dispatcher(session);
  co_await dispatcher.run();
}

std::chrono::milliseconds Dispatcher::patience() const {
  const Limits& limits = session_->limits();
  if (session_->principal) return limits.idle_timeout;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(started_ + limits.login_timeout -
                                                                          std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(1));
}

void Dispatcher::bye(const std::string& text) {
  if (!session_->mid_response) session_->out << Untagged{"BYE", "", text};
  finished_ = true;
}

boost::asio::awaitable<Result<void>> Dispatcher::greet() {
  Session& session = *session_;
  session.out << Untagged{"OK", "CAPABILITY " + session.services.registry.capabilities(session),
                          session.services.settings.server_name + " ready"};
  auto flushed = co_await session.out.flush();
  co_return flushed;
}

boost::asio::awaitable<void> Dispatcher::run() {
  Session& session = *session_;
  log::debug("imap", "connected", {{"session", session.id}, {"peer", session.stream->peer().address}});
  auto alive = co_await greet();
  while (alive && !finished_) {
    auto input = co_await read_command();
    if (session.terminated && !finished_) bye(session.terminate_text);
    if (finished_) break;
    if (!input) {
      if (input.error().failure == Failure::timeout) {
        bye(session.principal ? "Idle for too long" : "Too long without login");
        break;
      }
      if (input.error().failure == Failure::in_use) continue;  // woken for nothing that can be said now
      alive = input.error();
      break;
    }
    std::exception_ptr broken;
    try {
      alive = co_await perform(std::move(*input));
    } catch (...) {
      broken = std::current_exception();
    }
    if (broken) {
      std::string what = "unknown";
      try {
        std::rethrow_exception(broken);
      } catch (const std::exception& error) {
        what = error.what();
      } catch (...) {
        what = "not a standard exception";
      }
      log::error("imap", "command failed with an exception", {{"session", session.id}, {"what", what}});
      bye("Internal error");
    }
    if (session.terminated && !finished_) bye(session.terminate_text);
  }
  auto flushed = co_await session.out.flush();
  static_cast<void>(flushed);
  log::debug("imap", "disconnected", {{"session", session.id}});
  if (session.principal) {
    std::string why = !alive ? "connection lost" : session.terminated ? session.terminate_text : "closed";
    co_await session.record_logout(std::move(why));
  }
  session.unselect();
}

boost::asio::awaitable<Result<wire::CommandInput>> Dispatcher::read_command() {
  Session& session = *session_;
  using Clock = std::chrono::steady_clock;
  using Event = wire::CommandReader::Event;
  literal_octets_ = 0;
  auto until = Clock::now() + patience();
  auto rests_at = Clock::now() + session.limits().view_rest;
  bool timed_out = false;
  for (;;) {
    switch (session.reader.next()) {
      case Event::command: co_return session.reader.take();
      case Event::literal: {
        auto answered = co_await answer_literal();
        if (!answered) co_return answered.error();
        if (finished_) co_return fail(Failure::unavailable, "closing");
        break;
      }
      case Event::too_long: {
        const std::string text = session.reader.take().text;
        const std::size_t tag_end = text.find(' ');
        const bool tagged = tag_end != std::string::npos && tag_end > 0 && tag_end < 64;
        literal_octets_ = 0;
        refuse(tagged ? text.substr(0, tag_end) : "*", "", nullptr, bad("Command line too long", "TOOBIG"));
        if (finished_) co_return fail(Failure::unavailable, "closing");
        break;
      }
      case Event::failed: {
        literal_octets_ = 0;
        const std::string text = session.reader.take().text;
        refuse(text.substr(0, text.find(' ')), "", nullptr, failed(session.reader.error()));
        if (finished_) co_return fail(Failure::unavailable, "closing");
        break;
      }
      case Event::line: session.reader.take(); break;
      case Event::need_more: {
        auto flushed = co_await session.out.flush();
        if (!flushed) co_return flushed.error();
        if (session.terminated) co_return fail(Failure::in_use, "terminated");
        const bool literal = session.reader.literal_octets_missing() > 0;
        const bool between = !literal && !session.reader.in_command();
        if (between && session.notify && (timed_out || news_waits(session))) {
          auto told = co_await tell_between(timed_out);
          if (!told) co_return told.error();
          if (!timed_out) rests_at = Clock::now() + session.limits().view_rest;
          timed_out = false;
          break;
        }
        const auto now = Clock::now();
        if (between) {
          if (now >= rests_at) rest_view(session);
          session.reader.release_memory();
          session.out.release_memory();
        }
        Result<std::size_t> got = std::size_t{0};
        if (literal) {
          // Large blocks only while a literal streams in: an idle session stays small.
          std::string block(64 * 1024, '\0');
          session.waiting = true;
          got = co_await session.stream->read(block.data(), block.size(), patience());
          session.waiting = false;
          if (got && *got > 0) session.reader.feed(std::string_view(block.data(), *got));
        } else {
          char octets[1024];
          session.waiting = true;
          const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - now);
          auto wait = std::max(left, std::chrono::milliseconds(1));
          // A session with NOTIFY looks by itself now and then, should a wake-up be lost.
          const bool looks = between && session.notify && left > session.limits().idle_poll;
          if (looks) wait = until_rights_end(session, session.limits().idle_poll);
          const bool rests = between && session.selected && now < rests_at && rests_at < now + wait;
          if (rests) wait = std::chrono::ceil<std::chrono::milliseconds>(rests_at - now);
          got = co_await session.stream->read(octets, sizeof octets, wait);
          session.waiting = false;
          if (got && *got > 0) session.reader.feed(std::string_view(octets, *got));
          const bool silence = !got && got.error().failure == Failure::timeout && !session.terminated;
          if (silence && rests) break;
          timed_out = looks && silence;
          if (timed_out) break;
        }
        if (got) until = Clock::now() + patience();
        if (!got && got.error().failure == Failure::in_use && !session.terminated) break;
        if (!got) co_return got.error();
        if (*got == 0) co_return fail(Failure::unavailable, "Connection closed", "closed");
        break;
      }
    }
  }
}

boost::asio::awaitable<Result<void>> Dispatcher::tell_between(bool everything) {
  Session& session = *session_;
  auto told = co_await tell_news(session, everything);
  if (session.mid_response) co_return fail(Failure::unavailable, "A response broke off");
  if (!told && !mailbox_lost(session, told.error())) {
    log::warn("imap", "no notification", {{"session", session.id}, {"why", told.error().detail}});
  }
  co_return Result<void>{};
}

boost::asio::awaitable<Result<void>> Dispatcher::wake_for(const CommandSpec& spec) {
  if (spec.states != kSelected || (spec.flags & kLeavesMailbox) != 0) co_return Result<void>{};
  auto allowed = co_await check_access(*session_);
  if (!allowed) {
    if (allowed.error().failure == Failure::denied) session_->unselect();
    co_return allowed;
  }
  auto awake = co_await wake_view(*session_);
  co_return awake;
}

// Answers a command that is not executed. Each BAD counts, and before login each NO too, so that nobody keeps a session
// busy with nonsense.
void Dispatcher::refuse(const std::string& tag, const std::string& name, const CommandSpec* spec, const Done& why) {
  Session& session = *session_;
  write_tagged(tag, why);
  // What is no command of ours may be a secret or a piece of a message.
  log::info("imap", "bad command",
            {{"session", session.id},
             {"command", spec != nullptr ? name : ""},
             {"code", grammar::without_tokens(why.code)},
             {"why", spec != nullptr ? why.text : ""}});
  if (session.services.observe) {
    session.services.observe(spec != nullptr ? spec->name : "unknown", why.kind == Done::Kind::no ? "no" : "bad", {});
  }
  if (why.kind == Done::Kind::bad && ++bad_in_a_row_ >= session.limits().bad_commands) {
    bye("Too many bad commands");
  } else if (!session.principal && ++before_login_ > session.limits().commands_before_login) {
    bye("Too many commands before login");
  }
}

// A literal is announced: take it, or say why not before it is sent.
boost::asio::awaitable<Result<void>> Dispatcher::answer_literal() {
  Session& session = *session_;
  const Limits& limits = session.limits();
  const wire::Announcement announced = session.reader.announcement();
  std::optional<Done> refused;
  std::string tag = "*";
  const CommandSpec* spec = nullptr;
  wire::CommandInput so_far;
  so_far.text = session.reader.text();
  std::string rest;
  try {
    wire::Lexer lexer(so_far, limits, session.utf8());
    tag = lexer.tag();
    spec = session.services.registry.command(read_name(lexer));
    rest = lexer.rest();
    if (session.enabled.uid_only) lexer.forbid_numbers();
    if (spec != nullptr && (spec->states & session.state & kSelected) != 0 && (spec->flags & kUsesMsn) != 0) {
      lexer.refuse_numbers();
    }
  } catch (const wire::BadSyntax& error) {
    // Otherwise it is a literal as the command's first word; the parser will say what is wrong once it is read.
    if (!error.code.empty()) refused = bad(error.text, error.code);
  }
  const bool messages = spec != nullptr && spec->message_literals && (spec->states & session.state) != 0;
  const std::uint64_t most = messages ? limits.message_octets : limits.command_literal_octets;
  if (refused) {
    // nothing more to ask
  } else if (!session.principal && literal_octets_ + announced.octets > limits.line_octets) {
    refused = no("Too much before login", "TOOBIG");
  } else if (announced.octets > most || (!messages && literal_octets_ + announced.octets > most)) {
    const bool own_code = announced.octets > most && spec != nullptr && spec->literal_too_big != nullptr;
    refused = no("Literal too large", own_code ? spec->literal_too_big(limits) : "TOOBIG");
  } else if (announced.binary && spec == nullptr) {
    refused = bad("literal8 not expected here");
  }
  if (!refused && spec != nullptr && (spec->states & session.state) != 0 && spec->before_literal) {
    auto awake = co_await wake_for(*spec);
    if (awake) {
      refused = co_await spec->before_literal(session, rest, announced.octets);
    } else {
      refused = failed(awake.error());
    }
  }
  if (refused) {
    literal_octets_ = 0;
    // So much that reading it away would only burn bandwidth: the RFC lets the server hang up (RFC 7888 4).
    constexpr std::uint64_t kReadAway = 256ULL << 20;
    const bool known = spec != nullptr && (spec->states & session.state) != 0;
    if (session.trace) trace_command(session, so_far.text, spec, known);
    session.reader.refuse();
    refuse(tag, spec != nullptr ? std::string(spec->name) : "", spec, *refused);
    if (spec != nullptr && refused->kind == Done::Kind::no) {
      co_await session.record_refused(std::string(spec->name), refused->code);
    }
    if (announced.non_sync && announced.octets > std::max(kReadAway, limits.message_octets)) bye("Literal too large");
    co_return Result<void>{};
  }
  literal_octets_ += announced.octets;
  session.reader.accept(Spool(limits, session.services.settings.spool_directory));
  if (!announced.non_sync) {
    session.out << Continue{"OK"};
    auto flushed = co_await session.out.flush();
    if (!flushed) co_return flushed.error();
  }
  co_return Result<void>{};
}

Dispatcher::Parsed Dispatcher::parse(wire::CommandInput& input) {
  Session& session = *session_;
  Parsed parsed;
  parsed.tag = "*";
  try {
    wire::Lexer lexer(input, session.limits(), session.utf8());
    if (session.enabled.uid_only) lexer.forbid_numbers();
    parsed.tag = lexer.tag();
    parsed.name = read_name(lexer);
    parsed.spec = session.services.registry.command(parsed.name);
    if (parsed.spec == nullptr) {
      parsed.refused = bad("Unknown command");
      return parsed;
    }
    if ((parsed.spec->states & session.state) == 0) {
      parsed.refused = session.state == kNotAuthenticated            ? bad("Log in first")
                       : (parsed.spec->states & kSelected) != 0      ? bad("Select a mailbox first")
                       : (parsed.spec->states & kAuthenticated) != 0 ? bad("Not with a mailbox selected")
                                                                     : bad("Already logged in");
      return parsed;
    }
    if ((parsed.spec->flags & kUsesMsn) != 0) lexer.refuse_numbers();
    parsed.execute = parsed.spec->parse(lexer, session.parse_context());
  } catch (const wire::BadSyntax& error) {
    parsed.refused = bad(error.text, error.code);
  }
  return parsed;
}

boost::asio::awaitable<Result<void>> Dispatcher::perform(wire::CommandInput input) {
  Session& session = *session_;
  Parsed parsed = parse(input);
  if (session.trace) trace_command(session, input.text, parsed.spec, !parsed.refused);
  if (parsed.refused) {
    refuse(parsed.tag, parsed.name, parsed.spec, *parsed.refused);
    co_return Result<void>{};
  }
  if (!session.principal && ++before_login_ > session.limits().commands_before_login) {
    bye("Too many commands before login");
    co_return Result<void>{};
  }
  session.services.sessions.update(session.id, [&](SessionInfo& info) { info.command = parsed.name; });
  if (session.principal && std::chrono::steady_clock::now() - session.principal->via->made > kActorAge) {
    session.renew_actor();
  }
  const auto begin = std::chrono::steady_clock::now();
  session.tag = parsed.tag;
  session.limited_at.reset();
  session.quota_news = {};
  session.admitted.clear();
  session.echo = {};
  session.silent = {};
  const bool had_mailbox = session.selected.has_value();
  watch_->begin();
  Done done;
  std::exception_ptr broken;
  try {
    auto awake = co_await wake_for(*parsed.spec);
    if (awake) {
      done = co_await parsed.execute(session);
    } else {
      done = failed(awake.error());
    }
  } catch (...) {
    broken = std::current_exception();
  }
  co_await watch_->end();
  if (broken) std::rethrow_exception(broken);
  if (done.kind != Done::Kind::ok) {
    if (!done.told) session.out.rewind(watch_->mark());
    // A failing SELECT leaves the mailbox too (RFC 9051 6.3.2). Clients that do not know CLOSED want nothing before NO.
    const bool knows_closed = session.enabled.rev2 || session.enabled.knows_closed || session.enabled.uid_only;
    if (had_mailbox && !session.selected && knows_closed) {
      session.out << Untagged{"OK", "CLOSED", "Previous mailbox closed"};
    }
    log::info("imap", "command refused",
              {{"session", session.id},
               {"command", parsed.name},
               {"code", grammar::without_tokens(done.code)},
               {"text", done.text},
               {"why", done.detail}});
  }
  if (done.kind == Done::Kind::no) co_await session.record_refused(parsed.name, done.code);
  if (done.kind == Done::Kind::bad) {
    if (++bad_in_a_row_ >= session.limits().bad_commands) bye("Too many bad commands");
  } else {
    bad_in_a_row_ = 0;
  }
  if (session.services.observe) {
    session.services.observe(parsed.spec->name,
                             done.kind == Done::Kind::ok   ? "ok"
                             : done.kind == Done::Kind::no ? "no"
                                                           : "bad",
                             std::chrono::steady_clock::now() - begin);
  }
  auto completed = co_await complete(parsed, std::move(done));
  co_return completed;
}

// News for the client, where the command allows them (RFC 9051 7.5.1, MSS-84).
boost::asio::awaitable<bool> Dispatcher::update(const Parsed& parsed) {
  Session& session = *session_;
  Tell tell;
  tell.expunges = (parsed.spec->flags & kTellExpunges) != 0;
  tell.echo = std::move(session.echo);
  tell.silent = std::move(session.silent);
  tell.silent_modseq = session.silent_modseq;
  tell.descending = session.limited_at.has_value();
  tell.removed = session.removed;
  auto told = co_await tell_updates(session, std::move(tell));
  if (!told && mailbox_lost(session, told.error())) co_return false;
  if (told && (parsed.spec->flags & kTellExpunges) != 0) session.removed = {};
  if (!told) log::warn("imap", "no update", {{"session", session.id}, {"why", told.error().detail}});
  co_return told.has_value();
}

boost::asio::awaitable<Result<void>> Dispatcher::complete(const Parsed& parsed, Done done) {
  Session& session = *session_;
  const unsigned flags = parsed.spec->flags;
  if (!session.quota_news.empty()) {
    co_await tell_quota(session, done.kind == Done::Kind::ok, parsed.spec->message_literals);
  }
  if (done.kind == Done::Kind::ok && (flags & (kTellChanges | kTellExpunges)) != 0) {
    const bool told = co_await update(parsed);
    // Who hears this number takes it that all before it was told (RFC 7162 3.2.7).
    if (!told && done.code.starts_with("HIGHESTMODSEQ")) done.code.clear();
  }
  if (done.kind == Done::Kind::ok && session.limited_at) tell_limit(done);
  if (done.kind == Done::Kind::ok && session.enabled.qresync && session.selected) correct_modseq(done);
  if (done.next == Done::Next::hang_up) {
    if (!session.terminated) finished_ = true;  // the peer is gone; otherwise the run loop says BYE
    co_return Result<void>{};
  }
  if (done.next == Done::Next::logout) session.out << Untagged{"BYE", "", "Logging out"};
  write_tagged(parsed.tag, done);
  switch (done.next) {
    case Done::Next::nothing: break;
    case Done::Next::logout: finished_ = true; break;
    case Done::Next::close: finished_ = true; break;
    case Done::Next::hang_up: break;
    case Done::Next::start_tls: {
      session.reader.discard();  // nothing sent in the clear counts after the handshake (RFC 9051 6.2.1)
      auto flushed = co_await session.out.flush();
      if (!flushed) co_return flushed.error();
      auto secured = co_await session.stream->start_tls();
      if (!secured) {
        log::info("imap", "TLS handshake failed", {{"session", session.id}, {"why", secured.error().detail}});
        co_return secured.error();
      }
      session.reader.discard();
      session.services.sessions.update(session.id, [](SessionInfo& info) { info.tls = true; });
      break;
    }
    case Done::Next::compress: {
      auto flushed = co_await session.out.flush();
      if (!flushed) co_return flushed.error();
      auto started = session.stream->start_compression();
      if (!started) co_return started.error();
      break;
    }
  }
  co_return Result<void>{};
}

// Where a code stands in the tagged line already, this one goes before it (RFC 9738 3.1).
void Dispatcher::tell_limit(Done& done) {
  const std::string code = message_limit_code(message_limit(*session_), session_->limited_at);
  if (done.code.empty()) {
    done.code = code;
    done.text += ", others remain";
  } else {
    session_->out << Untagged{"NO", code, "Others remain"};
  }
}

// The client takes the greatest MODSEQ it heard for the state it knows. When something older is still to be told, it
// must hear a lower one, lest it loses that with the connection (RFC 7162 3.2, 6).
void Dispatcher::correct_modseq(Done& done) {
  Selected& selected = *session_->selected;
  const bool too_much = selected.modseq_said > selected.told_up_to;
  selected.modseq_said = {};
  if (!too_much) return;
  const std::string code = "HIGHESTMODSEQ " + std::to_string(selected.told_up_to.value);
  if (done.code.empty()) {
    done.code = code;
  } else {
    session_->out << Untagged{"OK", code, "Changes are still to be told"};
  }
}

void Dispatcher::write_tagged(const std::string& tag, const Done& done) {
  if (session_->mid_response) {  // it would be read as a part of a message
    log::warn("imap", "closing in the middle of a response", {{"session", session_->id}, {"why", done.text}});
    finished_ = true;
    return;
  }
  wire::Encoder out = session_->out.encoder();
  out.raw(tag).sp().raw(kind_name(done.kind)).sp();
  if (!done.code.empty()) out.raw("[").raw(done.code).raw("] ");
  out.human(done.text).crlf();
  if (session_->trace) trace_answer(*session_, tag, done);
}

}  // namespace cpm::imap
