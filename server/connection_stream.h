// ConnectionStream: the Stream of one client: a socket, TLS on it, deflate on that. OpenSSL works on the socket itself,
// without buffers of ours in between, so that an idle connection holds a few kilobytes only.
// Runs on: the strand of its
// connection (the one thread of the socket's io_context). Owned by the session.
#pragma once

#include "base/limits.h"
#include "base/stream.h"
#include "server/deflate.h"
#include "server/tls.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <functional>
#include <memory>

namespace cpm::server {

// Octets on the wire, of all connections.
struct Traffic {
  std::atomic<std::uint64_t> received{0}, sent{0};
};

class ConnectionStream final : public Stream {
 public:
  // `tls` may be null: then there is no TLS. It, `limits` and `traffic` outlive the stream.
  ConnectionStream(boost::asio::ip::tcp::socket socket, PeerInfo peer, const TlsSource* tls, const Limits& limits,
                   Traffic& traffic);
  ~ConnectionStream() override;  // says goodbye to the peer as far as that goes without waiting, and closes

  boost::asio::awaitable<Result<std::size_t>> read(char* to, std::size_t length,
                                                   std::chrono::milliseconds patience) override;
  // `patience` is for the next octets to leave; each progress begins it anew.
  boost::asio::awaitable<Result<void>> write(std::string_view bytes, std::chrono::milliseconds patience) override;
  boost::asio::awaitable<Result<void>> start_tls() override;
  Result<void> start_compression() override;
  void interrupt() override;
  void cancel() override;
  boost::asio::any_io_executor executor() override;

  [[nodiscard]] PeerState peer_state() const override;
  [[nodiscard]] bool tls_available() const override;
  [[nodiscard]] const TlsInfo* tls() const override;
  [[nodiscard]] bool compressed() const override { return inflater_ != nullptr; }
  [[nodiscard]] const PeerInfo& peer() const override { return peer_; }

  // Does the same as cancel(), from any thread, also when the stream is gone already.
  [[nodiscard]] std::function<void()> canceller();

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  enum class State { done, want_read, want_write, closed, failed };
  struct Attempt {
    State state = State::done;
    std::size_t octets = 0;
    std::string why;
  };
  enum class Wake { ready, timeout, cancelled };
  struct Core;  // what a timer's handler may touch after the stream is gone
  struct FreeSsl {
    void operator()(SSL* connection) const { SSL_free(connection); }
  };

  Attempt try_read(char* to, std::size_t length);
  Attempt try_write(std::string_view bytes);
  Attempt try_read_plain(char* to, std::size_t length);
  Attempt try_inflate(char* to, std::size_t length);
  Attempt tls_attempt(int result);
  boost::asio::awaitable<Wake> wait(State want, Deadline deadline, boost::asio::steady_timer& timer,
                                    std::uint64_t& generation);
  boost::asio::awaitable<void> give_way();
  boost::asio::awaitable<Result<void>> write_raw(std::string_view bytes, std::chrono::milliseconds patience);

  const PeerInfo peer_;
  const TlsSource* tls_source_;
  const Limits& limits_;
  Traffic& traffic_;
  std::shared_ptr<Core> core_;  // shared with timer handlers only
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::shared_ptr<const TlsContext> context_;  // the one ssl_ was made from
  std::unique_ptr<TlsInfo> tls_info_;
  std::unique_ptr<Inflater> inflater_;
  std::unique_ptr<Deflater> deflater_;
  unsigned burst_ = 0;       // operations since the thread was last given away
  bool tls_usable_ = false;  // no fatal error yet: close_notify may be sent
};

// "192.0.2.1" and so on; an IPv4 address mapped into IPv6 becomes IPv4.
[[nodiscard]] PeerInfo peer_info(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace cpm::server
