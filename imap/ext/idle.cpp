// IDLE (RFC 2177): waits for news or DONE. A change marks the session and interrupts its read; it then pulls what is
// new. An update between the last command and IDLE is told at once, because the first look comes before the first wait.
// The tagged OK answers DONE and nothing else: a session that ends while it idles gets BYE alone.
#include "imap/response/responses.h"
#include "imap/session/notify.h"
#include "imap/session/updates.h"

namespace cpm::imap::ext::idle {

namespace {

struct IdleCommand {};

IdleCommand parse(wire::Lexer& lexer, const ParseContext&) {
  lexer.end();
  return {};
}

bool marked(const Session& session) {
  return (session.selected && session.selected->watch->dirty()) ||
         (session.metadata_news && session.metadata_news->watch->dirty()) ||
         (session.selected && past(session.selected->rights_end)) || others_wait(session);
}

boost::asio::awaitable<Done> execute(Session& session, IdleCommand) {
  using Clock = std::chrono::steady_clock;
  // However often news come, a client that says nothing for the idle time-out is logged out (RFC 2177).
  const auto until = Clock::now() + session.limits().idle_timeout;
  session.out << Continue{"idling"};
  bool by_itself = true;
  bool timed_out = false;
  auto rests_at = Clock::now() + session.limits().view_rest;
  for (;;) {
    // Woken by a mark, or time for the look that makes up for a lost wake-up. The first look comes before the first
    // wait.
    if (by_itself || marked(session)) {
      if (!by_itself) rests_at = Clock::now() + session.limits().view_rest;
      auto told = co_await check_access(session, true);
      if (told) {
        told = co_await tell_updates(session, Tell{});
      }
      if (!told) static_cast<void>(mailbox_lost(session, told.error()));
    }
    if (!session.terminated) {  // what NOTIFY asks for of other mailboxes (RFC 5465 4)
      auto told = co_await tell_others(session, timed_out);
      static_cast<void>(told);
    }
    if (session.terminated || session.mid_response) co_return hang_up();
    // A database that is away keeps the mark: the session looks again when something else wakes it, or soon.
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) {
      session.terminated = true;
      session.terminate_text = "Idle for too long";
      co_return hang_up();
    }
    // What was marked while the session looked or wrote wakes nobody: it was awake. From here to the wait it does
    // nothing else. With more to tell it waits a moment only, so that DONE is heard however fast changes come.
    auto flushed = co_await session.out.flush();
    if (!flushed) co_return hang_up();
    const bool more = marked(session);
    if (Clock::now() >= rests_at) rest_view(session);
    session.out.release_memory();
    session.reader.release_memory();
    const std::chrono::milliseconds poll = until_rights_end(session, session.limits().idle_poll);
    auto line = co_await session.read_line(std::min(left, more ? std::chrono::milliseconds(1) : poll));
    if (line) {
      if (wire::iequals(*line, "DONE")) co_return ok("IDLE completed");
      co_return bad("Expected DONE");
    }
    const Failure why = line.error().failure;
    if (why == Failure::in_use || why == Failure::timeout) {
      by_itself = timed_out = why == Failure::timeout && !more;
      continue;
    }
    if (why == Failure::limit) co_return bad("Expected DONE");
    co_return hang_up();
  }
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "idle";
  extension.rfcs = {"RFC 2177", "RFC 9051"};
  extension.capabilities = {{"IDLE"}};
  extension.commands = {command("IDLE", kLoggedIn, kTellChanges | kTellExpunges, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::ext::idle
