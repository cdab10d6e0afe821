#include "imap/response/out.h"

namespace cpm::imap {

boost::asio::awaitable<Result<void>> Out::relieve() {
  if (buffer_.size() < limits_.out_buffer_octets) co_return Result<void>{};
  auto flushed = co_await flush();
  co_return flushed;
}

boost::asio::awaitable<Result<void>> Out::flush() {
  if (buffer_.empty()) co_return Result<void>{};
  std::string sending;
  sending.swap(buffer_);
  octets_sent_ += sending.size();
  ++sends_;
  auto written = co_await stream_.write(sending, limits_.write_timeout);
  // The storage is kept for the next responses unless a large body made it grow.
  if (sending.capacity() <= 2 * limits_.out_buffer_octets && buffer_.empty()) {
    sending.clear();
    buffer_.swap(sending);
  }
  co_return written;
}

void Out::release_memory() {
  if (buffer_.empty()) std::string().swap(buffer_);
}

}  // namespace cpm::imap
