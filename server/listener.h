// Listener: accepts IMAP connections on the configured addresses, applies the connection limits and hands each to the
// session code.
// Runs on: the first io thread accepts; connections run on the io threads in turn.
#pragma once

#include "base/config.h"
#include "base/limits.h"
#include "base/result.h"
#include "server/bind.h"
#include "server/connection_stream.h"
#include "server/io_threads.h"
#include "server/metrics.h"
#include "server/tls.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace cpm::server {

enum class ListenerKind { imap, imaps };

class Listener {
 public:
  using Serve = std::function<boost::asio::awaitable<void>(std::unique_ptr<Stream>, ListenerKind)>;

  Listener(IoThreads& threads, const Limits& limits, Metrics& metrics)
      : threads_(threads), limits_(limits), metrics_(metrics) {}

  // Binds (also to privileged ports, before root is given up). The Error names the key and the address.
  [[nodiscard]] Result<void> open(const std::vector<Endpoint>& endpoints, ListenerKind kind);
  // Begins to listen and to accept; `tls` may be null and outlives the connections.
  [[nodiscard]] Result<void> start(const TlsSource* tls, Serve serve);
  void stop();                                                 // no more connections; those that are there go on
  void cancel_all();                                           // ends the connections that are there, without a word
  [[nodiscard]] std::string address(ListenerKind kind) const;  // HOST:PORT of the first one, "" when there is none
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Socket {
    ListenerKind kind;
    Acceptor acceptor;
    std::string address;
  };
  class Entry;  // one counted connection

  boost::asio::awaitable<void> accept(Socket& socket);
  boost::asio::awaitable<void> connection(boost::asio::ip::tcp::socket socket, ListenerKind kind);
  boost::asio::awaitable<void> refuse(ConnectionStream& stream, ListenerKind kind);
  // A number for the connection, or 0 when a limit is reached.
  [[nodiscard]] std::uint64_t enter(const PeerInfo& peer, std::function<void()> cancel);
  void leave(std::uint64_t number, const std::string& peer);

  IoThreads& threads_;
  const Limits& limits_;
  Metrics& metrics_;
  const TlsSource* tls_ = nullptr;
  Serve serve_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> peers_;                    // protected by mutex_
  std::map<std::uint64_t, std::function<void()>> connections_;  // protected by mutex_; each cancels one
  std::uint64_t next_ = 1;                                      // protected by mutex_
};

}  // namespace cpm::server
