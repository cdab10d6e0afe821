// A whole server without sockets, and a client that is a list of turns: each turn sees what the server said since the
// last one and returns what to send (nothing: the server's patience ends). For tests of commands before and around
// log-in.
// Runs on: the main thread of a test program.
#pragma once

#include "imap/auth/authenticator.h"
#include "imap/session/session.h"
#include "imap/session/session_list.h"
#include "tests/support/test_database.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace cpm::imap::auth {

using Turn = std::function<std::string(const std::string& heard)>;

struct Peer {
  std::optional<TlsInfo> tls;
  PeerInfo info{"127.0.0.1", 4000, true};
  bool tls_available = true;
  bool compressed = false;
};

class ScriptedStream final : public Stream {
 public:
  ScriptedStream(boost::asio::any_io_executor executor, Peer peer, std::deque<Turn> turns, std::string& said)
      : executor_(std::move(executor)), peer_(std::move(peer)), turns_(std::move(turns)), said_(said) {}

  boost::asio::awaitable<Result<std::size_t>> read(char* to, std::size_t length, std::chrono::milliseconds) override {
    while (pending_.empty()) {
      if (turns_.empty()) co_return std::size_t{0};
      pending_ = turns_.front()(said_.substr(heard_));
      heard_ = said_.size();
      turns_.pop_front();
      if (pending_.empty()) co_return fail(Failure::timeout, "Timeout");
    }
    const std::size_t count = std::min(length, pending_.size());
    std::copy_n(pending_.data(), count, to);
    pending_.erase(0, count);
    co_return count;
  }
  boost::asio::awaitable<Result<void>> write(std::string_view bytes, std::chrono::milliseconds) override {
    said_ += bytes;
    co_return Result<void>{};
  }
  boost::asio::awaitable<Result<void>> start_tls() override {
    peer_.tls.emplace();
    co_return Result<void>{};
  }
  Result<void> start_compression() override {
    peer_.compressed = true;
    return {};
  }
  void interrupt() override {}
  void cancel() override {}
  boost::asio::any_io_executor executor() override { return executor_; }
  [[nodiscard]] PeerState peer_state() const override { return PeerState::there; }
  [[nodiscard]] bool tls_available() const override { return peer_.tls_available; }
  [[nodiscard]] const TlsInfo* tls() const override { return peer_.tls ? &*peer_.tls : nullptr; }
  [[nodiscard]] bool compressed() const override { return peer_.compressed; }
  [[nodiscard]] const PeerInfo& peer() const override { return peer_.info; }

 private:
  boost::asio::any_io_executor executor_;
  Peer peer_;
  std::deque<Turn> turns_;
  std::string& said_;
  std::size_t heard_ = 0;
  std::string pending_;
};

inline Registry whole_registry() {
  auto built = Registry::build({});
  if (!built) throw std::runtime_error(built.error().text);
  return std::move(*built);
}

struct TestServer {
  explicit TestServer(Settings auth_settings = {}, bool allow_plaintext = true, Limits with = {})
      : limits(with), authenticator(support::TestDatabase::shared().database(), cpu, std::move(auth_settings)) {
    settings.allow_plaintext = allow_plaintext;
  }

  Limits limits;
  imap::Settings settings;
  Registry registry = whole_registry();
  SnapshotCache snapshots{1000};
  ChangeHub hub;
  Pool cpu{"cpu", 2, 100};
  Authenticator authenticator;
  SessionList sessions;
  Services services{limits,    settings, registry,      support::TestDatabase::shared().database(),
                    snapshots, hub,      authenticator, cpu,
                    sessions,  {}};

  // The whole conversation from the server's side, the greeting left out.
  std::string talk(std::deque<Turn> turns, Peer peer = {}) {
    boost::asio::io_context io;
    std::string said;
    std::exception_ptr broken;
    auto stream = std::make_unique<ScriptedStream>(io.get_executor(), std::move(peer), std::move(turns), said);
    boost::asio::co_spawn(io, serve(services, std::move(stream)),
                          [&broken](std::exception_ptr error) { broken = error; });
    io.run();
    if (broken) std::rethrow_exception(broken);
    return said.substr(said.find("\r\n") + 2);
  }
  // All octets are sent at once.
  std::string talk(std::string octets, Peer peer = {}) {
    std::deque<Turn> turns;
    turns.push_back([octets](const std::string&) { return octets; });
    return talk(std::move(turns), std::move(peer));
  }
};

}  // namespace cpm::imap::auth
