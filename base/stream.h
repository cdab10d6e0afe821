// Stream: one client's byte stream as the session sees it; TCP, TLS and deflate are stacked by
// server/ behind it. Reads and writes have the deadlines that the session sets.
// Runs on: session strand. Owned by the connection.
#pragma once

#include "base/result.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cpm {

struct PeerInfo {
  std::string address;  // "192.0.2.1", "::1"
  std::uint16_t port = 0;
  bool loopback = false;
};

struct TlsInfo {
  std::string protocol;  // "TLSv1.3"
  std::string cipher;
  std::string tls_exporter;                       // RFC 9266 channel binding, raw octets; empty if none
  std::string tls_server_end_point;               // RFC 5929, raw octets
  std::string tls_unique;                         // RFC 5929, TLS 1.2 only
  std::optional<std::string> client_certificate;  // subject identity chosen by configuration, verified
};

class Stream {
 public:
  virtual ~Stream() = default;

  // Reads at least one octet; 0 means the peer closed. Failure::timeout after `patience`.
  virtual boost::asio::awaitable<Result<std::size_t>> read(char* to, std::size_t length,
                                                           std::chrono::milliseconds patience) = 0;
  // Writes all of `bytes`; bytes must stay alive until it returns.
  virtual boost::asio::awaitable<Result<void>> write(std::string_view bytes, std::chrono::milliseconds patience) = 0;

  virtual boost::asio::awaitable<Result<void>> start_tls() = 0;  // REQUIRES: tls_available(), !tls()
  virtual Result<void> start_compression() = 0;                  // RFC 4978, raw deflate both ways
  // A pending read() ends with Failure::in_use ("interrupted"), nothing is lost and the stream stays usable: how a
  // session in IDLE is woken. Without a pending read it does nothing. From the session's strand.
  virtual void interrupt() = 0;
  // Aborts a pending read or write; further ones fail. From the session's strand.
  virtual void cancel() = 0;
  virtual boost::asio::any_io_executor executor() = 0;  // the session's strand

  // What is known of the peer without reading. `closing`: it sends nothing more after what is waiting, and may still
  // read, or be gone: a write brings it to light. `gone`: the connection is lost.
  enum class PeerState { there, closing, gone };
  [[nodiscard]] virtual PeerState peer_state() const = 0;

  [[nodiscard]] virtual bool tls_available() const = 0;
  [[nodiscard]] virtual const TlsInfo* tls() const = 0;  // nullptr while in the clear
  [[nodiscard]] virtual bool compressed() const = 0;
  [[nodiscard]] virtual const PeerInfo& peer() const = 0;
};

}  // namespace cpm
