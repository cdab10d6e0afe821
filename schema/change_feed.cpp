#include "schema/change_feed.h"

#include "base/log.h"
#include "schema/query.h"

#include <pqxx/pqxx>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <random>
#include <string_view>

namespace cpm::schema {

namespace {

using namespace std::chrono_literals;

constexpr auto kBatch = 3ms;                   // changes within it travel together
constexpr std::size_t kLongestPayload = 7000;  // PostgreSQL takes 8000 octets

constexpr Query kAnnounce{"feed_announce", "select pg_notify('cpm_changes', $1)"};

std::string new_node_name() {
  std::random_device random;
  return std::to_string(random()) + std::to_string(random());
}

class Receiver final : public pqxx::notification_receiver {
 public:
  Receiver(pqxx::connection_base& connection, const std::string& node, const ChangeFeed::Listener& listener)
      : notification_receiver(connection, "cpm_changes"), node_(node), listener_(listener) {}

  // "node account.mailbox account.mailbox …"; "*" is everything.
  void operator()(const std::string& payload, int) override {
    std::string_view rest = payload;
    if (take_word(rest) == node_) return;
    while (!rest.empty()) {
      const std::string_view word = take_word(rest);
      if (word == "*") listener_.lost();
      std::int64_t account = 0;
      std::int32_t mailbox = 0;
      const char* const end = word.data() + word.size();
      const auto first = std::from_chars(word.data(), end, account);
      if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') continue;
      if (std::from_chars(first.ptr + 1, end, mailbox).ec != std::errc{}) continue;
      listener_.changed(AccountId{account}, MailboxId{mailbox});
    }
  }

 private:
  static std::string_view take_word(std::string_view& text) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    return word;
  }
  const std::string& node_;
  const ChangeFeed::Listener& listener_;
};

}  // namespace

void announce(Transaction& tx, AccountId account, MailboxId mailbox) {
  // In the place of the node's name stands what no node is called.
  tx.exec(kAnnounce, "cpmctl " + std::to_string(account.value) + '.' + std::to_string(mailbox.value));
}

ChangeFeed::ChangeFeed(std::string url, Listener listener)
    : url_(std::move(url)), listener_(std::move(listener)), node_(new_node_name()) {}

void ChangeFeed::start() {
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread([this] { run(); });
}

void ChangeFeed::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_, &one, sizeof one));
  thread_.join();
  ::close(wake_);
}

void ChangeFeed::publish(AccountId account, MailboxId mailbox) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = pending_.empty() && !all_pending_;
    if (!all_pending_) pending_.emplace(account.value, mailbox.value);
    if (pending_.size() > kMostPending) {
      all_pending_ = true;
      pending_.clear();
    }
  }
  const std::uint64_t one = 1;
  if (first) static_cast<void>(!::write(wake_, &one, sizeof one));
}

void ChangeFeed::run() {
  bool lost = false;
  while (!stopping_) {
    try {
      serve_connection();
    } catch (const std::exception& error) {
      if (connected_.exchange(false) || !lost) {
        log::warn("feed", "change feed lost its connection", {{"why", error.what()}});
      }
      lost = true;
    }
    // Away: wait a little. What is to be sent is kept.
    for (int i = 0; i < 10 && !stopping_; ++i) std::this_thread::sleep_for(50ms);
  }
}

void ChangeFeed::serve_connection() {
  pqxx::connection connection(url_);
  Receiver receiver(connection, node_, listener_);
  connection.get_notifs();
  connected_ = true;
  listener_.lost();  // whatever happened before LISTEN was not heard
  send_pending(connection);
  while (!stopping_) {
    pollfd waiting[2] = {{connection.sock(), POLLIN, 0}, {wake_, POLLIN, 0}};
    ::poll(waiting, 2, 60'000);
    if (stopping_) return;
    if (waiting[0].revents != 0) connection.get_notifs();
    if (waiting[1].revents == 0) continue;
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_, &count, sizeof count));
    std::this_thread::sleep_for(kBatch);
    connection.get_notifs();
    // The library would connect anew by itself, and the gap would not be known.
    if (!connection.is_open()) throw pqxx::broken_connection("closed by the server");
    send_pending(connection);
  }
}

void ChangeFeed::send_pending(pqxx::connection_base& connection) {
  Hints hints;
  bool all = false;
  {
    const std::lock_guard lock(mutex_);
    hints = std::exchange(pending_, {});
    all = std::exchange(all_pending_, false);
  }
  std::string payload = node_ + (all ? " *" : "");
  const auto send = [&] {
    if (payload.size() == node_.size()) return;
    pqxx::nontransaction work(connection);
    work.exec_params("select pg_notify('cpm_changes', $1)", payload);
    payload = node_;
  };
  try {
    for (const auto& [account, mailbox] : hints) {
      payload += ' ' + std::to_string(account) + '.' + std::to_string(mailbox);
      if (payload.size() > kLongestPayload) send();
    }
    send();
  } catch (...) {  // some may go twice
    const std::lock_guard lock(mutex_);
    pending_.merge(hints);
    all_pending_ = all_pending_ || all;
    throw;
  }
}

}  // namespace cpm::schema
