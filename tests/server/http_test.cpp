#include "server/http.h"

#include "server/io_threads.h"
#include "tests/server/tls_client.h"

#include <gtest/gtest.h>

namespace cpm::server {
namespace {

boost::asio::awaitable<HttpAnswer> echo(HttpRequest request) {
  HttpAnswer answer;
  answer.body = request.method + " " + request.target + " " + request.token;
  co_return answer;
}

class Http : public testing::Test {
 protected:
  Http() { limits_.http_request_octets = 1024; }

  void start() {
    ASSERT_TRUE(server_.open({{"127.0.0.1", 0}}));
    ASSERT_TRUE(server_.start(echo));
    threads_.start();
  }
  void TearDown() override {
    server_.stop();
    threads_.stop();
  }
  std::uint16_t port() const { return parse_endpoint(server_.address())->port; }

  // Everything that comes back until the server closes.
  std::string talk(const std::string& request) {
    TlsClient client(port());
    client.write(request);
    ::shutdown(client.fd(), SHUT_WR);
    return client.read_exactly(1 << 20);
  }

  Limits limits_;
  IoThreads threads_{1};
  HttpServer server_{threads_.first(), limits_};
};

TEST_F(Http, Answers) {
  start();
  const std::string answer =
      talk("GET /x?y HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /x?y secret")) << answer;
}

TEST_F(Http, KeepsTheConnection) {
  start();
  const std::string one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string answers = talk(one + one);
  EXPECT_NE(answers.find("GET /1 "), answers.rfind("GET /1 ")) << answers;
}

TEST_F(Http, HeadHasALengthAndNoBody) {
  start();
  const std::string answer = talk("HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 8\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(Http, RefusesLongHeaders) {
  start();
  const std::string answer = talk("GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 431 ")) << answer;
}

TEST_F(Http, RefusesBodies) {
  start();
  const std::string answer = talk("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(Http, RefusesOtherProtocols) {
  start();
  EXPECT_TRUE(talk("a LOGIN b c\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(Http, BoundsItsConnections) {
  limits_.http_connections = 1;
  start();
  TlsClient first(port());
  first.write("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(first.read_some(), "");
  TlsClient second(port());
  EXPECT_EQ(second.read_some(), "");
}

TEST_F(Http, ClosesSilentConnections) {
  limits_.http_timeout = std::chrono::seconds(1);
  start();
  TlsClient silent(port());
  EXPECT_EQ(silent.read_some(), "");
}

TEST(Bind, NamesTheKeyAndTheReason) {
  boost::asio::io_context context;
  auto first = bind_endpoint(context, {"127.0.0.1", 0}, "imap.listen");
  ASSERT_TRUE(first);
  boost::system::error_code error;
  (*first)->listen(1, error);
  const std::uint16_t port = (*first)->local_endpoint().port();
  const auto taken = bind_endpoint(context, {"127.0.0.1", port}, "imap.listen");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().text, "imap.listen = 127.0.0.1:" + std::to_string(port) +
                                    ": Address already in use\nAnother program listens there; choose another address");
  const auto unknown = bind_endpoint(context, {"no-such-host.invalid", 1}, "http.listen");
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().text.starts_with(
      "http.listen = no-such-host.invalid:1: this host name or address is not known here"))
      << unknown.error().text;
}

TEST(Bind, AStarIsEveryAddress) {
  boost::asio::io_context context;
  auto all = bind_endpoint(context, {"*", 0}, "imap.listen");
  ASSERT_TRUE(all) << all.error().text;
  boost::system::error_code error;
  (*all)->listen(1, error);
  ASSERT_FALSE(error);
  boost::asio::ip::tcp::socket client(context);
  client.connect({boost::asio::ip::address_v4::loopback(), (*all)->local_endpoint().port()}, error);
  EXPECT_FALSE(error) << error.message();
}

TEST(Bind, WritesEndpoints) {
  using boost::asio::ip::make_address;
  EXPECT_EQ(endpoint_text({make_address("127.0.0.1"), 143}), "127.0.0.1:143");
  EXPECT_EQ(endpoint_text({make_address("::1"), 143}), "[::1]:143");
}

}  // namespace
}  // namespace cpm::server
