// Ahead: pieces of work that go on while the session writes what earlier ones gave, so that the database and the
// network do not wait for each other. Results come in the order of the starts; whoever starts bounds how many are under
// way.
//   Ahead<std::string> ahead(executor);
//   ahead.start(services.db.run(…));
//   auto piece = co_await ahead.take();
// The work must not refer to the session: it may outlive it when the client goes away meanwhile.
// Runs on: session strand.
#pragma once

#include "base/result.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace cpm::imap {

template <class T>
class Ahead {
 public:
  explicit Ahead(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  void start(boost::asio::awaitable<Result<T>> work) {
    auto state = under_way_.emplace_back(std::make_shared<State>(executor_));
    boost::asio::co_spawn(executor_, std::move(work), [state](std::exception_ptr broken, Result<T> result) {
      state->broken = std::move(broken);
      state->result.emplace(std::move(result));
      state->ready.cancel();
    });
  }
  [[nodiscard]] std::size_t size() const { return under_way_.size(); }

  // Waits for the oldest that was not taken yet. Throws what the work threw. REQUIRES: size() > 0.
  boost::asio::awaitable<Result<T>> take() {
    const std::shared_ptr<State> state = std::move(under_way_.front());
    under_way_.pop_front();
    while (!state->result) {
      auto woken = co_await state->ready.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      static_cast<void>(woken);
    }
    if (state->broken) std::rethrow_exception(state->broken);
    co_return std::move(*state->result);
  }

 private:
  struct State {
    explicit State(const boost::asio::any_io_executor& executor) : ready(executor) {
      ready.expires_at(boost::asio::steady_timer::time_point::max());
    }
    boost::asio::steady_timer ready;  // cancelled when the result is there
    std::exception_ptr broken;
    std::optional<Result<T>> result;
  };

  boost::asio::any_io_executor executor_;
  std::deque<std::shared_ptr<State>> under_way_;
};

}  // namespace cpm::imap
