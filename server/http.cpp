#include "server/http.h"

#include "base/log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <future>

namespace cpm::server {

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
constexpr auto kToken = boost::asio::as_tuple(boost::asio::use_awaitable);
constexpr int kQueue = 64;
constexpr std::chrono::milliseconds kBackOff{200};

std::string bearer(const http::request<http::empty_body>& request) {
  constexpr std::string_view kPrefix = "Bearer ";
  const auto field = request[http::field::authorization];
  const std::string_view header(field.data(), field.size());
  return header.starts_with(kPrefix) ? std::string(header.substr(kPrefix.size())) : std::string{};
}

void log_exception(const std::exception_ptr& failed) {
  if (failed) log::error("http", "a connection ended with an exception");
}

struct Counted {
  std::shared_ptr<std::size_t> number;
  explicit Counted(std::shared_ptr<std::size_t> it) : number(std::move(it)) { ++*number; }
  ~Counted() { --*number; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
};

}  // namespace

Result<void> HttpServer::open(const std::vector<Endpoint>& endpoints) {
  for (const Endpoint& endpoint : endpoints) {
    CPM_TRY(acceptor, bind_endpoint(context_, endpoint, "http.listen"));
    if (address_.empty()) address_ = endpoint_text(acceptor->local_endpoint());
    acceptors_.push_back(std::move(acceptor));
  }
  return {};
}

Result<void> HttpServer::start(Handler handler) {
  handler_ = std::move(handler);
  for (auto& acceptor : acceptors_) {
    boost::system::error_code error;
    acceptor->listen(kQueue, error);
    if (error) return fail(Failure::in_use, "http.listen = " + address_ + ": " + error.message());
    boost::asio::co_spawn(context_, accept(*acceptor), log_exception);
  }
  return {};
}

void HttpServer::stop() {
  std::promise<void> closed;
  boost::asio::post(context_, [&] {
    boost::system::error_code ignored;
    for (auto& acceptor : acceptors_) acceptor->close(ignored);
    closed.set_value();
  });
  closed.get_future().wait();
}

std::string HttpServer::address() const { return address_; }

boost::asio::awaitable<void> HttpServer::accept(tcp::acceptor& acceptor) {
  for (;;) {
    tcp::socket socket(context_);
    auto accepted = co_await acceptor.async_accept(socket, kToken);
    if (!acceptor.is_open()) co_return;
    if (std::get<0>(accepted)) {
      boost::asio::steady_timer timer(context_, kBackOff);
      auto waited = co_await timer.async_wait(kToken);
      static_cast<void>(waited);
      continue;
    }
    if (*connections_ >= limits_.http_connections) continue;  // the socket closes
    boost::asio::co_spawn(context_, connection(std::move(socket), connections_), log_exception);
  }
}

boost::asio::awaitable<void> HttpServer::connection(tcp::socket socket, std::shared_ptr<std::size_t> count) {
  const Counted counted(std::move(count));
  boost::beast::tcp_stream stream(std::move(socket));
  boost::beast::flat_buffer buffer(limits_.http_request_octets + 1024);
  for (bool keep = true; keep;) {
    stream.expires_after(limits_.http_timeout);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.http_request_octets));
    auto read = co_await http::async_read_header(stream, buffer, parser, kToken);
    const boost::system::error_code error = std::get<0>(read);
    if (error == http::error::end_of_stream || error == boost::beast::error::timeout) co_return;
    const auto& request = parser.get();
    HttpAnswer answer;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      answer = {431, "text/plain; charset=utf-8", "the request is too long\n"};
    } else if (error) {
      answer = {400, "text/plain; charset=utf-8", "not an HTTP request\n"};
    } else if (!parser.is_done()) {
      answer = {413, "text/plain; charset=utf-8", "a request has no body here\n"};
    } else {
      stream.expires_never();  // the handler has its own deadlines
      HttpRequest incoming{std::string(request.method_string()), std::string(request.target()), bearer(request)};
      auto answered = co_await handler_(std::move(incoming));
      answer = std::move(answered);
    }
    keep = !error && parser.is_done() && request.keep_alive();
    const bool head = !error && request.method() == http::verb::head;
    http::response<http::string_body> response(static_cast<http::status>(answer.status),
                                               error ? 11U : request.version());
    response.set(http::field::content_type, answer.type);
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(keep);
    response.body() = std::move(answer.body);
    response.prepare_payload();
    if (head) response.body().clear();  // the length stays
    stream.expires_after(limits_.http_timeout);
    auto written = co_await http::async_write(stream, response, kToken);
    if (std::get<0>(written)) co_return;
  }
  boost::system::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace cpm::server
