// A connection to an IMAP server: TCP, TLS on it at once or by STARTTLS; blocking calls with a deadline each.
// Runs on: one thread at a time.
#pragma once

#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cpm::deposit {

enum class Security { tls, starttls, plain };

struct ServerAddress {
  std::string host;
  std::uint16_t port = 0;
  Security security = Security::tls;
  // Whom to trust under TLS. Nothing named: the system's authorities, and the certificate must be for `host`.
  std::string authorities;  // PEM file with authorities instead of the system's
  std::string pinned;       // PEM file: the server must show exactly its first certificate, whatever names are in it
  bool trust_anyone = false;
  std::chrono::milliseconds patience{60'000};  // for connecting, and for each time nothing moves
};

class Connection {
 public:
  // Connects, and starts TLS if the address says so at once. Failures: unavailable, timeout, denied (certificate).
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const ServerAddress& address);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Result<void> start_tls();  // after the server agreed to STARTTLS
  // Failure::unavailable: the connection is over; timeout.
  [[nodiscard]] Result<void> write(std::string_view octets);
  [[nodiscard]] Result<std::string> read_line();                       // without its line end; at most 1 MiB
  [[nodiscard]] Result<std::string> read_octets(std::uint64_t count);  // at most 64 MiB
  void close();
  [[nodiscard]] bool is_open() const { return open_; }  // false after the first failure

 private:
  class Streams;
  Connection(const ServerAddress& address, std::unique_ptr<Streams> streams);
  [[nodiscard]] Result<void> fill();

  const ServerAddress address_;
  std::unique_ptr<Streams> streams_;
  std::string buffer_;
  std::size_t taken_ = 0;
  bool open_ = true;
};

}  // namespace cpm::deposit
