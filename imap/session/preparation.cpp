#include "imap/session/preparation.h"

#include "adapt/conversions.h"
#include "base/log.h"
#include "schema/policy.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace cpm::imap {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kWaiting = 1000;      // parts
constexpr std::size_t kPartsOfMessage = 8;  // the first ones
constexpr std::size_t kWishes = 10'000;     // accounts whose policy is remembered
constexpr std::chrono::minutes kWishAge{5};

bool is_seen(std::string_view type) { return type.starts_with("image/") || type.starts_with("video/"); }

// Section numbers of the leaves with pictures, as FETCH names them.
void pictures_of(const mime::PartMap& map, std::size_t index, const std::string& number, const schema::PartName& name,
                 std::vector<ConvertSource>& out) {
  const auto& entries = map.entries();
  const mime::PartMap::Entry& entry = entries[index];
  if (entry.kind == mime::Kind::leaf) {
    if (!is_seen(entry.media_type) || entry.encoding == mime::Encoding::unknown) return;
    ConvertSource source;
    source.name = name;
    source.name.part = number.empty() ? "1" : number;
    source.header = entry.header;
    source.body = entry.body;
    source.encoding = entry.encoding;
    source.type = entry.media_type;
    out.push_back(std::move(source));
    return;
  }
  if (entry.kind == mime::Kind::message) return;  // its parts are looked at when somebody asks
  std::uint32_t place = 0;
  for (std::size_t child = index + 1; child < entry.next && out.size() < kPartsOfMessage; child = entries[child].next) {
    pictures_of(map, child, (number.empty() ? "" : number + ".") + std::to_string(++place), name, out);
  }
}

}  // namespace

Preparation::Preparation(Conversions& conversions, schema::Database& db, const Limits& limits)
    : conversions_(conversions), db_(db), limits_(limits) {}

Preparation::~Preparation() { stop(); }

void Preparation::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  thread_.stop();
  thread_.join();
}

void Preparation::note(AccountId account, const std::vector<schema::StagedMessage>& messages) {
  std::vector<ConvertSource> found;
  for (const schema::StagedMessage& message : messages) {
    const auto map = mime::PartMap::decode(message.message.head.part_map);
    if (!map || map->entries().empty()) continue;
    std::vector<ConvertSource> of_message;
    pictures_of(*map, 0, "", {account, message.content, ""}, of_message);
    found.insert(found.end(), std::make_move_iterator(of_message.begin()), std::make_move_iterator(of_message.end()));
  }
  if (found.empty()) return;
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  for (ConvertSource& one : found) {
    if (waiting_.size() < kWaiting) waiting_.push_back(std::move(one));
  }
  if (running_) return;
  running_ = true;
  boost::asio::co_spawn(thread_, run(), boost::asio::detached);
}

boost::asio::awaitable<void> Preparation::run() {
  for (;;) {
    ConvertSource source;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || waiting_.empty()) {
        running_ = false;
        co_return;
      }
      source = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const Wish wish = co_await wish_of(source.name.account);
    if (!wish.prepare) continue;
    ConvertRequest request;
    request.target = default_target(wish.preferences, source.type);
    ConvertPreferences preferences = wish.preferences;
    if (!preferences.pixels) preferences.pixels = kPreparedPixels;
    add_preferred_size(preferences, source.type, request);
    if (request.parameters.empty()) continue;
    auto made = co_await conversions_.convert(std::move(source), std::move(request));
    if (!made) log::debug("imap", "no thumbnail was prepared", {{"why", made.error().text + made.error().detail}});
  }
}

boost::asio::awaitable<Preparation::Wish> Preparation::wish_of(AccountId account) {
  const auto known = wishes_.find(account.value);
  if (known != wishes_.end() && known->second.until > Clock::now()) co_return known->second;
  auto work = [account](schema::Transaction& tx) { return schema::read_policies(tx, account); };
  auto policies =
      co_await db_.run(schema::Wall::of(account), limits_.command_deadline, std::move(work), schema::Mode::reads);
  Wish wish;
  wish.until = Clock::now() + kWishAge;
  if (policies) {
    wish.preferences = preferences_of(*policies);
    for (const schema::PolicyInForce& one : *policies) {
      if (one.key->name == "convert.prepare") wish.prepare = one.value == "thumbnails";
    }
  }
  if (wishes_.size() >= kWishes) wishes_.clear();
  wishes_.insert_or_assign(account.value, wish);
  co_return wish;
}

}  // namespace cpm::imap
