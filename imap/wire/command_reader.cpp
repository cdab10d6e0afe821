#include "imap/wire/command_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace cpm::imap::wire {

namespace {

constexpr std::uint64_t kMostOctets = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kCompactAbove = 64 * 1024;  // consumed octets that are worth a move
constexpr std::size_t kTail = 48;                 // longer than any announcement that is not padded with zeros

struct Quoting {
  bool quoted = false;
  bool escaped = false;

  void scan(std::string_view octets) {
    for (const char c : octets) {
      if (escaped) {
        escaped = false;
      } else if (quoted && c == '\\') {
        escaped = true;
      } else if (c == '"') {
        quoted = !quoted;
      }
    }
  }
};

// An announcement by its form alone; `open` becomes the place of its brace.
std::optional<Announcement> announced(std::string_view line, std::size_t& open) {
  if (line.size() < 3 || line.back() != '}') return std::nullopt;
  open = line.rfind('{');
  if (open == std::string_view::npos) return std::nullopt;
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  Announcement found;
  if (!digits.empty() && digits.back() == '+') {
    found.non_sync = true;
    digits.remove_suffix(1);
  }
  if (digits.empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), found.octets);
  if (end != digits.data() + digits.size() || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) found.octets = kMostOctets;
  found.octets = std::min(found.octets, kMostOctets);
  found.binary = open > 0 && line[open - 1] == '~';
  return found;
}

void drop_trailing_crs(std::string& text, std::size_t from) {
  while (text.size() > from && text.back() == '\r') text.pop_back();
}

}  // namespace

std::optional<Announcement> find_announcement(std::string_view line) {
  std::size_t open = 0;
  auto found = announced(line, open);
  if (!found) return std::nullopt;
  Quoting quoting;
  quoting.scan(line.substr(0, open));
  if (quoting.quoted) return std::nullopt;
  return found;
}

void CommandReader::feed(std::string_view octets) {
  if (position_ == buffer_.size()) {
    discard();
  } else if (position_ > kCompactAbove) {
    buffer_.erase(0, position_);
    position_ = 0;
  }
  buffer_.append(octets);
}

CommandReader::Event CommandReader::next() {
  if (stale_) reset();
  for (;;) {
    switch (state_) {
      case State::line:
        switch (read_line()) {
          case Line::partial: return Event::need_more;
          case Line::too_long: drop(Event::too_long, State::skip_line); break;
          case Line::complete:
            if (!line_mode_ && input_.text.empty() && input_.literals.empty()) break;  // stray empty line
            return end_of_line();
        }
        break;
      case State::skip_line: {
        if (!skip_line()) return Event::need_more;
        if (state_ != State::line) break;  // a literal follows
        const auto report = report_;
        stale_ = true;
        if (report) return *report;
        reset();
        break;
      }
      case State::decide: return Event::literal;
      case State::literal:
      case State::drop_literal:
        if (!take_literal()) return Event::need_more;
        break;
    }
  }
}

// Moves octets up to LF into input_.text. Whether a line is too long depends on its text alone: one CR may stand above
// the limit, because it may turn out to belong to the line end.
CommandReader::Line CommandReader::read_line() {
  const std::size_t end = buffer_.find('\n', position_);
  const std::size_t stop = end == std::string::npos ? buffer_.size() : end;
  const std::size_t room = limits_.line_octets + 2 - std::min(limits_.line_octets + 2, input_.text.size());
  const std::size_t taken = std::min(stop - position_, room);
  input_.text.append(buffer_, position_, taken);
  position_ += taken;
  const std::size_t size = input_.text.size();
  if (size > limits_.line_octets + 1 || (size == limits_.line_octets + 1 && input_.text.back() != '\r')) {
    return Line::too_long;
  }
  if (end == std::string::npos) return Line::partial;
  position_ = end + 1;
  drop_trailing_crs(input_.text, line_begin_);
  return Line::complete;
}

CommandReader::Event CommandReader::end_of_line() {
  if (line_mode_) {
    stale_ = true;
    return Event::line;
  }
  const auto found = find_announcement(std::string_view(input_.text).substr(line_begin_));
  if (!found) {
    stale_ = true;
    return Event::command;
  }
  announcement_ = *found;
  input_.text += "\r\n";
  line_begin_ = input_.text.size();
  state_ = State::decide;
  return Event::literal;
}

// From here to the end of the command everything is dropped.
void CommandReader::drop(std::optional<Event> report, State state) {
  report_ = report;
  state_ = state;
  tail_.clear();
  quoted_ = escaped_ = false;
  if (state == State::skip_line) {
    scan_skipped(std::string_view(input_.text).substr(std::min(line_begin_, input_.text.size())));
  }
  input_.text.resize(std::min(input_.text.size(), limits_.line_octets));
  input_.literals.clear();
}

void CommandReader::scan_skipped(std::string_view octets) {
  Quoting quoting{quoted_, escaped_};
  quoting.scan(octets);
  quoted_ = quoting.quoted;
  escaped_ = quoting.escaped;
  tail_.append(octets.substr(octets.size() - std::min(octets.size(), kTail)));
  if (tail_.size() > kTail) tail_.erase(0, tail_.size() - kTail);
}

// True at the end of the line; then state_ is line when the command is over, drop_literal when a literal follows.
bool CommandReader::skip_line() {
  const std::size_t end = buffer_.find('\n', position_);
  scan_skipped(
      std::string_view(buffer_).substr(position_, (end == std::string::npos ? buffer_.size() : end) - position_));
  if (end == std::string::npos) {
    discard();
    return false;
  }
  position_ = end + 1;
  drop_trailing_crs(tail_, 0);
  std::size_t open = 0;
  const auto found = announced(tail_, open);
  const bool follows = found && found->non_sync && !quoted_ && !line_mode_;
  tail_.clear();
  quoted_ = escaped_ = false;
  missing_ = follows ? found->octets : 0;
  state_ = follows ? State::drop_literal : State::line;
  return true;
}

// True when the literal is complete.
bool CommandReader::take_literal() {
  const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(missing_, buffer_.size() - position_));
  if (here > 0 && state_ == State::literal) {
    Literal& literal = input_.literals.back();
    const std::string_view piece = std::string_view(buffer_).substr(position_, here);
    literal.has_nul = literal.has_nul || piece.find('\0') != std::string_view::npos;
    if (const auto kept = literal.data.append(piece); !kept) {
      error_ = kept.error();
      drop(Event::failed, State::drop_literal);
    }
  }
  position_ += here;
  missing_ -= here;
  if (missing_ > 0) return false;
  state_ = state_ == State::literal ? State::line : State::skip_line;
  return true;
}

void CommandReader::accept(Spool spool) {
  input_.literals.push_back({std::move(spool), announcement_.binary, announcement_.non_sync, false});
  missing_ = announcement_.octets;
  state_ = State::literal;
}

void CommandReader::refuse() {
  if (!announcement_.non_sync) {
    reset();
    return;
  }
  missing_ = announcement_.octets;
  drop(std::nullopt, State::drop_literal);
}

CommandInput CommandReader::take() {
  CommandInput taken = std::move(input_);
  reset();
  return taken;
}

std::string CommandReader::take_line() { return std::move(take().text); }

bool CommandReader::in_command() const {
  return !stale_ && (state_ != State::line || !input_.text.empty() || !input_.literals.empty());
}

void CommandReader::reset() {
  input_ = CommandInput{};
  line_begin_ = 0;
  missing_ = 0;
  stale_ = false;
  report_.reset();
  tail_.clear();
  quoted_ = escaped_ = false;
  state_ = State::line;
}

void CommandReader::release_memory() {
  if (buffered()) return;
  std::string().swap(buffer_);
  position_ = 0;
}

}  // namespace cpm::imap::wire
