// CommandWatch: an eye on the running command while its handler waits. One that says nothing for long is told of with
// "* OK [INPROGRESS (tag done goal)]" (RFC 9585), never inside another response; one whose client has gone away is
// ended. What is waiting in the socket is left there. A client that only has nothing more to send (a script with
// pipelined commands) gets its answers: a line is sent to it, and only the reset that this brings counts as gone.
// Runs on: session strand. Owned by the dispatcher, outlives no session.
#pragma once

#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace cpm::imap {

// The text of the response code; NIL for what is not known (RFC 9585 4).
[[nodiscard]] std::string in_progress_code(const std::string& tag, const Progress& progress);

class CommandWatch : public std::enable_shared_from_this<CommandWatch> {
 public:
  explicit CommandWatch(Session& session);

  // A command begins to run; `session.tag` is its tag.
  void begin();
  // It came to its end: waits until a line on its way has left. Then the command's output can be taken back to mark().
  boost::asio::awaitable<void> end();
  [[nodiscard]] const Out::Mark& mark() const { return mark_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Saying;

  void arm(std::chrono::seconds after);
  void look();
  void say();
  [[nodiscard]] bool may_say() const;

  Session& session_;
  const bool says_;  // the extension is on
  boost::asio::steady_timer timer_;
  bool armed_ = false;
  bool running_ = false;
  bool probed_ = false;
  Clock::time_point next_;  // when to say something
  std::uint64_t sent_ = 0;  // octets of the session when last looked at
  Out::Mark mark_{};
  std::shared_ptr<Saying> saying_;
};

}  // namespace cpm::imap
