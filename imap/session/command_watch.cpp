#include "imap/session/command_watch.h"

#include "base/log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace cpm::imap {

namespace {

constexpr std::chrono::seconds kLook{1};      // how soon a closed connection is noticed
constexpr std::chrono::seconds kWaiting{30};  // while the command itself waits for the client, as IDLE does

boost::asio::awaitable<void> send_line(Out& out, Out::Mark& mark, std::string line) {
  auto sent = co_await out.interject(mark, line);
  static_cast<void>(sent);  // the handler or the next look finds out
}

}  // namespace

std::string in_progress_code(const std::string& tag, const Progress& progress) {
  const bool nameable = !tag.empty() && tag.find_first_of("]\"\\") == std::string::npos;
  std::string code = "INPROGRESS (" + (nameable ? '"' + tag + '"' : "NIL");
  if (!progress.done) return code + " NIL NIL)";
  if (progress.goal == 0) return code + ' ' + std::to_string(*progress.done) + " NIL)";
  return code + ' ' + std::to_string(std::min(*progress.done, progress.goal - 1)) + ' ' +
         std::to_string(progress.goal) + ')';
}

struct CommandWatch::Saying {
  explicit Saying(const boost::asio::any_io_executor& executor) : finished(executor) {
    finished.expires_at(boost::asio::steady_timer::time_point::max());
  }
  boost::asio::steady_timer finished;  // cancelled when the line has left
  bool done = false;
};

CommandWatch::CommandWatch(Session& session)
    : session_(session),
      says_(session.services.registry.has("inprogress") && session.limits().progress_interval.count() > 0),
      timer_(session.stream->executor()) {}

void CommandWatch::begin() {
  running_ = true;
  probed_ = false;
  session_.progress = {};
  mark_ = session_.out.mark();
  sent_ = session_.out.octets_sent();
  next_ = Clock::now() + session_.limits().progress_interval;
  if (!armed_ || timer_.expiry() > Clock::now() + kLook) arm(kLook);
}

boost::asio::awaitable<void> CommandWatch::end() {
  running_ = false;
  const std::shared_ptr<Saying> saying = std::move(saying_);
  saying_.reset();
  while (saying && !saying->done) {
    auto woken = co_await saying->finished.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    static_cast<void>(woken);
  }
}

// The timer runs on while commands follow each other, so that short ones cost nothing.
void CommandWatch::arm(std::chrono::seconds after) {
  armed_ = true;
  timer_.expires_after(after);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self) return;
    self->armed_ = false;
    self->look();
  });
}

bool CommandWatch::may_say() const {
  return says_ && session_.principal && !session_.mid_response && !session_.out.sending() &&
         (!saying_ || saying_->done);
}

void CommandWatch::look() {
  if (!running_ || session_.terminated) return;
  arm(session_.waiting ? kWaiting : kLook);
  if (session_.waiting) {  // its read notices what happens; thousands of idle sessions must cost nothing
    sent_ = session_.out.octets_sent();
    next_ = Clock::now() + session_.limits().progress_interval;
    return;
  }
  const auto peer = session_.stream->peer_state();
  if (peer == Stream::PeerState::gone) {
    log::info("imap", "the client is gone, its command ends", {{"session", session_.id}});
    session_.terminated = true;
    session_.terminate_text = "Connection closed";
    session_.stream->cancel();
    return;
  }
  const auto now = Clock::now();
  if (session_.out.octets_sent() != sent_) {  // it speaks by itself
    sent_ = session_.out.octets_sent();
    next_ = now + session_.limits().progress_interval;
    return;
  }
  const bool probe = peer == Stream::PeerState::closing && !probed_;
  if ((!probe && now < next_) || !may_say()) return;
  probed_ = probed_ || probe;
  next_ = now + session_.limits().progress_interval;
  say();
}

void CommandWatch::say() {
  std::string line = "* OK [" + in_progress_code(session_.tag, session_.progress) + "] Still at work\r\n";
  sent_ += line.size();
  saying_ = std::make_shared<Saying>(session_.stream->executor());
  boost::asio::co_spawn(session_.stream->executor(), send_line(session_.out, mark_, std::move(line)),
                        [saying = saying_](std::exception_ptr broken) {
                          static_cast<void>(broken);
                          saying->done = true;
                          saying->finished.cancel();
                        });
}

}  // namespace cpm::imap
