// HttpPost: POST requests to one receiver, over one connection while it lasts. The address is checked before it is
// connected to (network_guard.h), the certificate against the name in the URL, no redirect is followed, the answer is
// bounded, and the whole has a deadline (looking up the name has one of its own, the resolver's).
// Runs on: the push thread.
#pragma once

#include "base/http_url.h"
#include "base/pool.h"
#include "base/result.h"
#include "server/push/network_guard.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cpm::server::push {

struct PostRequest {
  std::string type;  // of the body
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
struct PostAnswer {
  unsigned status = 0;
  std::string body;
};

// What all requests share.
struct PostSettings {
  boost::asio::ssl::context& tls;
  const NetworkGuard& guard;
  Pool& names;  // looks up host names
  std::chrono::seconds timeout;
};
[[nodiscard]] Result<boost::asio::ssl::context> make_push_tls(const std::string& ca_file);

class HttpPost {
 public:
  HttpPost(const PostSettings& settings, HttpUrl url) : settings_(settings), url_(std::move(url)) {}

  // Failure::denied: no address of the host may be sent to; unavailable, timeout: no answer; the text says why.
  boost::asio::awaitable<Result<PostAnswer>> send(const PostRequest& request);

 private:
  using Plain = boost::beast::tcp_stream;
  using Tls = boost::beast::ssl_stream<Plain>;

  using Deadline = std::chrono::steady_clock::time_point;

  boost::asio::awaitable<Result<void>> connect(Deadline deadline);
  boost::asio::awaitable<Result<std::vector<boost::asio::ip::address>>> addresses();
  boost::asio::awaitable<Result<PostAnswer>> exchange(const PostRequest& request, Deadline deadline);
  template <class Stream>
  boost::asio::awaitable<Result<PostAnswer>> exchange_on(Stream& stream, const PostRequest& request);
  [[nodiscard]] Plain& socket() { return url_.tls ? tls_->next_layer() : *plain_; }
  [[nodiscard]] bool connected() const { return plain_ || tls_; }
  void close();

  const PostSettings& settings_;
  const HttpUrl url_;
  std::unique_ptr<Plain> plain_;
  std::unique_ptr<Tls> tls_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace cpm::server::push
