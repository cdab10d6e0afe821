// The keeper: the running program cpmstore-adapt, which has its libraries ready and makes a jailed worker by fork()
// when told to. It reads no media itself. Its standard error, and that of its workers, goes to the log, bounded. Runs
// on: one thread, which must live as long as the keeper does: the program is killed when that thread ends.
#pragma once

#include "adapt/protocol.h"
#include "base/result.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cpm::adapt {

class Keeper {
 public:
  struct Events {
    std::function<void(std::string note)> ready;  // workers can be started from now on
    std::function<void(std::uint64_t worker, pid_t)> started;
    std::function<void(std::uint64_t worker, int status)> ended;  // status of waitpid()
    std::function<void(std::string why)> lost;                    // it is gone, and all its workers with it
  };

  Keeper(boost::asio::io_context& io, std::vector<std::string> command, Events events);
  ~Keeper();  // ends the program
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Starts the program. `lost` is called later if it fails then; an Error if it cannot be run at all: not_found when
  // there is no such program.
  [[nodiscard]] Result<void> run();
  // A new worker behind `socket`, which this closes. Octets may be written to the other end at once.
  void start(std::uint64_t worker, int socket);
  void kill(std::uint64_t worker);
  void end();

 private:
  void send(const Control& control, int descriptor = -1);
  void listen();
  void receive();
  void listen_log();
  void read_log();
  void log_line(std::string_view line);
  void fail(std::string why);

  boost::asio::io_context& io_;
  const std::vector<std::string> command_;
  const Events events_;
  boost::asio::posix::stream_descriptor control_, log_;
  pid_t pid_ = -1;
  std::uint64_t run_ = 0;  // counts programs, so that handlers of an earlier one do nothing
  std::string line_;       // of the log, not complete yet
  std::size_t allowed_ = 0;
  std::uint64_t unsaid_ = 0;
  std::chrono::steady_clock::time_point minute_{};
};

}  // namespace cpm::adapt
