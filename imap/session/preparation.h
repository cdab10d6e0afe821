// What is converted before anybody asks: with the policy convert.prepare = thumbnails, pictures and videos of a new
// message get a small picture, in the background and one after the other. A deposit does not wait for it, and when
// there is too much to do new ones are passed over: who asks later waits for it then. Runs on: note() any strand; the
// rest on its own thread.
#pragma once

#include "imap/session/conversions.h"
#include "imap/session/convert_preferences.h"
#include "schema/append.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace cpm::imap {

// The longer side of what is prepared when the policy convert.pixels names none.
inline constexpr std::uint32_t kPreparedPixels = 256;

class Preparation {
 public:
  Preparation(Conversions& conversions, schema::Database& db, const Limits& limits);
  ~Preparation();  // stop()
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;

  // What was just stored and committed.
  void note(AccountId account, const std::vector<schema::StagedMessage>& messages);
  void stop();

 private:
  struct Wish {
    bool prepare = false;
    ConvertPreferences preferences;
    std::chrono::steady_clock::time_point until;  // looked up again then
  };
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<Wish> wish_of(AccountId account);

  Conversions& conversions_;
  schema::Database& db_;
  const Limits& limits_;
  std::mutex mutex_;
  std::deque<ConvertSource> waiting_;  // protected by mutex_, as are:
  bool running_ = false;
  bool stopping_ = false;
  std::map<std::int64_t, Wish> wishes_;  // of run() alone
  boost::asio::thread_pool thread_{1};
};

}  // namespace cpm::imap
