#include "server/signals.h"

#include "base/log.h"

#include <csignal>
#include <string>

namespace cpm::server {

Signals::Signals(Actions actions) : actions_(std::move(actions)), signals_(context_), timer_(context_) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) signals_.add(number);
  receive();
  tend();
}

void Signals::wait_for_stop() {
  while (stop_requests_ == 0) context_.run_one();
}

void Signals::poll() { context_.poll(); }

void Signals::receive() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    if (number == SIGCHLD) {
      tend();
    } else if (number == SIGHUP) {
      actions_.reload();
    } else {
      ++stop_requests_;
      log::info("server", stop_requests_ == 1 ? "stopping" : "stopping at once", {{"signal", std::to_string(number)}});
    }
    receive();
  });
}

void Signals::tend() {
  const auto again = actions_.tend();
  timer_.cancel();
  if (!again) return;
  timer_.expires_after(*again);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tend();
  });
}

}  // namespace cpm::server
