// Runs conversions through real jailed workers, and waits for them.
#pragma once

#include "adapt/adapter.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <variant>

namespace cpm::adapt::test {

inline AdapterSettings settings(std::size_t workers = 1) {
  AdapterSettings settings;
  settings.program = CPMSTORE_ADAPT_TEST_WORKER;
  settings.workers = workers;
  settings.job_time = std::chrono::seconds(60);  // the machine may be busy
  return settings;
}

class Jailed {
 public:
  explicit Jailed(AdapterSettings with = settings())
      : adapter_(std::move(with)), guard_(boost::asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}
  ~Jailed() {
    adapter_.stop();
    guard_.reset();
    thread_.join();
  }
  Jailed(const Jailed&) = delete;
  Jailed& operator=(const Jailed&) = delete;

  std::future<Outcome> begin(Task task, std::int64_t account = 1,
                             std::chrono::milliseconds deadline = std::chrono::seconds(120)) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto future = promise->get_future();
    boost::asio::co_spawn(
        io_,
        [this, task = std::move(task), account, deadline, promise]() -> boost::asio::awaitable<void> {
          Outcome outcome = co_await adapter_.convert(account, task, deadline);
          promise->set_value(std::move(outcome));
        },
        [](const std::exception_ptr& problem) {
          if (problem) std::terminate();
        });
    return future;
  }

  Outcome convert(Task task, std::int64_t account = 1, std::chrono::milliseconds deadline = std::chrono::seconds(120)) {
    return begin(std::move(task), account, deadline).get();
  }

  Adapter& adapter() { return adapter_; }

 private:
  Adapter adapter_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_;
};

// The process that works now; 0 when there is none for long.
inline int busy_worker(Adapter& adapter) {
  for (int tries = 0; tries < 1000; ++tries) {
    for (const WorkerStatus& worker : adapter.status().workers) {
      if (worker.busy && worker.pid > 0) return worker.pid;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return 0;
}

// Its line in /proc/PID/status.
inline std::string status_line(int pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return line.substr(name.size());
  }
  return {};
}

inline Task task(std::string declared, std::string target, std::string octets, Parameters parameters = {}) {
  Task task;
  task.declared = std::move(declared);
  task.target = std::move(target);
  task.octets = std::move(octets);
  task.parameters = std::move(parameters);
  return task;
}

inline Converted good(Outcome outcome) {
  if (const auto* refused = std::get_if<Refused>(&outcome)) {
    ADD_FAILURE() << "refused: " << refusal_name(refused->why) << ": " << refused->detail << " found "
                  << refused->found;
    return {};
  }
  return std::get<Converted>(std::move(outcome));
}

inline Refused bad(Outcome outcome) {
  if (std::holds_alternative<Converted>(outcome)) {
    ADD_FAILURE() << "converted to " << std::get<Converted>(outcome).type;
    return {};
  }
  return std::get<Refused>(std::move(outcome));
}

}  // namespace cpm::adapt::test
