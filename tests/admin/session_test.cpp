// cpmctl session against a small server that speaks the protocol described in admin/session.cpp.
#include "admin/cli.h"
#include "admin/output.h"
#include "tests/admin/folder.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

namespace cpm::admin {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;

const std::string kSessions = R"({"sessions": [
  {"id": "7f3a", "peer": "192.0.2.1:5", "user": "alice@example.net", "actor": "", "client": "", "mailbox": "INBOX", "command": "IDLE", "tls": true, "since": 1700000000},
  {"id": "8b01", "peer": "192.0.2.2:6", "user": "bob@example.net", "actor": "core", "client": "x", "mailbox": "", "command": "", "tls": false, "since": 1700000001}]})";

// Answers until it is destroyed, one connection after the other.
class SmallServer {
 public:
  SmallServer()
      : acceptor_(io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)), thread_([this] { serve(); }) {}
  ~SmallServer() {
    stopping_ = true;
    tcp::socket last(io_);
    boost::system::error_code ignored;
    last.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  [[nodiscard]] std::string endpoint() const {
    return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

 private:
  void serve() {
    while (true) {
      tcp::socket socket(io_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      if (error || stopping_) return;
      boost::beast::flat_buffer buffer;
      http::request<http::empty_body> request;
      http::read(socket, buffer, request, error);
      if (error) continue;
      http::response<http::string_body> response{http::status::not_found, 11};
      const std::string target(request.target());
      if (request[http::field::authorization] != "Bearer 0123abcd") {
        response.result(http::status::unauthorized);
      } else if (request.method() == http::verb::get && target == "/admin/sessions") {
        response.result(http::status::ok);
        response.body() = kSessions;
      } else if (request.method() == http::verb::delete_ && target == "/admin/sessions/8b01") {
        response.result(http::status::no_content);
      }
      response.prepare_payload();
      http::write(socket, response, error);
    }
  }

  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

class SessionCtl : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("run.json", R"({"http": ")" + server_.endpoint() + R"("})");
    folder_.write("admin.token", "0123abcd\n");
  }
  int ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--data", folder_.path()});
    std::istringstream in;
    out_.str({});
    err_.str({});
    return run(arguments, Streams{in, out_, err_}, {});
  }

  SmallServer server_;
  test::Folder folder_;
  std::ostringstream out_, err_;
};

TEST_F(SessionCtl, ListsAllOrOneUsers) {
  ASSERT_EQ(ctl({"session", "list", "--json"}), kOk) << err_.str();
  const Json all = Json::parse(out_.str());
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["since"], "2023-11-14T22:13:20Z");
  ASSERT_EQ(ctl({"session", "list", "--user", "bob@example.net"}), kOk);
  EXPECT_NE(out_.str().find("8b01"), std::string::npos);
  EXPECT_EQ(out_.str().find("7f3a"), std::string::npos);
}

TEST_F(SessionCtl, KicksByIdOrUser) {
  EXPECT_EQ(ctl({"session", "kick", "8b01"}), kOk) << err_.str();
  EXPECT_EQ(ctl({"session", "kick", "--user", "bob@example.net"}), kOk) << err_.str();
  EXPECT_EQ(ctl({"session", "kick", "ffff"}), kNotFound);
  EXPECT_EQ(ctl({"session", "kick", "--user", "nobody@example.net"}), kNotFound);
  EXPECT_EQ(ctl({"session", "kick"}), kUsage);
  EXPECT_EQ(ctl({"session", "kick", "../../x"}), kUsage);
}

TEST_F(SessionCtl, NeedsTheServersToken) {
  folder_.write("admin.token", "wrong\n");
  EXPECT_EQ(ctl({"session", "list"}), kFailed);
  EXPECT_NE(err_.str().find("token"), std::string::npos);
  std::filesystem::remove(folder_.path("admin.token"));
  EXPECT_EQ(ctl({"session", "list"}), kUnavailable);
}

TEST_F(SessionCtl, SaysThatNobodyAnswers) {
  folder_.write("run.json", R"({"http": "127.0.0.1:1"})");
  EXPECT_EQ(ctl({"session", "list"}), kUnavailable);
  folder_.write("run.json", "{}");
  EXPECT_EQ(ctl({"session", "list"}), kUnavailable);
  folder_.write("run.json", "nonsense");
  EXPECT_EQ(ctl({"session", "list"}), kUnavailable);
}

}  // namespace
}  // namespace cpm::admin
