// Out: the session's way to the client. Typed responses gather in a bounded buffer and leave in few sends, with
// back-pressure: flush() waits until the client has taken them. Handlers never see the socket and never write a tagged
// line.
//   out << Exists{12};  …  co_await out.relieve();   // flushes when the buffer is full
// Runs on: session strand. Owned by the session.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "base/stream.h"
#include "imap/wire/encoder.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace cpm::imap {

class Out {
 public:
  Out(Stream& stream, const Limits& limits) : stream_(stream), limits_(limits) {}

  // The buffer behind an encoder, for responses; complete lines only between two co_awaits unless in a body.
  [[nodiscard]] wire::Encoder encoder() { return wire::Encoder(buffer_, utf8_, uid_only_, phrases_); }
  template <class Response>
  Out& operator<<(const Response& response) {
    wire::Encoder encoder(buffer_, utf8_, uid_only_, phrases_);
    encode(encoder, response);
    return *this;
  }

  // Sends when the buffer holds more than Limits::out_buffer_octets. A client that does not read: Failure::timeout.
  boost::asio::awaitable<Result<void>> relieve();
  boost::asio::awaitable<Result<void>> flush();
  [[nodiscard]] bool sending() const { return sending_; }

  void set_utf8(bool on) { utf8_ = on; }
  void set_uid_only(bool on) { uid_only_ = on; }
  [[nodiscard]] bool utf8() const { return utf8_; }
  void set_phrases(const wire::Phrases* phrases) { phrases_ = phrases; }  // REQUIRES: outlives the session
  [[nodiscard]] std::uint64_t octets_sent() const { return octets_sent_; }
  [[nodiscard]] std::size_t buffered() const { return buffer_.size(); }
  [[nodiscard]] bool ends_with(char c) const { return !buffer_.empty() && buffer_.back() == c; }
  // Drops what a failing command wrote and did not send yet (nothing untagged before NO, MSS-84).
  struct Mark {
    std::uint64_t sends;
    std::size_t size;
  };
  [[nodiscard]] Mark mark() const { return {sends_, buffer_.size()}; }
  // False when part of it is sent already.
  bool rewind(const Mark& mark) {
    if (mark.sends != sends_) return false;
    if (mark.size < buffer_.size()) buffer_.resize(mark.size);
    return true;
  }
  // A whole line of its own from beside the running command: it leaves at once, after what was written before the mark
  // and before what the command wrote since, which can still be taken back. When some of that was sent already, it
  // leaves after all of it. Does nothing in the middle of a line. REQUIRES: !sending(), not in the middle of a
  // response.
  boost::asio::awaitable<Result<void>> interject(Mark& mark, const std::string& line);
  void release_memory();  // while idle

 private:
  boost::asio::awaitable<Result<void>> send(std::string_view octets);

  Stream& stream_;
  const Limits& limits_;
  std::string buffer_;
  bool utf8_ = false;
  bool uid_only_ = false;
  const wire::Phrases* phrases_ = nullptr;
  std::uint64_t octets_sent_ = 0;
  std::uint64_t sends_ = 0;
  bool sending_ = false;
  boost::asio::steady_timer* sent_ = nullptr;  // of a flush that waits for another send's end
};

}  // namespace cpm::imap
