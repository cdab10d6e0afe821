// IoThreads: N io_contexts, each run by exactly one thread, so that a connection on one of them needs no strand.
// Runs on: started and stopped by the main thread.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace cpm::server {

class IoThreads {
 public:
  explicit IoThreads(std::size_t count);
  ~IoThreads() { stop(); }
  void start();
  void stop();
  [[nodiscard]] boost::asio::io_context& next();  // round robin; any thread
  [[nodiscard]] boost::asio::io_context& first() { return *contexts_.front(); }

 private:
  using Work = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
  std::vector<Work> work_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> turn_{0};
};

}  // namespace cpm::server
