#include "admin/http_client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <exception>

namespace cpm::admin {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kLargestAnswer = 64U << 20;  // some 100,000 sessions

asio::awaitable<HttpAnswer> exchange(Endpoint server, http::request<http::empty_body> request,
                                     std::chrono::milliseconds patience) {
  auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  beast::tcp_stream stream(executor);
  stream.expires_after(patience);
  auto addresses = co_await resolver.async_resolve(server.host, std::to_string(server.port), asio::use_awaitable);
  co_await stream.async_connect(addresses, asio::use_awaitable);
  co_await http::async_write(stream, request, asio::use_awaitable);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestAnswer);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
  co_return HttpAnswer{parser.get().result_int(), std::move(parser.get().body())};
}

}  // namespace

Result<HttpAnswer> http_request(const Endpoint& server, const std::string& method, const std::string& target,
                                const std::string& bearer, std::chrono::milliseconds patience) {
  http::request<http::empty_body> request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, server.host + ":" + std::to_string(server.port));
  request.set(http::field::user_agent, "cpmctl/" CPMSTORE_VERSION);
  request.set(http::field::authorization, "Bearer " + bearer);
  request.set(http::field::connection, "close");

  asio::io_context io(1);
  HttpAnswer answer;
  std::exception_ptr failure;
  asio::co_spawn(io, exchange(server, std::move(request), patience), [&](std::exception_ptr error, HttpAnswer got) {
    failure = error;
    answer = std::move(got);
  });
  io.run();
  if (!failure) return answer;
  const std::string where = server.host + ":" + std::to_string(server.port);
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    if (error.code() == beast::error::timeout)
      return fail(Failure::timeout, "the server at " + where + " does not answer");
    return fail(Failure::unavailable, "the server at " + where + " cannot be reached", error.code().message());
  }
}

}  // namespace cpm::admin
