#include "imap/response/out.h"

#include "imap/response/responses.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <string>

namespace cpm::imap {
namespace {

// Takes what is written, one octet a turn of the thread, so that writes at a time would mix.
class SlowStream final : public Stream {
 public:
  explicit SlowStream(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  boost::asio::awaitable<Result<std::size_t>> read(char*, std::size_t, std::chrono::milliseconds) override {
    co_return std::size_t{0};
  }
  boost::asio::awaitable<Result<void>> write(std::string_view bytes, std::chrono::milliseconds) override {
    for (const char octet : bytes) {
      taken += octet;
      co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    }
    co_return Result<void>{};
  }
  boost::asio::awaitable<Result<void>> start_tls() override { co_return Result<void>{}; }
  Result<void> start_compression() override { return {}; }
  void interrupt() override {}
  void cancel() override {}
  boost::asio::any_io_executor executor() override { return executor_; }
  [[nodiscard]] PeerState peer_state() const override { return PeerState::there; }
  [[nodiscard]] bool tls_available() const override { return false; }
  [[nodiscard]] const TlsInfo* tls() const override { return nullptr; }
  [[nodiscard]] bool compressed() const override { return false; }
  [[nodiscard]] const PeerInfo& peer() const override { return peer_; }

  std::string taken;

 private:
  boost::asio::any_io_executor executor_;
  PeerInfo peer_;
};

class OutTest : public testing::Test {
 protected:
  void spawn(boost::asio::awaitable<Result<void>> work) {
    boost::asio::co_spawn(context_, std::move(work), [this](std::exception_ptr broken, Result<void> result) {
      EXPECT_FALSE(broken);
      EXPECT_TRUE(result);
      ++finished_;
    });
  }

  boost::asio::io_context context_;
  Limits limits_;
  SlowStream stream_{context_.get_executor()};
  Out out_{stream_, limits_};
  int finished_ = 0;
};

TEST_F(OutTest, InterjectsBeforeWhatCanBeTakenBack) {
  out_ << Line{"earlier"};
  Out::Mark mark = out_.mark();
  out_.encoder().raw("* half a li");
  spawn(out_.interject(mark, "* OK between\r\n"));
  context_.run();
  EXPECT_EQ(stream_.taken, "* earlier\r\n* OK between\r\n");
  EXPECT_TRUE(out_.rewind(mark));
  out_ << Line{"later"};
  context_.restart();
  spawn(out_.flush());
  context_.run();
  EXPECT_EQ(stream_.taken, "* earlier\r\n* OK between\r\n* later\r\n");
  EXPECT_EQ(finished_, 2);
}

TEST_F(OutTest, InterjectsAfterWhatIsOnItsWayAlready) {
  Out::Mark mark = out_.mark();
  out_ << Line{"sent"};
  spawn(out_.flush());
  context_.run();
  out_ << Line{"waits"};
  context_.restart();
  spawn(out_.interject(mark, "* OK between\r\n"));
  context_.run();
  EXPECT_EQ(stream_.taken, "* sent\r\n* waits\r\n* OK between\r\n");
  EXPECT_FALSE(out_.rewind(mark));
}

TEST_F(OutTest, DoesNotInterjectInTheMiddleOfALine) {
  Out::Mark mark = out_.mark();
  out_ << Line{"sent"};
  spawn(out_.flush());
  context_.run();
  out_.encoder().raw("* half");
  context_.restart();
  spawn(out_.interject(mark, "* OK between\r\n"));
  context_.run();
  EXPECT_EQ(stream_.taken, "* sent\r\n");
  out_.encoder().raw(" a line\r\n");
  context_.restart();
  spawn(out_.flush());
  context_.run();
  EXPECT_EQ(stream_.taken, "* sent\r\n* half a line\r\n");
}

TEST_F(OutTest, FlushesOneAfterTheOther) {
  Out::Mark mark = out_.mark();
  spawn(out_.interject(mark, "* OK between\r\n"));
  while (!out_.sending()) ASSERT_EQ(context_.run_one(), 1U);
  out_ << Line{"command"};
  spawn(out_.flush());
  context_.run();
  EXPECT_EQ(stream_.taken, "* OK between\r\n* command\r\n");
  EXPECT_EQ(finished_, 2);
  EXPECT_FALSE(out_.sending());
}

}  // namespace
}  // namespace cpm::imap
