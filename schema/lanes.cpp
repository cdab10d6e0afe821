#include "schema/lanes.h"

#include "base/log.h"
#include "schema/connection.h"

#include <libpq-fe.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <mutex>
#include <unordered_set>

namespace cpm::schema {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPatience = 5s;   // a row by its key; then the pool is asked
constexpr std::chrono::milliseconds kOpenAgain = 1s;  // pause between two connections
constexpr int kBinary = 1;

struct Clear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, Clear>;

// The connection's socket, lent to the reactor of the asking thread; it stays the connection's.
class Borrowed {
 public:
  Borrowed(const boost::asio::any_io_executor& executor, int socket) : descriptor_(executor, socket) {}
  ~Borrowed() { descriptor_.release(); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  boost::asio::awaitable<bool> readable() {
    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    co_await descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read, token);
    co_return !error;
  }

 private:
  boost::asio::posix::stream_descriptor descriptor_;
};

// A declaration of the wall and the statement go out together.
class Pipeline {
 public:
  Pipeline(PGconn* connection, bool wanted) : connection_(wanted ? connection : nullptr) {
    if (connection_ != nullptr) entered_ = PQenterPipelineMode(connection_) == 1;
  }
  ~Pipeline() {
    if (connection_ != nullptr) PQexitPipelineMode(connection_);
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  [[nodiscard]] bool ready() const { return connection_ == nullptr || entered_; }
  // After the last statement.
  [[nodiscard]] bool sync() { return connection_ == nullptr || PQpipelineSync(connection_) == 1; }

 private:
  PGconn* const connection_;
  bool entered_ = false;
};

// The result of what was sent; null when the connection broke.
boost::asio::awaitable<Answer> answer(PGconn* connection, Borrowed& socket) {
  Answer last;
  if (PQflush(connection) != 0) co_return nullptr;
  for (;;) {
    while (PQisBusy(connection) == 0) {
      PGresult* const result = PQgetResult(connection);
      if (result == nullptr) co_return last;
      last.reset(result);
    }
    const bool readable = co_await socket.readable();
    if (!readable || PQconsumeInput(connection) == 0) co_return nullptr;
  }
}

// The end of a pipeline; false when the connection broke.
boost::asio::awaitable<bool> synced(PGconn* connection, Borrowed& socket) {
  while (PQisBusy(connection) != 0) {
    const bool readable = co_await socket.readable();
    if (!readable || PQconsumeInput(connection) == 0) co_return false;
  }
  const Answer end(PQgetResult(connection));
  co_return PQresultStatus(end.get()) == PGRES_PIPELINE_SYNC;
}

}  // namespace

struct Lanes::Lane {
  std::shared_ptr<Watched> watched;
  std::unique_ptr<Connection> connection;  // null before it is opened
  std::unordered_set<const char*> prepared;
};

struct Lanes::State {
  DatabaseSettings settings;
  std::function<bool(std::function<void()>)> open_on;
  std::mutex mutex;
  std::vector<std::unique_ptr<Lane>> free;    // protected by mutex; connected
  std::vector<std::unique_ptr<Lane>> closed;  // protected by mutex
  Clock::time_point open_at;                  // protected by mutex; not before
  bool opening = false;                       // protected by mutex
  bool stopped = false;                       // protected by mutex

  std::unique_ptr<Lane> take(const std::shared_ptr<State>& self);
  void give_back(std::unique_ptr<Lane> lane);
  void open(std::unique_ptr<Lane> lane);
};

std::unique_ptr<Lanes::Lane> Lanes::State::take(const std::shared_ptr<State>& self) {
  std::shared_ptr<Lane> to_open;
  {
    const std::lock_guard lock(mutex);
    if (stopped) return nullptr;
    if (!free.empty()) {
      auto lane = std::move(free.back());
      free.pop_back();
      return lane;
    }
    if (closed.empty() || opening || Clock::now() < open_at) return nullptr;
    opening = true;
    to_open = std::move(closed.back());
    closed.pop_back();
  }
  const bool queued = open_on([self, to_open] { self->open(std::make_unique<Lane>(std::move(*to_open))); });
  if (!queued) {
    const std::lock_guard lock(mutex);
    opening = false;
    open_at = Clock::now() + kOpenAgain;
    closed.push_back(std::make_unique<Lane>(std::move(*to_open)));
  }
  return nullptr;
}

void Lanes::State::open(std::unique_ptr<Lane> lane) {
  auto parameters = connection_string(settings.url);
  try {
    std::optional<Waiting> waiting;
    const auto opened = [&](int socket) { waiting.emplace(*lane->watched, socket, Clock::now() + kPatience); };
    if (parameters) {
      lane->connection = std::make_unique<Connection>(*parameters, settings.prepare, opened);
      lane->connection->bound_statements(kPatience);
      if (PQsetnonblocking(lane->connection->raw(), 1) != 0) lane->connection.reset();
    }
  } catch (const std::exception& error) {  // the pool says what is wrong with the database
    log::debug("db", "no lane", {{"why", error.what()}});
    lane->connection.reset();
  }
  {
    const std::lock_guard lock(mutex);
    opening = false;
    open_at = Clock::now() + (lane->connection ? 0ms : kOpenAgain);
  }
  give_back(std::move(lane));
}

void Lanes::State::give_back(std::unique_ptr<Lane> lane) {
  const std::lock_guard lock(mutex);
  if (stopped) return;
  (lane->connection ? free : closed).push_back(std::move(lane));
}

// A lane comes back closed unless somebody says that it is in order.
class Lanes::Lease {
 public:
  Lease(std::shared_ptr<State> state, std::unique_ptr<Lane> lane) : state_(std::move(state)), lane_(std::move(lane)) {}
  ~Lease() {
    if (!lane_) return;
    if (!in_order_) {
      lane_->connection.reset();
      lane_->prepared.clear();
    }
    state_->give_back(std::move(lane_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  explicit operator bool() const { return lane_ != nullptr; }
  Lane& operator*() const { return *lane_; }
  void in_order() { in_order_ = true; }

 private:
  const std::shared_ptr<State> state_;
  std::unique_ptr<Lane> lane_;
  bool in_order_ = false;
};

Lanes::Lanes(const DatabaseSettings& settings, std::vector<std::shared_ptr<Watched>> watched,
             std::function<bool(std::function<void()>)> open_on)
    : state_(std::make_shared<State>()) {
  state_->settings = settings;
  state_->open_on = std::move(open_on);
  for (auto& one : watched) state_->closed.push_back(std::make_unique<Lane>(Lane{std::move(one), nullptr, {}}));
}

Lanes::~Lanes() { stop(); }

void Lanes::stop() {
  std::vector<std::unique_ptr<Lane>> free;
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  free.swap(state_->free);
}

boost::asio::awaitable<std::optional<BinaryRows>> Lanes::ask(Wall wall, const Query& query,
                                                             pqxx::internal::params parameters) {
  Lease lease(state_, state_->take(state_));
  if (!lease || (*lease).connection->stale()) co_return std::nullopt;
  Lane& lane = *lease;
  auto executor = co_await boost::asio::this_coro::executor;
  PGconn* const raw = lane.connection->raw();
  const Waiting waiting(*lane.watched, PQsocket(raw), Clock::now() + kPatience);
  Borrowed socket(executor, PQsocket(raw));
  const auto values = parameters.get_pointers();
  const int count = static_cast<int>(values.size());
  const bool prepare = state_->settings.prepare;
  if (prepare) {
    for (const Query* one : {&kDeclare, &query}) {
      if (lane.prepared.contains(one->name)) continue;
      if (PQsendPrepare(raw, one->name, one->sql, 0, nullptr) == 0) co_return std::nullopt;
      auto prepared = co_await answer(raw, socket);
      if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) co_return std::nullopt;
      lane.prepared.insert(one->name);
    }
  }
  const bool declare = !prepare || wall.declared() != lane.connection->wall();
  const char* const declared = wall.declared().c_str();
  Answer rows;
  {
    Pipeline pipeline(raw, declare);
    if (!pipeline.ready()) co_return std::nullopt;
    int sent = 1;
    if (declare) {
      sent = prepare ? PQsendQueryPrepared(raw, kDeclare.name, 1, &declared, nullptr, nullptr, kBinary)
                     : PQsendQueryParams(raw, kDeclareHere.sql, 1, nullptr, &declared, nullptr, nullptr, kBinary);
    }
    if (sent == 0) co_return std::nullopt;
    sent = prepare ? PQsendQueryPrepared(raw, query.name, count, values.data(), parameters.lengths.data(),
                                         parameters.binaries.data(), kBinary)
                   : PQsendQueryParams(raw, query.sql, count, nullptr, values.data(), parameters.lengths.data(),
                                       parameters.binaries.data(), kBinary);
    if (sent == 0 || !pipeline.sync()) co_return std::nullopt;
    if (declare) {
      auto done = co_await answer(raw, socket);
      if (PQresultStatus(done.get()) != PGRES_TUPLES_OK) co_return std::nullopt;
    }
    auto answered = co_await answer(raw, socket);
    if (PQresultStatus(answered.get()) != PGRES_TUPLES_OK) co_return std::nullopt;
    rows = std::move(answered);
    if (declare) {
      auto end = co_await synced(raw, socket);
      if (!end) co_return std::nullopt;
    }
  }
  if (declare && prepare) lane.connection->note_wall(wall.declared());
  lease.in_order();
  co_return BinaryRows(rows.release());
}

}  // namespace cpm::schema
