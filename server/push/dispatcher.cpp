#include "server/push/dispatcher.h"

#include "base/log.h"

#include <pthread.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <set>

namespace cpm::server::push {

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using schema::OutboxEvent;
using schema::PushClaim;
using schema::PushSink;
using schema::PushWork;
using schema::Transaction;

constexpr auto kStatement = 30s;
constexpr auto kGather = 3ms;   // wake-ups within it are one
constexpr auto kPoll = 1s;      // digests, retries and lost wake-ups
constexpr auto kRefresh = 5s;   // who is watched, should a wake-up be lost
constexpr auto kTend = 15s;     // counts for the metrics
constexpr auto kFlush = 250ms;  // told events are removed at least so often
constexpr auto kTurn = 5s;      // then others have theirs
constexpr auto kStopPatience = 2s;
constexpr auto kDatabasePatience = 40s;  // shorter than what the lease has left
constexpr auto kDatabaseRest = 300ms;
constexpr std::size_t kEvents = 50;   // read at a time
constexpr std::size_t kDigest = 500;  // of a digest: one request
constexpr std::size_t kMostWatched = 10'000;
constexpr std::size_t kNameThreads = 4;
constexpr std::size_t kNameQueue = 10'000;
constexpr MailboxId kAnnotations{-1};  // imap/session/change_hub.h: subscriptions may be others
constexpr int kTendsAnHour = 240;

Names names_of(const Config& config) {
  const std::string& name = config.server.name;
  return {name, config.url.hosts.empty() ? name : config.url.hosts.front()};
}

// Answers that say that this request will never be taken; other refusals may be a receiver that is set up wrongly.
bool is_final(unsigned status) {
  static const std::set<unsigned> kFinal{400, 410, 413, 414, 415, 422, 501};
  return kFinal.contains(status);
}

}  // namespace

Result<Dispatcher::Parts> Dispatcher::prepare(const Config& config) {
  CPM_TRY(guard, NetworkGuard::make(config.push.allow_networks));
  CPM_TRY(tls, make_push_tls(config.push.ca));
  CPM_TRY(content, read_template(config.push.pap_template, config.push.pap_type));
  return Parts{std::move(guard), std::move(tls), std::move(content)};
}

Dispatcher::Dispatcher(const Config& config, Parts parts, const std::string& database_url, Stats& stats)
    : config_(config.push),
      alone_(config.database.url.empty()),
      names_(names_of(config)),
      stats_(stats),
      guard_(std::move(parts.guard)),
      tls_(std::move(parts.tls)),
      content_(std::move(parts.content)),
      db_(schema::DatabaseSettings{database_url, kConnections, config.database.prepare}),
      dns_("push-names", kNameThreads, kNameQueue),
      post_{tls_, guard_, dns_, config.push.timeout},
      breaker_(config.push.breaker_failures, config.push.breaker_time),
      timer_(io_),
      tend_timer_(io_) {}

void Dispatcher::start() {
  if (!config_.enabled) return;
  const auto ended = [](const char* what) {
    return [what](const std::exception_ptr& error) {
      if (!error) return;
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& e) {
        log::error("push", "a task of push ended", {{"task", what}, {"why", e.what()}});
      }
    };
  };
  asio::co_spawn(io_, loop(), ended("loop"));
  asio::co_spawn(io_, tend(), ended("tend"));
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "push");
    io_.run();
  });
}

void Dispatcher::stop() {
  if (thread_.joinable()) {
    stopping_ = true;
    wake();
    asio::post(io_, [this] {
      timer_.cancel();
      tend_timer_.cancel();
    });
    // Requests that are on the way may end; io_.run() returns when nothing is left to do.
    for (auto waited = 0ms; waited < kStopPatience && !io_.stopped(); waited += 20ms) std::this_thread::sleep_for(20ms);
    io_.stop();
    thread_.join();
  }
  dns_.stop();
  db_.stop();
}

void Dispatcher::changed(AccountId account, MailboxId mailbox) {
  if (mailbox == kAnnotations) {
    stale_ = true;
  } else if (!everybody_) {
    if (!anybody_) return;
    const std::lock_guard lock(mutex_);
    if (!watched_.contains(account.value)) return;
  }
  wake();
}

void Dispatcher::all_changed() {
  stale_ = true;
  wake();
}

void Dispatcher::wake() {
  if (woken_.exchange(true)) return;
  asio::post(io_, [this] { timer_.cancel(); });
}

std::chrono::milliseconds Dispatcher::lease() const { return 2 * config_.timeout + 60s; }

std::chrono::milliseconds Dispatcher::back_off(int attempts) {
  const auto first = std::chrono::duration_cast<std::chrono::milliseconds>(config_.retry_first);
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(config_.retry_most);
  const auto grown = first.count() << std::min(attempts, 20);
  const auto base = std::min<std::int64_t>(grown, most.count());
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(base / 2, base + base / 2)(random_));
}

asio::awaitable<void> Dispatcher::refresh() {
  stale_ = false;
  refreshed_ = Clock::now();
  auto read = [](Transaction& tx) { return schema::push_watched(tx, kMostWatched); };
  auto watched = co_await db_.run(schema::Wall::open(), kStatement, std::move(read), schema::Mode::reads);
  if (!watched) co_return;  // what was known stays; the next look is soon
  const std::lock_guard lock(mutex_);
  watched_.clear();
  for (const AccountId account : watched->accounts) watched_.insert(account.value);
  everybody_ = watched->everybody;
  anybody_ = watched->everybody || !watched_.empty();
}

asio::awaitable<void> Dispatcher::loop() {
  boost::system::error_code ignored;
  // On a database of its own nobody else can have a lease: what a killed process had taken need not wait.
  for (bool freed = !alone_; !freed && !stopping_;) {
    auto free = [](Transaction& tx) { return schema::free_push(tx); };
    auto done = co_await db_.run(schema::Wall::open(), kStatement, std::move(free));
    freed = done.has_value();
    timer_.expires_after(kDatabaseRest);
    if (!freed) co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  while (!stopping_) {
    woken_ = false;
    if (stale_ || Clock::now() - refreshed_ > kRefresh) co_await refresh();
    more_ = false;
    if (anybody_) more_ = co_await claim();
    if (stopping_) break;
    if (more_ && total_ < config_.concurrency) continue;
    timer_.expires_after(kPoll);
    if (!woken_) co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    timer_.expires_after(kGather);
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<bool> Dispatcher::claim() {
  if (total_ >= config_.concurrency) co_return true;
  schema::ClaimRequest request;
  request.busy = breaker_.open(Clock::now());
  for (const auto& [origin, count] : running_) {
    if (count >= config_.per_target) request.busy.push_back(origin);
  }
  request.count = config_.concurrency - total_;
  request.per_origin = config_.per_target;
  request.lease = lease();
  auto work = [request](Transaction& tx) { return schema::claim_push(tx, request); };
  auto claims = co_await db_.run(schema::Wall::open(), kStatement, std::move(work));
  if (!claims) {
    log::debug("push", "nothing claimed", {{"why", claims.error().text + " " + claims.error().detail}});
    co_return false;
  }
  for (PushClaim& one : *claims) {
    std::size_t& running = running_[one.origin];
    if (running >= config_.per_target || stopping_) {
      auto give_back = [one](Transaction& tx) { return schema::release_push(tx, one, 0ms); };
      [[maybe_unused]] auto done = co_await db_.run(schema::Wall::open(), kStatement, std::move(give_back));
      continue;
    }
    ++running;
    ++total_;
    asio::co_spawn(io_, serve(one), [this, origin = one.origin](const std::exception_ptr& error) {
      --total_;
      const auto at = running_.find(origin);
      if (at != running_.end() && --at->second == 0) running_.erase(at);
      if (more_) wake();
      if (!error) return;
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& e) {
        log::error("push", "a queue was left", {{"origin", origin}, {"why", e.what()}});
      }
    });
  }
  co_return claims->size() == request.count;
}

std::optional<PostRequest> Dispatcher::webhook_request(const PushWork& work,
                                                       const std::vector<const OutboxEvent*>& events,
                                                       int attempts) const {
  const schema::PushSubscription& subscription = work.subscription;
  PostRequest request;
  request.type = "application/json";
  std::string key;
  std::string name;
  if (subscription.digest.count() == 0) {
    const auto json = event_json(*events.front(), subscription, work.address, names_);
    if (!json) return std::nullopt;
    request.body = json->dump(-1, ' ', false, Json::error_handler_t::replace);
    key = event_key(events.front()->id, subscription.id);
    name = (*json)["event"].get<std::string>();
  } else {
    Json list = Json::array();
    std::string ids;
    for (const OutboxEvent* event : events) {
      auto json = event_json(*event, subscription, work.address, names_);
      if (!json) continue;
      list.push_back(std::move(*json));
      ids += event_key(event->id, subscription.id);
    }
    if (list.empty()) return std::nullopt;
    Json digest;
    digest["user"] = work.address;
    digest["events"] = std::move(list);
    request.body = digest.dump(-1, ' ', false, Json::error_handler_t::replace);
    // Another set of events is another request.
    key = signature(ids, 0, {}).substr(std::string_view("t=0,v1=").size(), 32);
    name = "digest";
  }
  request.headers.emplace_back("Idempotency-Key", key);
  request.headers.emplace_back("Cpmstore-Event", name);
  request.headers.emplace_back("Cpmstore-Attempt", std::to_string(attempts + 1));
  if (subscription.secret) {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    request.headers.emplace_back("Cpmstore-Signature", signature(*subscription.secret, now.count(), request.body));
  }
  return request;
}

std::optional<PostRequest> Dispatcher::pap_request(const PushWork& work,
                                                   const std::vector<const OutboxEvent*>& events) const {
  const schema::PushSubscription& subscription = work.subscription;
  // Of a digest the device hears once: it looks for itself what there is.
  std::optional<Json> json;
  const OutboxEvent* told = nullptr;
  for (auto event = events.rbegin(); event != events.rend() && !json; ++event) {
    json = event_json(**event, subscription, work.address, names_);
    told = *event;
  }
  if (!json) return std::nullopt;
  const auto url = parse_http_url(subscription.url);
  PapMessage message;
  message.push_id = event_key(told->id, subscription.id);
  message.address = pap_address(subscription.target.value_or(work.address), url ? url->host : std::string());
  message.deliver_before =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()) + config_.most_age;
  message.content = expand(content_, *json);
  PapBody body = pap_push_message(message, content_.type);
  PostRequest request;
  request.type = std::move(body.type);
  request.body = std::move(body.text);
  return request;
}

asio::awaitable<Dispatcher::Outcome> Dispatcher::tell(HttpPost& post, const PushWork& work,
                                                      const std::vector<const OutboxEvent*>& events, int attempts) {
  const bool pap = work.subscription.sink == PushSink::pap;
  auto request = pap ? pap_request(work, events) : webhook_request(work, events, attempts);
  Outcome outcome;
  if (!request) {
    outcome.taken = true;  // nothing that this receiver wants
    outcome.asked = false;
    co_return outcome;
  }
  auto answer = co_await post.send(*request);
  if (!answer) {
    outcome.reason = answer.error().text;
    co_return outcome;
  }
  outcome.taken = answer->status >= 200 && answer->status < 300;
  outcome.reason = "HTTP " + std::to_string(answer->status);
  if (outcome.taken && pap) {
    const PapAnswer verdict = read_pap_answer(answer->body);
    outcome.taken = verdict.verdict == PapAnswer::Verdict::taken;
    outcome.never = verdict.verdict == PapAnswer::Verdict::never;
    outcome.at_fault = verdict.verdict == PapAnswer::Verdict::again;
    outcome.reason = verdict.reason;
    co_return outcome;
  }
  if (answer->status >= 300 && answer->status < 400) outcome.reason += ", and redirects are not followed";
  outcome.never = is_final(answer->status);
  outcome.at_fault = answer->status >= 500 || answer->status == 429 || answer->status == 408;
  co_return outcome;
}

asio::awaitable<void> Dispatcher::serve(PushClaim claim) {
  const auto begun = Clock::now();
  std::unique_ptr<HttpPost> post;
  std::string url;
  while (true) {
    auto read = [claim](Transaction& tx) { return schema::read_push(tx, claim, kEvents, kDigest); };
    auto work = co_await db_.run(schema::Wall::open(), kStatement, std::move(read));
    if (!work) co_return;  // the lease ends by itself
    const schema::PushSubscription& subscription = work->subscription;
    const bool digest = subscription.digest.count() > 0;
    if (!work->events.empty() && (!post || url != subscription.url)) {
      auto parsed = parse_http_url(subscription.url);
      if (!parsed) co_return;
      url = subscription.url;
      post = std::make_unique<HttpPost>(post_, std::move(*parsed));
    }
    std::vector<std::int64_t> told;
    std::optional<schema::PushFailure> failure;
    std::optional<std::chrono::milliseconds> later;
    const auto flush_by = Clock::now() + kFlush;
    for (std::size_t i = 0; i < work->events.size() && Clock::now() < flush_by && !stopping_;) {
      std::vector<const OutboxEvent*> events;
      for (; i < work->events.size() && (events.empty() || digest); ++i) events.push_back(&work->events[i]);
      if (!breaker_.allow(claim.origin, Clock::now())) {
        const auto rest =
            std::chrono::duration_cast<std::chrono::milliseconds>(breaker_.closed_until(claim.origin) - Clock::now());
        later = std::max<std::chrono::milliseconds>(rest, 0ms) + back_off(0) / 2;
        break;
      }
      auto outcome = co_await tell(*post, *work, events, claim.attempts);
      if (outcome.taken) {
        for (const OutboxEvent* event : events) told.push_back(event->id);
        if (!outcome.asked) continue;
        breaker_.succeeded(claim.origin);
        stats_.of(subscription.sink).delivered += events.size();
        claim.attempts = 0;
        continue;
      }
      if (outcome.at_fault) {
        breaker_.failed(claim.origin, Clock::now());
      } else {
        breaker_.succeeded(claim.origin);  // it answers
      }
      stats_.of(subscription.sink).failed += 1;
      failure.emplace();
      for (const OutboxEvent* event : events) failure->events.push_back(event->id);
      failure->dead = outcome.never || static_cast<std::size_t>(claim.attempts) + 1 >= config_.attempts;
      failure->delay = back_off(claim.attempts);
      failure->most_age = config_.most_age;
      failure->reason = outcome.reason;
      log::debug("push", "an event was not taken", {{"receiver", claim.origin}, {"why", outcome.reason}});
      break;
    }
    const bool keep = !failure && !later && !stopping_ && Clock::now() - begun < kTurn;
    auto settle = [claim, told, failure, later, keep,
                   lease = lease()](Transaction& tx) -> Result<std::pair<bool, std::uint64_t>> {
      bool more = false;
      if (!told.empty() || (!failure && !later)) {
        const auto then = keep || failure || later ? schema::AfterTold::keep : schema::AfterTold::release;
        CPM_TRY(left, schema::told_push(tx, claim, told, then, lease));
        more = left;
      }
      std::uint64_t dead = 0;
      if (failure) {
        CPM_TRY(buried, schema::failed_push(tx, claim, *failure));
        dead = buried;
      } else if (later) {
        CPM_CHECK(schema::release_push(tx, claim, *later));
      }
      return std::pair{more, dead};
    };
    auto settled = co_await db_.run(schema::Wall::open(), kStatement, settle);
    // A database that was away comes back: what was told is removed then, and the queue need not wait for the lease's
    // end.
    const auto give_up = Clock::now() + config_.timeout + kDatabasePatience;
    while (!settled && !stopping_ && Clock::now() < give_up) {
      asio::steady_timer rest(io_, kDatabaseRest);
      co_await rest.async_wait(asio::use_awaitable);
      settled = co_await db_.run(schema::Wall::open(), kStatement, settle);
    }
    if (!settled) co_return;
    if (settled->second > 0) {
      stats_.of(subscription.sink).dead += settled->second;
      log::warn("push", "events became dead letters",
                {{"receiver", claim.origin}, {"number", std::to_string(settled->second)}, {"why", failure->reason}});
      wake();  // the next event need not wait
    }
    if (keep && settled->first) continue;
    if (!failure && !later) wake();  // others first, then this one again
    co_return;
  }
}

asio::awaitable<void> Dispatcher::tend() {
  boost::system::error_code ignored;
  for (int round = 0; !stopping_; ++round) {
    if (anybody_) {
      auto look = [](Transaction& tx) { return schema::push_backlog(tx); };
      auto backlog = co_await db_.run(schema::Wall::open(), kStatement, std::move(look), schema::Mode::reads);
      if (backlog) stats_.set_backlog(std::move(*backlog));
    }
    if (round % kTendsAnHour == 0) {
      auto forget = [age = config_.dead_age](Transaction& tx) { return schema::forget_dead(tx, age); };
      auto gone = co_await db_.run(schema::Wall::open(), kStatement, std::move(forget));
      if (gone && *gone > 0) round = kTendsAnHour - 1;  // there may be more
    }
    tend_timer_.expires_after(kTend);
    co_await tend_timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace cpm::server::push
