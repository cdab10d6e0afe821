#include "admin/deposit/connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <optional>

namespace cpm::deposit {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

constexpr std::size_t kBlock = 16 * 1024;
constexpr std::size_t kLongestLine = 1U << 20;
constexpr std::uint64_t kLongestLiteral = 64U << 20;

std::string place(const ServerAddress& address) {
  const bool colons = address.host.find(':') != std::string::npos;
  return (colons ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;

Result<Certificate> read_certificate(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return fail(Failure::not_found, path + " cannot be read; it should hold the server's certificate");
  Certificate certificate(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
  if (!certificate) return fail(Failure::invalid, path + " holds no certificate in PEM");
  return Result<Certificate>(boost::system::in_place_value, std::move(certificate));
}

}  // namespace

// The socket, and TLS on it. Each operation runs the context until it is done or its time is over.
class Connection::Streams {
 public:
  explicit Streams(const ServerAddress& address)
      : address_(address), context_(asio::ssl::context::tls_client), stream_(io_, context_) {}

  Result<void> connect() {
    Tcp::resolver resolver(io_);
    std::optional<error_code> resolved;
    Tcp::resolver::results_type addresses;
    resolver.async_resolve(address_.host, std::to_string(address_.port),
                           [&](error_code error, Tcp::resolver::results_type found) {
                             resolved = error;
                             addresses = std::move(found);
                           });
    CPM_CHECK(wait(resolved, [&] { resolver.cancel(); }));
    std::optional<error_code> connected;
    asio::async_connect(socket(), addresses, [&](error_code error, const Tcp::endpoint&) { connected = error; });
    CPM_CHECK(wait(connected, [&] { close(); }));
    error_code ignored;
    socket().set_option(Tcp::no_delay(true), ignored);
    return {};
  }

  Result<void> start_tls() {
    CPM_CHECK(prepare());
    std::optional<error_code> done;
    stream_.async_handshake(asio::ssl::stream_base::client, [&](error_code error) { done = error; });
    const auto shaken = wait(done, [&] { close(); });
    if (!shaken) {
      const long verdict = SSL_get_verify_result(stream_.native_handle());
      if (verdict != X509_V_OK) return untrusted(X509_verify_cert_error_string(verdict));
      return fail(shaken.error().failure, "TLS could not be started with " + place(address_), shaken.error().detail);
    }
    if (!address_.pinned.empty()) CPM_CHECK(compare_pinned());
    tls_ = true;
    return {};
  }

  Result<void> write(std::string_view octets) {
    std::optional<error_code> done;
    // In pieces, so that the deadline is for each of them and not for a large file.
    while (!octets.empty()) {
      const auto piece = octets.substr(0, kBlock);
      octets.remove_prefix(piece.size());
      done.reset();
      const auto told = [&](error_code error, std::size_t) { done = error; };
      const auto buffer = asio::buffer(piece.data(), piece.size());
      if (tls_) {
        asio::async_write(stream_, buffer, told);
      } else {
        asio::async_write(socket(), buffer, told);
      }
      CPM_CHECK(wait(done, [&] { close(); }));
    }
    return {};
  }

  Result<std::size_t> read(char* to, std::size_t most) {
    std::optional<error_code> done;
    std::size_t count = 0;
    const auto told = [&](error_code error, std::size_t got) {
      done = error;
      count = got;
    };
    if (tls_) {
      stream_.async_read_some(asio::buffer(to, most), told);
    } else {
      socket().async_read_some(asio::buffer(to, most), told);
    }
    CPM_CHECK(wait(done, [&] { close(); }));
    return count;
  }

  void close() {
    error_code ignored;
    socket().close(ignored);
  }

 private:
  Tcp::socket& socket() { return stream_.next_layer(); }

  template <class Cancel>
  Result<void> wait(std::optional<error_code>& done, Cancel cancel) {
    io_.restart();
    io_.run_for(address_.patience);
    if (!done) {
      cancel();
      io_.restart();
      io_.run();
      return fail(Failure::timeout, "the server at " + place(address_) + " does not answer");
    }
    if (*done) return fail(Failure::unavailable, "no connection to the server at " + place(address_), done->message());
    return {};
  }

  Result<void> prepare() {
    error_code error;
    SSL* const tls = stream_.native_handle();
    SSL_set_min_proto_version(tls, TLS1_2_VERSION);
    const auto literal = asio::ip::make_address(address_.host, error);
    const bool is_name = static_cast<bool>(error);
    if (is_name) SSL_set_tlsext_host_name(tls, address_.host.c_str());
    if (address_.trust_anyone || !address_.pinned.empty()) {
      SSL_set_verify(tls, SSL_VERIFY_NONE, nullptr);
      return {};
    }
    SSL_CTX* const context = SSL_get_SSL_CTX(tls);
    const bool loaded = address_.authorities.empty()
                            ? SSL_CTX_set_default_verify_paths(context) == 1
                            : SSL_CTX_load_verify_locations(context, address_.authorities.c_str(), nullptr) == 1;
    if (!loaded) return fail(Failure::invalid, address_.authorities + " holds no certificates that can be read");
    SSL_set_verify(tls, SSL_VERIFY_PEER, nullptr);
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(tls);
    const bool named = is_name ? X509_VERIFY_PARAM_set1_host(wanted, address_.host.c_str(), 0) == 1
                               : X509_VERIFY_PARAM_set1_ip_asc(wanted, literal.to_string().c_str()) == 1;
    if (!named) return fail(Failure::invalid, "\"" + address_.host + "\" is not a name that a certificate can have");
    return {};
  }

  [[nodiscard]] Error untrusted(const std::string& why) const {
    return fail(Failure::denied, "the certificate of the server at " + place(address_) + " is not trusted: " + why);
  }

  Result<void> compare_pinned() {
    CPM_TRY(expected, read_certificate(address_.pinned));
    const Certificate shown(SSL_get1_peer_certificate(stream_.native_handle()));
    if (shown && X509_cmp(shown.get(), expected.get()) == 0) return {};
    close();
    return untrusted("it is not the one in " + address_.pinned);
  }

  const ServerAddress& address_;
  asio::io_context io_{1};
  asio::ssl::context context_;
  asio::ssl::stream<Tcp::socket> stream_;
  bool tls_ = false;
};

Connection::Connection(const ServerAddress& address, std::unique_ptr<Streams> streams)
    : address_(address), streams_(std::move(streams)) {}

Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const ServerAddress& address) {
  std::unique_ptr<Connection> connection(new Connection(address, nullptr));
  connection->streams_ = std::make_unique<Streams>(connection->address_);
  CPM_CHECK(connection->streams_->connect());
  if (address.security == Security::tls) CPM_CHECK(connection->streams_->start_tls());
  return Result<std::unique_ptr<Connection>>(boost::system::in_place_value, std::move(connection));
}

Result<void> Connection::start_tls() {
  // What was sent before TLS could be anybody's (RFC 3207 6 tells the same of SMTP).
  buffer_.clear();
  taken_ = 0;
  return streams_->start_tls();
}

Result<void> Connection::write(std::string_view octets) {
  auto written = streams_->write(octets);
  if (!written) open_ = false;
  return written;
}

Result<void> Connection::fill() {
  if (taken_ == buffer_.size()) {
    buffer_.clear();
    taken_ = 0;
  }
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kBlock);
  const auto got = streams_->read(buffer_.data() + before, kBlock);
  buffer_.resize(before + (got ? *got : 0));
  if (got) return {};
  open_ = false;
  return got.error();
}

Result<std::string> Connection::read_line() {
  std::size_t from = taken_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', from);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(taken_, end - taken_);
      taken_ = end + 1;
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    if (buffer_.size() - taken_ > kLongestLine) {
      close();
      return fail(Failure::unavailable, "the server at " + place(address_) + " sends lines without end");
    }
    const std::size_t seen = buffer_.size() - taken_;
    CPM_CHECK(fill());
    from = taken_ + seen;
  }
}

Result<std::string> Connection::read_octets(std::uint64_t count) {
  if (count > kLongestLiteral) {
    close();
    return fail(Failure::unavailable, "the server at " + place(address_) + " sends more than was asked for");
  }
  while (buffer_.size() - taken_ < count) CPM_CHECK(fill());
  std::string octets = buffer_.substr(taken_, count);
  taken_ += count;
  return octets;
}

void Connection::close() {
  open_ = false;
  streams_->close();
}

}  // namespace cpm::deposit
