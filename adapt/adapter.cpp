#include "adapt/adapter.h"

#include "adapt/pool.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace cpm::adapt {

Adapter::Adapter(AdapterSettings settings) : pool_(std::make_shared<Pool>(std::move(settings))) { pool_->run(); }

Adapter::~Adapter() { stop(); }

boost::asio::awaitable<Outcome> Adapter::convert(std::int64_t account, Task task, std::chrono::milliseconds deadline) {
  auto outcome = std::make_shared<Outcome>();
  auto waiting = std::make_shared<Task>(std::move(task));
  auto executor = co_await boost::asio::this_coro::executor;
  auto initiate = [pool = pool_, outcome, waiting, executor, account, deadline](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto work = boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
    pool->submit(account, std::move(*waiting), deadline, [outcome, shared, work](Outcome result) {
      *outcome = std::move(result);
      boost::asio::post(work, [shared]() mutable { (*shared)(); });
    });
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(initiate,
                                                                                     boost::asio::use_awaitable);
  co_return std::move(*outcome);
}

AdapterStatus Adapter::status() const { return pool_->status(); }

void Adapter::stop() { pool_->stop(); }

}  // namespace cpm::adapt
