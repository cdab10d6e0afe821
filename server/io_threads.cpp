#include "server/io_threads.h"

#include "base/log.h"

namespace cpm::server {

IoThreads::IoThreads(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
    work_.push_back(boost::asio::make_work_guard(*contexts_.back()));
  }
}

void IoThreads::start() {
  for (auto& context : contexts_) {
    threads_.emplace_back([&one = *context] {
      for (;;) {
        try {
          one.run();
          return;
        } catch (const std::exception& error) {
          log::error("server", "exception on a session thread", {{"what", error.what()}});
        }
      }
    });
  }
}

void IoThreads::stop() {
  work_.clear();
  for (auto& context : contexts_) context->stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

boost::asio::io_context& IoThreads::next() { return *contexts_[turn_++ % contexts_.size()]; }

}  // namespace cpm::server
