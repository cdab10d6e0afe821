#include "server/push/http_post.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <cstring>

namespace cpm::server::push {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::size_t kLargestBody = 64 * 1024;
constexpr std::uint32_t kLargestHeader = 16 * 1024;
constexpr std::chrono::seconds kLeastTime{1};  // for the connection, when looking up the name took long

Error broken(const char* when, const error_code& error) {
  if (error == beast::error::timeout || error == asio::error::timed_out) {
    return fail(Failure::timeout, std::string("no answer in time while ") + when);
  }
  return fail(Failure::unavailable, std::string(when) + ": " + error.message());
}

// getaddrinfo blocks, and so has threads of its own.
Result<std::vector<asio::ip::address>> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0) {
    return fail(Failure::unavailable, "no address of " + host + ": " + ::gai_strerror(code));
  }
  std::vector<asio::ip::address> out;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (one->ai_family == AF_INET) {
      asio::ip::address_v4::bytes_type bytes{};
      const auto* address = reinterpret_cast<const sockaddr_in*>(one->ai_addr);
      std::memcpy(bytes.data(), &address->sin_addr, bytes.size());
      out.emplace_back(asio::ip::address_v4(bytes));
    } else if (one->ai_family == AF_INET6) {
      asio::ip::address_v6::bytes_type bytes{};
      const auto* address = reinterpret_cast<const sockaddr_in6*>(one->ai_addr);
      std::memcpy(bytes.data(), &address->sin6_addr, bytes.size());
      out.emplace_back(asio::ip::address_v6(bytes, address->sin6_scope_id));
    }
  }
  ::freeaddrinfo(found);
  return out;
}

}  // namespace

Result<asio::ssl::context> make_push_tls(const std::string& ca_file) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_peer);
  ::SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  error_code error;
  if (ca_file.empty()) {
    context.set_default_verify_paths(error);
  } else {
    context.load_verify_file(ca_file, error);
  }
  if (error) return fail(Failure::invalid, "push.ca: " + ca_file + ": " + error.message());
  return context;
}

void HttpPost::close() {
  plain_.reset();
  tls_.reset();
  buffer_.clear();
}

asio::awaitable<Result<std::vector<asio::ip::address>>> HttpPost::addresses() {
  error_code error;
  const auto literal = asio::ip::make_address(url_.host, error);
  std::vector<asio::ip::address> all;
  if (!error) {
    all.push_back(literal);
  } else {
    auto job = [host = url_.host](std::size_t) { return look_up(host); };
    auto found = co_await settings_.names.run(std::move(job));
    if (!found) co_return found.error();
    all = std::move(*found);
  }
  std::vector<asio::ip::address> out;
  for (const auto& address : all) {
    const auto verdict = settings_.guard.judge(address);
    if (verdict == NetworkGuard::Verdict::refused) continue;
    // In the clear only to whom the operator vouches for.
    if (!url_.tls && verdict != NetworkGuard::Verdict::by_operator) continue;
    out.push_back(address);
  }
  if (out.empty()) {
    co_return fail(Failure::denied, (url_.tls ? "requests may not be sent to an address of "
                                              : "plain http is for networks in push.allow_networks only, not for ") +
                                        url_.host);
  }
  co_return out;
}

asio::awaitable<Result<void>> HttpPost::connect(Deadline deadline) {
  auto found = co_await addresses();
  if (!found) co_return found.error();
  deadline = std::max(deadline, std::chrono::steady_clock::now() + kLeastTime);
  const auto executor = co_await asio::this_coro::executor;
  error_code error;
  for (const asio::ip::address& address : *found) {
    close();
    if (url_.tls) {
      tls_ = std::make_unique<Tls>(executor, settings_.tls);
    } else {
      plain_ = std::make_unique<Plain>(executor);
    }
    socket().expires_at(deadline);
    const asio::ip::tcp::endpoint endpoint(address, url_.port);
    co_await socket().async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (!error) break;
  }
  if (error) {
    close();
    co_return broken("connecting", error);
  }
  if (!url_.tls) co_return Result<void>{};
  error_code literal;
  [[maybe_unused]] const auto as_address = asio::ip::make_address(url_.host, literal);
  if (literal) ::SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str());
  tls_->set_verify_callback(asio::ssl::host_name_verification(url_.host));
  co_await tls_->async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    close();
    co_return broken("the TLS handshake", error);
  }
  co_return Result<void>{};
}

template <class Stream>
asio::awaitable<Result<PostAnswer>> HttpPost::exchange_on(Stream& stream, const PostRequest& post) {
  http::request<http::string_body> request(http::verb::post, url_.target, 11);
  request.set(http::field::host, url_.authority());
  request.set(http::field::user_agent, "cpmstore/" CPMSTORE_VERSION);
  request.set(http::field::content_type, post.type);
  for (const auto& [name, value] : post.headers) request.set(name, value);
  request.body() = post.body;
  request.prepare_payload();
  error_code error;
  co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return broken("sending", error);
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestBody);
  parser.header_limit(kLargestHeader);
  co_await http::async_read(stream, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return broken("waiting for the answer", error);
  const bool again = parser.get().keep_alive() && parser.get().result_int() < 300;
  PostAnswer answer{parser.get().result_int(), std::move(parser.get().body())};
  if (!again) close();
  co_return answer;
}

asio::awaitable<Result<PostAnswer>> HttpPost::exchange(const PostRequest& request, Deadline deadline) {
  socket().expires_at(deadline);
  if (url_.tls) {
    auto answer = co_await exchange_on(*tls_, request);
    co_return answer;
  }
  auto answer = co_await exchange_on(*plain_, request);
  co_return answer;
}

asio::awaitable<Result<PostAnswer>> HttpPost::send(const PostRequest& request) {
  const Deadline deadline = std::chrono::steady_clock::now() + settings_.timeout;
  if (connected()) {
    auto answer = co_await exchange(request, deadline);
    if (answer) co_return answer;
    close();
    // A receiver may close a connection that rests. One that took its time and said nothing has had its chance.
    if (answer.error().failure == Failure::timeout) co_return answer;
  }
  auto fresh = co_await connect(deadline);
  if (!fresh) co_return fresh.error();
  auto answer = co_await exchange(request, deadline);
  if (!answer) close();
  co_return answer;
}

}  // namespace cpm::server::push
