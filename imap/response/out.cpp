#include "imap/response/out.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace cpm::imap {

boost::asio::awaitable<Result<void>> Out::relieve() {
  if (buffer_.size() < limits_.out_buffer_octets) co_return Result<void>{};
  auto flushed = co_await flush();
  co_return flushed;
}

boost::asio::awaitable<Result<void>> Out::send(std::string_view octets) {
  while (sending_) {  // a line from beside: one write at a time
    boost::asio::steady_timer sent(stream_.executor(), boost::asio::steady_timer::time_point::max());
    sent_ = &sent;
    auto woken = co_await sent.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    static_cast<void>(woken);
    sent_ = nullptr;
  }
  sending_ = true;
  octets_sent_ += octets.size();
  ++sends_;
  auto written = co_await stream_.write(octets, limits_.write_timeout);
  sending_ = false;
  if (sent_ != nullptr) sent_->cancel();
  co_return written;
}

boost::asio::awaitable<Result<void>> Out::flush() {
  if (buffer_.empty()) co_return Result<void>{};
  std::string sending;
  sending.swap(buffer_);
  auto written = co_await send(sending);
  // The storage is kept for the next responses unless a large body made it grow.
  if (sending.capacity() <= 2 * limits_.out_buffer_octets && buffer_.empty()) {
    sending.clear();
    buffer_.swap(sending);
  }
  co_return written;
}

boost::asio::awaitable<Result<void>> Out::interject(Mark& mark, const std::string& line) {
  const bool untouched = mark.sends == sends_;
  const std::size_t before = untouched ? mark.size : buffer_.size();
  if (before > 0 && buffer_[before - 1] != '\n') co_return Result<void>{};
  std::string sending = buffer_.substr(0, before) + line;
  buffer_.erase(0, before);
  if (untouched) mark = Mark{sends_ + 1, 0};
  auto written = co_await send(sending);
  co_return written;
}

void Out::release_memory() {
  if (buffer_.empty()) std::string().swap(buffer_);
}

}  // namespace cpm::imap
