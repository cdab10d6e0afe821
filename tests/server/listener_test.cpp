#include "server/listener.h"

#include "server/certificate.h"
#include "tests/server/as_service.h"
#include "tests/server/tls_client.h"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

namespace cpm::server {
namespace {

using namespace std::chrono_literals;

// Greets, then answers each block that it reads with the same block, until the peer or cancel() ends it.
boost::asio::awaitable<void> parrot(std::unique_ptr<Stream> stream, ListenerKind kind) {
  const std::string greeting = kind == ListenerKind::imaps && stream->tls() == nullptr ? "wrong" : "hello";
  auto written = co_await stream->write(greeting, 30s);
  std::string block(1000, '\0');
  while (written) {
    auto got = co_await stream->read(block.data(), block.size(), 30s);
    if (!got || *got == 0) co_return;
    written = co_await stream->write(std::string_view(block).substr(0, *got), 30s);
  }
}

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() {
    std::signal(SIGPIPE, SIG_IGN);
    const auto made = self_made_certificate(directory_.path());
    TlsFiles files;
    files.certificate = made->certificate;
    files.key = made->key;
    tls_ = std::make_unique<TlsSource>(*TlsContext::load(files));
  }
  void start() {
    ASSERT_TRUE(listener_.open({{"127.0.0.1", 0}}, ListenerKind::imap));
    ASSERT_TRUE(listener_.open({{"127.0.0.1", 0}}, ListenerKind::imaps));
    threads_.start();
    ASSERT_TRUE(listener_.start(tls_.get(), parrot));
  }
  void TearDown() override {
    listener_.stop();
    for (int i = 0; i < 1000 && listener_.connections() > 0; ++i) {
      listener_.cancel_all();
      std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(listener_.connections(), 0U);
    threads_.stop();
  }
  std::uint16_t port(ListenerKind kind = ListenerKind::imap) const {
    return parse_endpoint(listener_.address(kind))->port;
  }

  ServiceDirectory directory_;
  Limits limits_;
  Metrics metrics_;
  std::unique_ptr<TlsSource> tls_;
  IoThreads threads_{2};
  Listener listener_{threads_, limits_, metrics_};
};

TEST_F(ListenerTest, ServesBothKinds) {
  start();
  TlsClient clear(port());
  EXPECT_EQ(clear.read_exactly(5), "hello");
  TlsClient secure(port(ListenerKind::imaps));
  ASSERT_TRUE(secure.handshake());
  EXPECT_EQ(secure.read_exactly(5), "hello");
  secure.write("abc");
  EXPECT_EQ(secure.read_exactly(3), "abc");
  EXPECT_EQ(listener_.connections(), 2U);
}

TEST_F(ListenerTest, ServesManyAtOnce) {
  start();
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([this, i] {
      for (int round = 0; round < 20; ++round) {
        TlsClient client(port());
        EXPECT_EQ(client.read_exactly(5), "hello");
        const std::string text = std::to_string(i * 100 + round);
        client.write(text);
        EXPECT_EQ(client.read_exactly(text.size()), text);
      }
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(ListenerTest, RefusesAboveItsLimit) {
  limits_.connections = 1;
  start();
  {
    TlsClient first(port());
    EXPECT_EQ(first.read_exactly(5), "hello");
    TlsClient second(port());
    EXPECT_EQ(second.read_exactly(1000), "* BYE [LIMIT] Too many connections\r\n");
    TlsClient secure(port(ListenerKind::imaps));
    EXPECT_FALSE(secure.handshake());
    first.write("x");
    EXPECT_EQ(first.read_exactly(1), "x");
  }
  for (int i = 0; i < 1000 && listener_.connections() > 0; ++i) std::this_thread::sleep_for(10ms);
  TlsClient again(port());
  EXPECT_EQ(again.read_exactly(5), "hello");
}

TEST_F(ListenerTest, LoopbackHasNoLimitPerPeer) {
  limits_.connections_per_peer = 1;
  start();
  TlsClient first(port());
  TlsClient second(port());
  EXPECT_EQ(first.read_exactly(5), "hello");
  EXPECT_EQ(second.read_exactly(5), "hello");
}

TEST_F(ListenerTest, StopsAcceptingButKeepsWhatIsThere) {
  start();
  TlsClient client(port());
  EXPECT_EQ(client.read_exactly(5), "hello");
  listener_.stop();
  client.write("x");
  EXPECT_EQ(client.read_exactly(1), "x");
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  listener_.cancel_all();
  EXPECT_EQ(client.read_some(), "");
}

TEST_F(ListenerTest, ListensOnlyWhenStarted) {
  ASSERT_TRUE(listener_.open({{"127.0.0.1", 0}}, ListenerKind::imap));
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  EXPECT_EQ(listener_.address(ListenerKind::imaps), "");
  threads_.start();
}

TEST(PeerInfo, IsIPv4WhenMapped) {
  using boost::asio::ip::make_address;
  EXPECT_EQ(peer_info({make_address("::ffff:192.0.2.1"), 7}).address, "192.0.2.1");
  EXPECT_FALSE(peer_info({make_address("::ffff:192.0.2.1"), 7}).loopback);
  EXPECT_TRUE(peer_info({make_address("::ffff:127.0.0.1"), 7}).loopback);
  EXPECT_TRUE(peer_info({make_address("::1"), 7}).loopback);
  EXPECT_EQ(peer_info({make_address("2001:db8::1"), 7}).address, "2001:db8::1");
}

}  // namespace
}  // namespace cpm::server
