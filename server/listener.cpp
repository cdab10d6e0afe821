#include "server/listener.h"

#include "base/log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <future>

namespace cpm::server {

namespace {

using boost::asio::ip::tcp;
constexpr auto kToken = boost::asio::as_tuple(boost::asio::use_awaitable);
constexpr int kQueue = 1024;
constexpr std::chrono::milliseconds kBackOff{50};  // after accept failed, e.g. no descriptors left
constexpr std::chrono::milliseconds kLongestBackOff{2000};
constexpr std::chrono::seconds kFarewell{5};  // for a BYE to somebody who is refused

const char* kind_name(ListenerKind kind) { return kind == ListenerKind::imap ? "imap" : "imaps"; }

void log_exception(const std::exception_ptr& failed) {
  if (!failed) return;
  try {
    std::rethrow_exception(failed);
  } catch (const std::exception& what) {
    log::error("server", "connection ended with an exception", {{"what", what.what()}});
  }
}

}  // namespace

class Listener::Entry {
 public:
  Entry(Listener& listener, const ConnectionStream& stream, std::function<void()> cancel)
      : listener_(listener), peer_(stream.peer().address), number_(listener.enter(stream.peer(), std::move(cancel))) {}
  ~Entry() {
    if (number_ != 0) listener_.leave(number_, peer_);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  [[nodiscard]] bool accepted() const { return number_ != 0; }

 private:
  Listener& listener_;
  const std::string peer_;
  const std::uint64_t number_;
};

Result<void> Listener::open(const std::vector<Endpoint>& endpoints, ListenerKind kind) {
  for (const Endpoint& endpoint : endpoints) {
    CPM_TRY(acceptor, bind_endpoint(threads_.first(), endpoint, std::string(kind_name(kind)) + ".listen"));
    const std::string address = endpoint_text(acceptor->local_endpoint());
    sockets_.push_back(std::make_unique<Socket>(Socket{kind, std::move(acceptor), address}));
  }
  return {};
}

Result<void> Listener::start(const TlsSource* tls, Serve serve) {
  tls_ = tls;
  serve_ = std::move(serve);
  for (auto& socket : sockets_) {
    boost::system::error_code error;
    socket->acceptor->listen(kQueue, error);
    if (error)
      return fail(Failure::in_use,
                  std::string(kind_name(socket->kind)) + ".listen = " + socket->address + ": " + error.message());
    boost::asio::co_spawn(threads_.first(), accept(*socket), log_exception);
  }
  return {};
}

void Listener::stop() {
  std::promise<void> closed;
  boost::asio::post(threads_.first(), [&] {
    for (auto& socket : sockets_) {
      boost::system::error_code ignored;
      socket->acceptor->close(ignored);
    }
    closed.set_value();
  });
  closed.get_future().wait();
}

void Listener::cancel_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, cancel] : connections_) cancel();
}

std::string Listener::address(ListenerKind kind) const {
  for (const auto& socket : sockets_) {
    if (socket->kind == kind) return socket->address;
  }
  return {};
}

std::size_t Listener::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

std::uint64_t Listener::enter(const PeerInfo& peer, std::function<void()> cancel) {
  const std::lock_guard lock(mutex_);
  if (connections_.size() >= limits_.connections) return 0;
  const auto at = peers_.find(peer.address);
  const std::size_t present = at == peers_.end() ? 0 : at->second;
  if (!peer.loopback && limits_.connections_per_peer != 0 && present >= limits_.connections_per_peer) return 0;
  ++peers_[peer.address];
  connections_.emplace(next_, std::move(cancel));
  return next_++;
}

void Listener::leave(std::uint64_t number, const std::string& peer) {
  const std::lock_guard lock(mutex_);
  connections_.erase(number);
  const auto at = peers_.find(peer);
  if (at != peers_.end() && --at->second == 0) peers_.erase(at);
}

boost::asio::awaitable<void> Listener::accept(Socket& listening) {
  auto pause = kBackOff;
  for (;;) {
    tcp::socket socket(threads_.next());
    tcp::endpoint remote;
    auto accepted = co_await listening.acceptor->async_accept(socket, remote, kToken);
    const boost::system::error_code error = std::get<0>(accepted);
    if (!listening.acceptor->is_open()) co_return;
    if (error) {
      // No descriptors or no memory: those who wait in the queue are served when others have left.
      if (pause == kBackOff) log::error("server", "cannot accept connections", {{"why", error.message()}});
      boost::asio::steady_timer timer(listening.acceptor->get_executor(), pause);
      auto waited = co_await timer.async_wait(kToken);
      static_cast<void>(waited);
      pause = std::min(pause * 2, kLongestBackOff);
      continue;
    }
    pause = kBackOff;
    const auto executor = socket.get_executor();
    boost::asio::co_spawn(executor, connection(std::move(socket), listening.kind), log_exception);
  }
}

boost::asio::awaitable<void> Listener::refuse(ConnectionStream& stream, ListenerKind kind) {
  metrics_.connection_refused("limit");
  log::info("server", "too many connections", {{"peer", stream.peer().address}, {"listener", kind_name(kind)}});
  if (kind == ListenerKind::imaps) co_return;  // a handshake would cost more than the answer is worth
  auto told = co_await stream.write("* BYE [LIMIT] Too many connections\r\n", kFarewell);
  static_cast<void>(told);
}

boost::asio::awaitable<void> Listener::connection(tcp::socket socket, ListenerKind kind) {
  boost::system::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) co_return;  // gone already
  auto stream =
      std::make_unique<ConnectionStream>(std::move(socket), peer_info(remote), tls_, limits_, metrics_.traffic());
  const Entry entry(*this, *stream, stream->canceller());
  if (!entry.accepted()) {
    co_await refuse(*stream, kind);
    co_return;
  }
  metrics_.connection_accepted(kind_name(kind));
  if (kind == ListenerKind::imaps) {
    auto secured = co_await stream->start_tls();
    if (!secured) {
      metrics_.connection_refused("tls");
      log::debug("server", "TLS handshake failed", {{"peer", stream->peer().address}, {"why", secured.error().detail}});
      co_return;
    }
  }
  co_await serve_(std::move(stream), kind);
}

}  // namespace cpm::server
