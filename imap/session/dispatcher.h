// Dispatcher: read, parse, check, execute, update, complete. The only writer of tagged lines. One command at a time, in
// order; everything untagged a failing command wrote is dropped before its NO or BAD (MSS-84).
// Runs on: session strand.
#pragma once

#include "imap/session/command_watch.h"
#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace cpm::imap {

class Dispatcher {
 public:
  explicit Dispatcher(std::shared_ptr<Session> session)
      : session_(std::move(session)), watch_(std::make_shared<CommandWatch>(*session_)) {}
  boost::asio::awaitable<void> run();

 private:
  struct Parsed {
    std::string tag;
    const CommandSpec* spec = nullptr;
    std::string name;
    Execute execute;
    std::optional<Done> refused;  // BAD and its like: nothing to execute
  };

  boost::asio::awaitable<Result<void>> greet();
  // Reads until a whole command is there; answers literals on the way. Failure::unavailable: the peer closed.
  boost::asio::awaitable<Result<wire::CommandInput>> read_command();
  boost::asio::awaitable<Result<void>> answer_literal();
  Parsed parse(wire::CommandInput& input);
  boost::asio::awaitable<Result<void>> perform(wire::CommandInput input);
  boost::asio::awaitable<Result<void>> complete(const Parsed& parsed, Done done);
  // NOTIFY: what is new, between two commands. Does nothing when nothing is marked, unless `everything`.
  boost::asio::awaitable<Result<void>> tell_between(bool everything);
  boost::asio::awaitable<Result<void>> wake_for(const CommandSpec& spec);  // a view that rests, for what looks at it
  boost::asio::awaitable<bool> update(const Parsed& parsed);               // false: something stays untold
  void correct_modseq(Done& done);
  void tell_limit(Done& done);
  void refuse(const std::string& tag, const std::string& name, const CommandSpec* spec, const Done& why);
  void write_tagged(const std::string& tag, const Done& done);
  void bye(const std::string& text);
  [[nodiscard]] std::chrono::milliseconds patience() const;

  std::shared_ptr<Session> session_;
  std::shared_ptr<CommandWatch> watch_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::size_t bad_in_a_row_ = 0;
  std::size_t before_login_ = 0;
  std::uint64_t literal_octets_ = 0;  // of the command being read
  bool finished_ = false;
};

}  // namespace cpm::imap
