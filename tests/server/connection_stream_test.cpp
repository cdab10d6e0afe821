#include "server/connection_stream.h"

#include "server/certificate.h"
#include "tests/server/as_service.h"
#include "tests/server/tls_client.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_future.hpp>

#include <csignal>
#include <fstream>
#include <functional>
#include <future>
#include <thread>

namespace cpm::server {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::awaitable;

constexpr std::chrono::milliseconds kPatience = 30s;

class StreamTest : public testing::Test {
 protected:
  using Talk = std::function<awaitable<void>(ConnectionStream&)>;
  using ClientTalk = std::function<void(TlsClient&)>;

  StreamTest() {
    std::signal(SIGPIPE, SIG_IGN);
    files_.certificate = self_made_certificate(directory_.path())->certificate;
    files_.key = self_made_certificate(directory_.path())->key;
  }

  // One connection: `server` on this thread, `client` on its own.
  void run(const Talk& server, const ClientTalk& client) {
    const auto context = TlsContext::load(files_);
    ASSERT_TRUE(context) << context.error().text;
    TlsSource source(*context);
    asio::io_context io(1);
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    std::thread other([&] {
      TlsClient it(acceptor.local_endpoint().port());
      client(it);
    });
    asio::ip::tcp::socket socket(io);
    acceptor.accept(socket);
    const PeerInfo peer = peer_info(socket.remote_endpoint());
    EXPECT_TRUE(peer.loopback);
    auto stream = std::make_unique<ConnectionStream>(std::move(socket), peer, &source, limits_, traffic_);
    auto done = asio::co_spawn(io, server(*stream), asio::use_future);
    io.run();
    done.get();
    stream.reset();
    other.join();
  }

  ServiceDirectory directory_;
  TlsFiles files_;
  Limits limits_;
  Traffic traffic_;
};

awaitable<Result<std::string>> read_exactly(ConnectionStream& stream, std::size_t length) {
  std::string all;
  std::string block(10000, '\0');
  while (all.size() < length) {
    auto got = co_await stream.read(block.data(), std::min(block.size(), length - all.size()), kPatience);
    if (!got) co_return got.error();
    if (*got == 0) break;
    all.append(block, 0, *got);
  }
  co_return all;
}

awaitable<void> echo(ConnectionStream& stream, std::size_t length) {
  auto text = co_await read_exactly(stream, length);
  EXPECT_TRUE(text);
  if (!text) co_return;
  EXPECT_EQ(text->size(), length);
  auto written = co_await stream.write(*text, kPatience);
  EXPECT_TRUE(written) << written.error().detail;
}

awaitable<void> expect_tls(ConnectionStream& stream) {
  auto secured = co_await stream.start_tls();
  EXPECT_TRUE(secured) << secured.error().text << ": " << secured.error().detail;
}

std::string pattern(std::size_t length) {
  std::string text(length, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 27);
  return text;
}

TEST_F(StreamTest, CarriesOctetsInTheClear) {
  const std::string text = pattern(3 << 20);
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        EXPECT_TRUE(stream.tls_available());
        EXPECT_EQ(stream.tls(), nullptr);
        co_await echo(stream, text.size());
        char octet = 0;
        auto end = co_await stream.read(&octet, 1, kPatience);
        EXPECT_TRUE(end);
        EXPECT_EQ(end.value(), 0U);
        EXPECT_EQ(traffic_.received, text.size());
        EXPECT_EQ(traffic_.sent, text.size());
      },
      [&](TlsClient& client) {
        std::thread sender([&] { EXPECT_TRUE(client.write(text)); });
        const std::string back = client.read_exactly(text.size());
        sender.join();
        EXPECT_TRUE(back == text);
        client.close();
      });
}

TEST_F(StreamTest, CarriesOctetsOverTls) {
  const std::string text = pattern(3 << 20);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    run(
        [&](ConnectionStream& stream) -> awaitable<void> {
          co_await expect_tls(stream);
          EXPECT_FALSE(stream.tls_available());
          co_await echo(stream, text.size());
          char octet = 0;
          auto end = co_await stream.read(&octet, 1, kPatience);
          EXPECT_TRUE(end);
          EXPECT_EQ(end.value(), 0U);
        },
        [&](TlsClient& client) {
          ClientOptions options;
          options.minimum = options.maximum = version;
          ASSERT_TRUE(client.handshake(options));
          ASSERT_TRUE(client.write(text));
          EXPECT_TRUE(client.read_exactly(text.size()) == text);
          client.close();
        });
  }
}

TEST_F(StreamTest, SaysGoodbyeOverTls) {
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        co_await expect_tls(stream);
        auto written = co_await stream.write("* BYE\r\n", kPatience);
        EXPECT_TRUE(written);
      },
      [&](TlsClient& client) {
        ASSERT_TRUE(client.handshake());
        client.write("unread octets that must not reset the connection");
        EXPECT_EQ(client.read_exactly(7), "* BYE\r\n");
        char octet = 0;
        const int n = SSL_read(client.ssl(), &octet, 1);
        EXPECT_EQ(SSL_get_error(client.ssl(), n), SSL_ERROR_ZERO_RETURN) << "close_notify";
      });
}

TEST_F(StreamTest, UpgradesWithStartTls) {
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        auto command = co_await read_exactly(stream, 12);
        EXPECT_EQ(command.value(), "a STARTTLS\r\n");
        auto written = co_await stream.write("a OK\r\n", kPatience);
        EXPECT_TRUE(written);
        co_await expect_tls(stream);
        auto again = co_await stream.start_tls();
        EXPECT_FALSE(again);
        co_await echo(stream, 5);
      },
      [&](TlsClient& client) {
        ASSERT_TRUE(client.write("a STARTTLS\r\n"));
        EXPECT_EQ(client.read_exactly(6), "a OK\r\n");
        ASSERT_TRUE(client.handshake());
        ASSERT_TRUE(client.write("hello"));
        EXPECT_EQ(client.read_exactly(5), "hello");
      });
}

TEST_F(StreamTest, PlaintextBeforeTheHandshakeBreaksIt) {
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        auto secured = co_await stream.start_tls();
        EXPECT_FALSE(secured);
        EXPECT_EQ(secured.error().failure, Failure::unavailable);
        EXPECT_EQ(stream.tls(), nullptr);
      },
      [&](TlsClient& client) {
        ASSERT_TRUE(client.write("b LOGIN evil evil\r\n"));
        EXPECT_FALSE(client.handshake());
      });
}

TEST_F(StreamTest, BindsTheChannel) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsInfo seen;
    run(
        [&](ConnectionStream& stream) -> awaitable<void> {
          co_await expect_tls(stream);
          seen = *stream.tls();
          co_await echo(stream, 1);
        },
        [&](TlsClient& client) {
          ClientOptions options;
          options.minimum = options.maximum = version;
          ASSERT_TRUE(client.handshake(options));
          unsigned char octets[EVP_MAX_MD_SIZE];
          const unsigned char none = 0;
          ASSERT_EQ(SSL_export_keying_material(client.ssl(), octets, 32, "EXPORTER-Channel-Binding", 24, &none, 0, 1),
                    1);
          const std::string exporter(octets, octets + 32);
          unsigned length = 0;
          X509_digest(SSL_get0_peer_certificate(client.ssl()), EVP_sha256(), octets, &length);
          const std::string end_point(octets, octets + length);
          const std::size_t finished = SSL_get_finished(client.ssl(), octets, sizeof octets);
          const std::string unique(octets, octets + finished);
          client.write("x");
          EXPECT_EQ(client.read_exactly(1), "x");
          EXPECT_EQ(seen.tls_exporter, exporter);
          EXPECT_EQ(seen.tls_server_end_point, end_point);
          EXPECT_EQ(seen.tls_unique, version == TLS1_2_VERSION ? unique : "");
          EXPECT_EQ(seen.protocol, version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
          EXPECT_FALSE(seen.cipher.empty());
          EXPECT_FALSE(seen.client_certificate);
        });
  }
}

TEST_F(StreamTest, ChecksAlpn) {
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        co_await expect_tls(stream);
        co_await echo(stream, 1);
      },
      [&](TlsClient& client) {
        ClientOptions options;
        options.alpn = "\x08http/1.1\x04imap";
        ASSERT_TRUE(client.handshake(options));
        const unsigned char* chosen = nullptr;
        unsigned length = 0;
        SSL_get0_alpn_selected(client.ssl(), &chosen, &length);
        EXPECT_EQ(std::string(chosen, chosen + length), "imap");
        client.write("x");
        client.read_exactly(1);
      });
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        auto refused = co_await stream.start_tls();
        EXPECT_FALSE(refused);
      },
      [&](TlsClient& client) {
        ClientOptions options;
        options.alpn = "\x08http/1.1";
        EXPECT_FALSE(client.handshake(options));
      });
}

TEST_F(StreamTest, RefusesOldTls) {
  files_.minimum = "1.3";
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        auto refused = co_await stream.start_tls();
        EXPECT_FALSE(refused);
        EXPECT_NE(refused.error().detail.find("unsupported protocol"), std::string::npos) << refused.error().detail;
      },
      [&](TlsClient& client) {
        ClientOptions options;
        options.maximum = TLS1_2_VERSION;
        EXPECT_FALSE(client.handshake(options));
      });
}

TEST_F(StreamTest, TakesTheIdentityOfAClientCertificate) {
  ClientAuthority authority(directory_.path());
  files_.client_ca = authority.ca;
  const ClientOptions alice = authority.client("alice", "URI:sip:alice@example.net,email:alice@example.net");
  const std::pair<const char*, const char*> expected[] = {
      {"email", "alice@example.net"}, {"uri", "sip:alice@example.net"}, {"cn", "alice"}};
  for (const auto& [kind, identity] : expected) {
    files_.client_identity = kind;
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      run(
          [&, want = identity](ConnectionStream& stream) -> awaitable<void> {
            co_await expect_tls(stream);
            if (stream.tls() != nullptr) {
              EXPECT_EQ(stream.tls()->client_certificate.value_or("none"), want);
            }
            co_await echo(stream, 1);
          },
          [&](TlsClient& client) {
            ClientOptions options = alice;
            options.maximum = version;
            ASSERT_TRUE(client.handshake(options));
            client.write("x");
            client.read_exactly(1);
          });
    }
  }
}

TEST_F(StreamTest, DoesWithoutAClientCertificate) {
  ClientAuthority authority(directory_.path());
  files_.client_ca = authority.ca;
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        co_await expect_tls(stream);
        if (stream.tls() != nullptr) {
          EXPECT_FALSE(stream.tls()->client_certificate);
        }
        co_await echo(stream, 1);
      },
      [&](TlsClient& client) {
        ASSERT_TRUE(client.handshake());
        client.write("x");
        client.read_exactly(1);
      });
}

TEST_F(StreamTest, RefusesACertificateOfAnotherAuthority) {
  ClientAuthority authority(directory_.path());
  files_.client_ca = authority.ca;
  std::filesystem::create_directory(directory_.path() + "/other");
  ClientAuthority other(directory_.path() + "/other");
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        auto refused = co_await stream.start_tls();
        EXPECT_FALSE(refused);
        EXPECT_NE(refused.error().detail.find("certificate verify failed"), std::string::npos)
            << refused.error().detail;
      },
      [&](TlsClient& client) {
        client.handshake(other.client("mallory", "email:alice@example.net"));
        client.read_some();
      });
}

TEST_F(StreamTest, GivesUpOnASilentHandshake) {
  limits_.handshake_timeout = 1s;
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        auto refused = co_await stream.start_tls();
        EXPECT_FALSE(refused);
        EXPECT_EQ(refused.error().failure, Failure::timeout);
      },
      [&](TlsClient& client) { EXPECT_EQ(client.read_some(), ""); });
}

TEST_F(StreamTest, ReadsAndWritesHaveDeadlines) {
  std::promise<void> given_up;
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        char octet = 0;
        auto late = co_await stream.read(&octet, 1, 10ms);
        EXPECT_FALSE(late);
        EXPECT_EQ(late.error().failure, Failure::timeout);
        const std::string much(64 << 20, 'x');
        auto stuck = co_await stream.write(much, 50ms);
        EXPECT_FALSE(stuck);
        EXPECT_EQ(stuck.error().failure, Failure::timeout);
        given_up.set_value();
      },
      [&](TlsClient&) { given_up.get_future().wait(); });
}

awaitable<void> interrupt_soon(ConnectionStream& stream, asio::steady_timer& timer) {
  boost::system::error_code ignored;
  timer.expires_after(5ms);
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  stream.interrupt();
}

TEST_F(StreamTest, AnInterruptedReadLosesNothing) {
  for (const bool secure : {false, true}) {
    run(
        [&](ConnectionStream& stream) -> awaitable<void> {
          if (secure) co_await expect_tls(stream);
          char octets[16];
          stream.interrupt();  // nothing waits: nothing happens
          asio::steady_timer timer(stream.executor());
          asio::co_spawn(stream.executor(), interrupt_soon(stream, timer), asio::detached);
          auto woken = co_await stream.read(octets, sizeof octets, kPatience);
          EXPECT_FALSE(woken);
          EXPECT_EQ(woken.error().failure, Failure::in_use);
          auto written = co_await stream.write("go", kPatience);
          EXPECT_TRUE(written);
          auto got = co_await stream.read(octets, sizeof octets, kPatience);
          EXPECT_EQ(got.value(), 5U);
        },
        [&](TlsClient& client) {
          if (secure) {
            ASSERT_TRUE(client.handshake());
          }
          EXPECT_EQ(client.read_exactly(2), "go");
          client.write("hello");
          client.read_some();
        });
  }
}

awaitable<void> cancel_soon(ConnectionStream& stream, asio::steady_timer& timer) {
  boost::system::error_code ignored;
  timer.expires_after(5ms);
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  stream.cancel();
}

TEST_F(StreamTest, CancelEndsEverything) {
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        char octet = 0;
        asio::steady_timer timer(stream.executor());
        asio::co_spawn(stream.executor(), cancel_soon(stream, timer), asio::detached);
        auto cut = co_await stream.read(&octet, 1, kPatience);
        EXPECT_FALSE(cut);
        EXPECT_EQ(cut.error().failure, Failure::unavailable);
        auto again = co_await stream.read(&octet, 1, kPatience);
        EXPECT_FALSE(again);
        auto written = co_await stream.write("x", kPatience);
        EXPECT_FALSE(written);
      },
      [&](TlsClient& client) { EXPECT_EQ(client.read_some(), ""); });
}

TEST_F(StreamTest, CompressesBothWays) {
  const std::string text = pattern(200000) + std::string(200000, 'a');
  for (const bool secure : {false, true}) {
    run(
        [&](ConnectionStream& stream) -> awaitable<void> {
          if (secure) co_await expect_tls(stream);
          EXPECT_FALSE(stream.compressed());
          EXPECT_TRUE(stream.start_compression());
          EXPECT_TRUE(stream.compressed());
          EXPECT_FALSE(stream.start_compression());
          EXPECT_FALSE(stream.tls_available());
          co_await echo(stream, text.size());
        },
        [&](TlsClient& client) {
          if (secure) {
            ASSERT_TRUE(client.handshake());
          }
          Deflater deflater;
          deflater.put(text);
          std::string block(8192, '\0');
          std::size_t sent = 0;
          while (const std::size_t n = deflater.produce(block.data(), block.size())) {
            client.write(std::string_view(block).substr(0, n));
            sent += n;
          }
          EXPECT_LT(sent, text.size());
          Inflater inflater;
          std::string back;
          while (back.size() < text.size()) {
            const auto taken = inflater.take(block.data(), block.size());
            ASSERT_TRUE(taken);
            back.append(block, 0, *taken);
            if (*taken > 0) continue;
            const ssize_t n = secure ? SSL_read(client.ssl(), inflater.space(), Inflater::kBlock)
                                     : ::recv(client.fd(), inflater.space(), Inflater::kBlock, 0);
            ASSERT_GT(n, 0);
            inflater.filled(static_cast<std::size_t>(n));
          }
          EXPECT_TRUE(back == text);
        });
  }
}

TEST_F(StreamTest, BrokenCompressionEndsTheConnection) {
  run(
      [&](ConnectionStream& stream) -> awaitable<void> {
        EXPECT_TRUE(stream.start_compression());
        char octets[16];
        auto refused = co_await stream.read(octets, sizeof octets, kPatience);
        EXPECT_FALSE(refused);
        EXPECT_EQ(refused.error().failure, Failure::unavailable);
      },
      [&](TlsClient& client) {
        client.write("\x07not compressed at all");
        client.read_some();
      });
}

TEST_F(StreamTest, ANewCertificateServesNewConnections) {
  const std::string other = directory_.path() + "/second";
  std::filesystem::create_directory(other);
  const auto second = self_made_certificate(other);
  ASSERT_TRUE(second);
  const auto first_context = TlsContext::load(files_);
  TlsFiles second_files;
  second_files.certificate = second->certificate;
  second_files.key = second->key;
  const auto second_context = TlsContext::load(second_files);
  ASSERT_TRUE(first_context && second_context);
  TlsSource source(*first_context);
  EXPECT_EQ(source.current(), *first_context);
  source.replace(*second_context);
  EXPECT_EQ(source.current(), *second_context);
}

class TlsFilesTest : public StreamTest {
 protected:
  std::string problem() {
    const auto context = TlsContext::load(files_);
    return context ? "no problem" : context.error().text;
  }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(directory_.path() + "/" + name) << text;
    return directory_.path() + "/" + name;
  }
};

TEST_F(TlsFilesTest, AreNamedWhenBad) {
  const TlsFiles good = files_;
  EXPECT_EQ(problem(), "no problem");
  files_.certificate = "/nonexistent.pem";
  EXPECT_EQ(problem(), "tls.certificate = /nonexistent.pem: No such file or directory");
  files_ = good;
  files_.certificate = file("empty.pem", "nothing");
  EXPECT_TRUE(problem().starts_with("tls.certificate = " + files_.certificate + ": no certificate in PEM form ("))
      << problem();
  files_ = good;
  files_.key = "/nonexistent.key";
  EXPECT_EQ(problem(), "tls.key = /nonexistent.key: No such file or directory");
  files_.key = file("bad.key", "nothing");
  EXPECT_TRUE(problem().starts_with("tls.key = " + files_.key + ": no private key in PEM form (")) << problem();
  ClientAuthority authority(directory_.path());
  files_.key = authority.client("x", "").key;
  EXPECT_EQ(problem(), "tls.key = " + files_.key + ": does not belong to the certificate in " + good.certificate);
  files_ = good;
  files_.client_ca = file("ca2.pem", "nothing");
  EXPECT_TRUE(problem().starts_with("tls.client_ca = " + files_.client_ca + ": no certificate in PEM form ("))
      << problem();
}

TEST_F(TlsFilesTest, EncryptedKeysAreNamed) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  files_.key = directory_.path() + "/locked.key";
  std::FILE* out = std::fopen(files_.key.c_str(), "w");
  unsigned char passphrase[] = "secret";
  PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), passphrase, 6, nullptr, nullptr);
  std::fclose(out);
  EVP_PKEY_free(key);
  EXPECT_TRUE(problem().starts_with("tls.key = " + files_.key + ": is encrypted with a passphrase")) << problem();
}

TEST_F(TlsFilesTest, TheSelfMadeCertificateIsKept) {
  const auto again = self_made_certificate(directory_.path());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->certificate, files_.certificate);
  std::FILE* in = std::fopen(files_.certificate.c_str(), "r");
  X509* certificate = PEM_read_X509(in, nullptr, nullptr, nullptr);
  std::fclose(in);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate, "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "::1", 0), 1);
  EXPECT_NE(X509_check_host(certificate, "example.net", 0, 0, nullptr), 1);
  X509_free(certificate);
  struct stat facts {};
  ASSERT_EQ(::stat(files_.key.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace cpm::server
