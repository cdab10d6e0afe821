#include "server/connection_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace cpm::server {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

using namespace std::chrono_literals;

constexpr unsigned kBurst = 32;           // then the other sessions of the thread have their turn
constexpr auto kIdleBeforeRelease = 10s;  // a compressed session silent for so long frees its window
constexpr std::size_t kDeflateBlock = 16 * 1024;
constexpr std::size_t kDrained = 64 * 1024;  // read away at the end, lest the kernel resets what was sent

// A dead peer is noticed within about ten minutes even when nobody writes.
void set_options(int fd) {
  const auto set = [fd](int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 300);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 60);
  set(IPPROTO_TCP, TCP_KEEPCNT, 5);
}

}  // namespace

struct ConnectionStream::Core {
  explicit Core(tcp::socket it)
      : socket(std::move(it)), read_timer(socket.get_executor()), write_timer(socket.get_executor()) {}

  void cancel();

  tcp::socket socket;
  asio::steady_timer read_timer;
  asio::steady_timer write_timer;
  std::uint64_t read_wait = 0;  // number of the present wait: an old timer's handler knows that it is old
  std::uint64_t write_wait = 0;
  bool reading = false;
  bool interrupted = false;
  bool cancelled = false;
};

ConnectionStream::ConnectionStream(tcp::socket socket, PeerInfo peer, const TlsSource* tls, const Limits& limits,
                                   Traffic& traffic)
    : peer_(std::move(peer)),
      tls_source_(tls),
      limits_(limits),
      traffic_(traffic),
      core_(std::make_shared<Core>(std::move(socket))) {
  boost::system::error_code ignored;
  core_->socket.native_non_blocking(true, ignored);
  set_options(core_->socket.native_handle());
}

ConnectionStream::~ConnectionStream() {
  boost::system::error_code ignored;
  core_->cancelled = true;
  core_->read_timer.cancel();
  core_->write_timer.cancel();
  if (!core_->socket.is_open()) return;
  if (ssl_ && tls_usable_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ssl_.reset();
  core_->socket.shutdown(tcp::socket::shutdown_send, ignored);
  std::array<char, 4096> waste;
  for (std::size_t drained = 0; drained < kDrained; drained += waste.size()) {
    if (::recv(core_->socket.native_handle(), waste.data(), waste.size(), MSG_DONTWAIT) <= 0) break;
  }
  core_->socket.close(ignored);
}

// -- one attempt without waiting

ConnectionStream::Attempt ConnectionStream::tls_attempt(int result) {
  if (result > 0) return {State::done, static_cast<std::size_t>(result), {}};
  const int saved = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {State::want_read, 0, {}};
    case SSL_ERROR_WANT_WRITE: return {State::want_write, 0, {}};
    case SSL_ERROR_ZERO_RETURN: return {State::closed, 0, {}};
    case SSL_ERROR_SYSCALL:
      tls_usable_ = false;
      ERR_clear_error();
      return {State::failed, 0, saved == 0 ? "connection lost" : std::strerror(saved)};
    default: break;
  }
  tls_usable_ = false;
  // Many clients hang up without close_notify: an end like any other.
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return {State::closed, 0, "closed"};
  }
  return {State::failed, 0, tls_error_text(TlsError::newest)};
}

ConnectionStream::Attempt ConnectionStream::try_read_plain(char* to, std::size_t length) {
  length = std::min<std::size_t>(length, 1 << 30);
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    Attempt attempt = tls_attempt(SSL_read(ssl_.get(), to, static_cast<int>(length)));
    traffic_.received += attempt.octets;
    return attempt;
  }
  for (;;) {
    const ssize_t n = ::recv(core_->socket.native_handle(), to, length, MSG_DONTWAIT);
    if (n > 0) traffic_.received += static_cast<std::uint64_t>(n);
    if (n > 0) return {State::done, static_cast<std::size_t>(n), {}};
    if (n == 0) return {State::closed, 0, {}};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {State::want_read, 0, {}};
    return {State::failed, 0, std::strerror(errno)};
  }
}

ConnectionStream::Attempt ConnectionStream::try_inflate(char* to, std::size_t length) {
  for (;;) {
    const auto taken = inflater_->take(to, length);
    if (!taken) return {State::failed, 0, taken.error().detail};
    if (*taken > 0) return {State::done, *taken, {}};
    Attempt more = try_read_plain(inflater_->space(), Inflater::kBlock);
    if (more.state != State::done) {
      inflater_->release_memory();
      return more;
    }
    inflater_->filled(more.octets);
  }
}

ConnectionStream::Attempt ConnectionStream::try_read(char* to, std::size_t length) {
  return inflater_ ? try_inflate(to, length) : try_read_plain(to, length);
}

ConnectionStream::Attempt ConnectionStream::try_write(std::string_view bytes) {
  const std::size_t length = std::min<std::size_t>(bytes.size(), 1 << 30);
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    Attempt attempt = tls_attempt(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(length)));
    traffic_.sent += attempt.octets;
    return attempt;
  }
  for (;;) {
    const ssize_t n = ::send(core_->socket.native_handle(), bytes.data(), length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) traffic_.sent += static_cast<std::uint64_t>(n);
    if (n >= 0) return {State::done, static_cast<std::size_t>(n), {}};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {State::want_write, 0, {}};
    return {State::failed, 0, std::strerror(errno)};
  }
}

// -- waiting

asio::awaitable<ConnectionStream::Wake> ConnectionStream::wait(State want, Deadline deadline, asio::steady_timer& timer,
                                                               std::uint64_t& generation) {
  Core& core = *core_;
  burst_ = 0;
  const std::uint64_t number = ++generation;
  auto expired = std::make_shared<bool>(false);  // outlives the timer's handler
  timer.expires_at(deadline);
  timer.async_wait([weak = std::weak_ptr<Core>(core_), &generation, number, expired](boost::system::error_code error) {
    const auto it = weak.lock();  // `generation` is a member of the Core
    if (error || !it || generation != number) return;
    *expired = true;
    boost::system::error_code ignored;
    it->socket.cancel(ignored);
  });
  boost::system::error_code error;
  const auto kind = want == State::want_read ? tcp::socket::wait_read : tcp::socket::wait_write;
  co_await core.socket.async_wait(kind, asio::redirect_error(asio::use_awaitable, error));
  ++generation;
  timer.cancel();
  if (core.cancelled) co_return Wake::cancelled;
  if (*expired) co_return Wake::timeout;
  co_return Wake::ready;  // also after the other direction's cancel: the next attempt finds out
}

// A peer that is always ready must not keep the thread from the other sessions.
asio::awaitable<void> ConnectionStream::give_way() {
  if (++burst_ < kBurst) co_return;
  burst_ = 0;
  co_await asio::post(core_->socket.get_executor(), asio::use_awaitable);
}

// -- Stream

asio::awaitable<Result<std::size_t>> ConnectionStream::read(char* to, std::size_t length,
                                                            std::chrono::milliseconds patience) {
  Core& core = *core_;
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  co_await give_way();
  for (;;) {
    if (core.cancelled) co_return fail(Failure::unavailable, "Connection closed", "cancelled");
    Attempt attempt = try_read(to, length);
    if (attempt.state == State::done) co_return attempt.octets;
    if (attempt.state == State::closed) co_return std::size_t{0};
    if (attempt.state == State::failed) co_return fail(Failure::unavailable, "Connection lost", attempt.why);
    const Deadline idle = std::chrono::steady_clock::now() + kIdleBeforeRelease;
    const bool in_steps = deflater_ != nullptr && idle < deadline;
    core.reading = true;
    const Wake wake = co_await wait(attempt.state, in_steps ? idle : deadline, core.read_timer, core.read_wait);
    core.reading = false;
    const bool interrupted = std::exchange(core.interrupted, false);
    if (wake == Wake::cancelled) continue;
    if (interrupted) co_return fail(Failure::in_use, "interrupted", "interrupted");
    if (wake == Wake::timeout && !in_steps) co_return fail(Failure::timeout, "Timed out", "read");
    if (wake == Wake::timeout) deflater_->release_memory();
  }
}

asio::awaitable<Result<void>> ConnectionStream::write_raw(std::string_view bytes, std::chrono::milliseconds patience) {
  Core& core = *core_;
  while (!bytes.empty()) {
    if (core.cancelled) co_return fail(Failure::unavailable, "Connection closed", "cancelled");
    const Attempt attempt = try_write(bytes);
    if (attempt.state == State::done) {
      bytes.remove_prefix(attempt.octets);
      co_await give_way();
      continue;
    }
    if (attempt.state == State::closed || attempt.state == State::failed) {
      co_return fail(Failure::unavailable, "Connection lost", attempt.why);
    }
    const Deadline deadline = std::chrono::steady_clock::now() + patience;
    const Wake wake = co_await wait(attempt.state, deadline, core.write_timer, core.write_wait);
    if (wake == Wake::timeout) co_return fail(Failure::timeout, "Timed out", "write");
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> ConnectionStream::write(std::string_view bytes, std::chrono::milliseconds patience) {
  if (!deflater_) {
    auto written = co_await write_raw(bytes, patience);
    co_return written;
  }
  const auto block = std::make_unique<std::array<char, kDeflateBlock>>();
  deflater_->put(bytes);
  for (;;) {
    const std::size_t n = deflater_->produce(block->data(), block->size());
    if (n == 0) co_return Result<void>{};
    auto written = co_await write_raw(std::string_view(block->data(), n), patience);
    if (!written) co_return written;
  }
}

asio::awaitable<Result<void>> ConnectionStream::start_tls() {
  Core& core = *core_;
  if (tls_source_ == nullptr || ssl_ || deflater_) co_return fail(Failure::unsupported, "TLS cannot be started now");
  context_ = tls_source_->current();
  ssl_.reset(context_->new_connection());
  if (!ssl_ || SSL_set_fd(ssl_.get(), core.socket.native_handle()) != 1) {
    co_return fail(Failure::unavailable, "TLS cannot be started now", tls_error_text());
  }
  SSL_set_accept_state(ssl_.get());
  const Deadline deadline = std::chrono::steady_clock::now() + limits_.handshake_timeout;
  for (;;) {
    if (core.cancelled) co_return fail(Failure::unavailable, "Connection closed", "cancelled");
    ERR_clear_error();
    errno = 0;
    const Attempt attempt = tls_attempt(SSL_do_handshake(ssl_.get()));
    if (attempt.state == State::done) break;
    if (attempt.state == State::closed || attempt.state == State::failed) {
      co_return fail(Failure::unavailable, "TLS handshake failed", attempt.why);
    }
    const Wake wake = co_await wait(attempt.state, deadline, core.read_timer, core.read_wait);
    if (wake == Wake::timeout) co_return fail(Failure::timeout, "TLS handshake timed out", "handshake");
  }
  tls_usable_ = true;
  tls_info_ = std::make_unique<TlsInfo>(context_->describe(ssl_.get()));
  co_return Result<void>{};
}

Result<void> ConnectionStream::start_compression() {
  if (inflater_) return fail(Failure::unsupported, "Compression is active already");
  inflater_ = std::make_unique<Inflater>();
  deflater_ = std::make_unique<Deflater>();
  return {};
}

void ConnectionStream::interrupt() {
  if (!core_->reading) return;
  core_->interrupted = true;
  boost::system::error_code ignored;
  core_->socket.cancel(ignored);
}

void ConnectionStream::Core::cancel() {
  cancelled = true;
  boost::system::error_code ignored;
  if (socket.is_open()) socket.cancel(ignored);
}

void ConnectionStream::cancel() { core_->cancel(); }

std::function<void()> ConnectionStream::canceller() {
  return [weak = std::weak_ptr<Core>(core_), executor = executor()] {
    asio::post(executor, [weak] {
      if (const auto core = weak.lock()) core->cancel();
    });
  };
}

asio::any_io_executor ConnectionStream::executor() { return core_->socket.get_executor(); }

Stream::PeerState ConnectionStream::peer_state() const {
  if (core_->cancelled || !core_->socket.is_open()) return PeerState::gone;
  pollfd look{core_->socket.native_handle(), POLLRDHUP, 0};
  if (::poll(&look, 1, 0) <= 0) return PeerState::there;
  if ((look.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return PeerState::gone;
  return (look.revents & POLLRDHUP) != 0 ? PeerState::closing : PeerState::there;
}

bool ConnectionStream::tls_available() const { return tls_source_ != nullptr && !ssl_ && !deflater_; }

const TlsInfo* ConnectionStream::tls() const { return tls_info_.get(); }

PeerInfo peer_info(const tcp::endpoint& endpoint) {
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return {address.to_string(), endpoint.port(), address.is_loopback()};
}

}  // namespace cpm::server
