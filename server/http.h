// A small HTTP/1.1 server for operators: bounded requests, one at a time per connection, every wait with a deadline.
// What it answers stands in pages.cpp.
// Runs on: the first io thread.
#pragma once

#include "base/config_value.h"
#include "base/limits.h"
#include "base/result.h"
#include "server/bind.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cpm::server {

struct HttpRequest {
  std::string method, target;
  std::string token;  // what came as bearer token, or empty
};

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  using Handler = std::function<boost::asio::awaitable<HttpAnswer>(HttpRequest)>;

  HttpServer(boost::asio::io_context& context, const Limits& limits) : context_(context), limits_(limits) {}
  [[nodiscard]] Result<void> open(const std::vector<Endpoint>& endpoints);  // binds
  [[nodiscard]] Result<void> start(Handler handler);                        // listens and accepts
  void stop();                                                              // REQUIRES: the context runs
  [[nodiscard]] std::string address() const;  // HOST:PORT of the first one, "" when there is none

 private:
  boost::asio::awaitable<void> accept(boost::asio::ip::tcp::acceptor& acceptor);
  boost::asio::awaitable<void> connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<std::size_t> count);

  boost::asio::io_context& context_;
  const Limits& limits_;
  Handler handler_;
  std::vector<Acceptor> acceptors_;
  std::string address_;
  // Shared with the connections, which may end after this object when the context is destroyed. Of the io thread.
  std::shared_ptr<std::size_t> connections_ = std::make_shared<std::size_t>(0);
};

}  // namespace cpm::server
