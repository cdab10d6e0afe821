// CommandReader: octets → complete commands, without I/O. Tolerant (MSS-80): a bare LF ends a line, CRs before it are
// dropped, empty lines between commands are skipped. A `{n}` counts as a literal only at the very end of a line and
// outside a quoted string (RFC 9051 4.3, RFC 7888). The events depend on the octets alone, never on how they were cut
// into feed() calls.
//   reader.feed(octets); for (;;) switch (reader.next()) { … }
// Runs on: session strand. Memory is bounded by Limits::line_octets, one feed() and what the caller accepts as
// literals.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "imap/wire/command_input.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap::wire {

struct Announcement {
  std::uint64_t octets = 0;  // values above 2^63-1 read as 2^63-1
  bool non_sync = false;
  bool binary = false;
};

class CommandReader {
 public:
  enum class Event {
    need_more,  // feed() more octets
    literal,    // announcement() and text() are set: answer with accept() or refuse()
    command,    // take() it
    line,       // line mode only: take_line()
    too_long,   // a command above Limits::line_octets was skipped to its end; text() holds its beginning
    failed,     // a literal could not be kept (error()); it was skipped with the rest of its command, text() holds the
                // beginning
  };

  explicit CommandReader(const Limits& limits) : limits_(limits) {}

  void feed(std::string_view octets);
  // The next event. What the previous command, line, too_long or failed left in text() is gone afterwards.
  [[nodiscard]] Event next();

  [[nodiscard]] const Announcement& announcement() const { return announcement_; }
  [[nodiscard]] const std::string& text() const { return input_.text; }
  // REQUIRES (both): the last event was literal.
  void accept(Spool spool);
  // Synchronising: the client will not send it, the command is over. Non-synchronising: its octets and the rest of the
  // command are read and dropped, without a further event.
  void refuse();
  CommandInput take();
  [[nodiscard]] const Error& error() const { return error_; }

  // Single lines outside the command grammar: AUTHENTICATE responses, DONE. REQUIRES: !in_command().
  void set_line_mode(bool on) { line_mode_ = on; }
  [[nodiscard]] std::string take_line();

  [[nodiscard]] std::uint64_t literal_octets_missing() const { return missing_; }
  [[nodiscard]] bool buffered() const { return position_ < buffer_.size(); }
  void discard() {
    buffer_.clear();
    position_ = 0;
  }
  // True between the first octet of a command and its end, the dropped rest of a refused one included.
  [[nodiscard]] bool in_command() const;
  void release_memory();  // while idle

 private:
  enum class State { line, skip_line, decide, literal, drop_literal };
  enum class Line { partial, complete, too_long };

  Line read_line();
  Event end_of_line();
  bool skip_line();
  void scan_skipped(std::string_view octets);
  void drop(std::optional<Event> report, State state);
  bool take_literal();
  void reset();

  const Limits& limits_;
  std::string buffer_;
  std::size_t position_ = 0;
  State state_ = State::line;
  bool line_mode_ = false;
  bool stale_ = false;          // input_ was reported and goes with the next event
  std::size_t line_begin_ = 0;  // where the current line starts in input_.text
  CommandInput input_;
  Announcement announcement_;
  std::uint64_t missing_ = 0;  // octets of the current literal still to come
  Error error_;

  // While a command is dropped only the end of each line is looked at, for a literal that follows it.
  std::optional<Event> report_;  // what to say at its end; nothing when it was answered by refuse()
  std::string tail_;
  bool quoted_ = false;
  bool escaped_ = false;
};

// The announcement at the end of `line`, if there is one. Exposed for tests.
[[nodiscard]] std::optional<Announcement> find_announcement(std::string_view line);

}  // namespace cpm::imap::wire
