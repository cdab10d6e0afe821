// Signals of the process, as calls on the main thread: SIGTERM and SIGINT ask to stop, SIGHUP to reload, SIGCHLD to
// look after children.
// Runs on: the main thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <optional>

namespace cpm::server {

class Signals {
 public:
  struct Actions {
    std::function<void()> reload;
    // Called after SIGCHLD, and again when the time that it returned is over.
    std::function<std::optional<std::chrono::milliseconds>()> tend;
  };

  explicit Signals(Actions actions);
  void wait_for_stop();  // until the first request to stop
  void poll();           // handles what has come; never waits
  [[nodiscard]] int stop_requests() const { return stop_requests_; }

 private:
  void receive();
  void tend();

  const Actions actions_;
  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  int stop_requests_ = 0;
};

}  // namespace cpm::server
