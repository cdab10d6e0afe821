// The workers and what waits for them. See adapter.h for the promises, keeper.h for how a worker comes to be.
// Runs on: its own thread, but for submit(), status() and stop().
#pragma once

#include "adapt/adapter.h"
#include "adapt/keeper.h"
#include "adapt/turns.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace cpm::adapt {

class Adapter::Pool : public std::enable_shared_from_this<Adapter::Pool> {
 public:
  explicit Pool(AdapterSettings settings);

  void run();  // once, after make_shared
  // `done` is called once, on the pool's thread, or at once when it is stopped.
  void submit(std::int64_t account, Task task, std::chrono::milliseconds deadline, std::function<void(Outcome)> done);
  [[nodiscard]] AdapterStatus status() const;
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  struct Job {
    std::uint64_t id = 0;
    std::int64_t account = 0;
    Task task;         // its octets until it is answered: another worker may need them
    std::string head;  // what is sent before the octets
    std::size_t size = 0;
    Clock::time_point until;
    Clock::time_point begun{};
    bool again = false;                 // a worker was lost before it could work on it
    std::function<void(Outcome)> done;  // empty once called
  };

  struct Worker {
    explicit Worker(boost::asio::io_context& io) : socket(io), timer(io) {}
    std::uint64_t id = 0;
    pid_t pid = 0;
    boost::asio::local::stream_protocol::socket socket;
    boost::asio::steady_timer timer;        // of the task, or after its death of the wait for its status
    std::optional<std::int64_t> account{};  // whose octets it has seen
    std::size_t jobs = 0;
    std::shared_ptr<Job> job;
    std::string found;
    bool spoke = false;           // a frame about its job has come
    bool unread = false;          // it was gone before it had read its job
    bool closed = false;          // its end of the socket
    std::optional<int> status{};  // of waitpid()
    std::array<char, kFrameHead> head{};
    std::string payload;
    std::array<char, 64 * 1024> block;
  };
  using WorkerRef = std::shared_ptr<Worker>;

  void begin();
  void begin_later(std::string why, bool missing = false);
  [[nodiscard]] bool hopeless(const Job& job) const;  // there will be no keeper in its time
  void on_ready(const std::string& note);
  void on_started(std::uint64_t worker, pid_t pid);
  void on_ended(std::uint64_t worker, int status);
  void on_lost(const std::string& why);

  void take(std::shared_ptr<Job> job);
  void dispatch();
  [[nodiscard]] WorkerRef worker_for(const Job& job);
  [[nodiscard]] WorkerRef hatch();
  void keep_spares();
  void retire(const WorkerRef& worker);
  void give(const WorkerRef& worker, std::shared_ptr<Job> job);
  void read_frame(const WorkerRef& worker);
  void read_payload(const WorkerRef& worker, FrameHead head);
  void on_frame(const WorkerRef& worker, FrameKind kind);
  void on_closed(const WorkerRef& worker, const boost::system::error_code& how);
  void on_overtime(const WorkerRef& worker);
  void kill(const WorkerRef& worker);
  void bury(const WorkerRef& worker);                                // it died with a task
  void try_again(const WorkerRef& worker);                           // … by nothing that the task could do
  [[nodiscard]] std::shared_ptr<Job> part(const WorkerRef& worker);  // of a worker that is gone from its task
  void note_stillborn(const WorkerRef& worker);
  void finish_job(const WorkerRef& worker, Outcome outcome);
  void answer(const std::shared_ptr<Job>& job, Outcome outcome, double seconds, const std::string& found);
  void sweep();  // refuses what waited for too long
  void tell_workers();

  const AdapterSettings settings_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  Keeper keeper_;
  boost::asio::steady_timer pause_, sweeper_;
  Turns<std::shared_ptr<Job>> turns_;
  std::map<std::uint64_t, WorkerRef> workers_;
  std::uint64_t next_worker_ = 1, next_job_ = 1;
  std::size_t busy_ = 0;
  bool ready_ = false, stopping_ = false;
  bool failed_ = false;  // there is no program that could be a keeper
  Clock::time_point ready_since_{};
  Clock::time_point again_{};              // when the keeper is started next, or was last
  std::chrono::milliseconds back_off_{0};  // before that
  std::size_t stillborn_ = 0;              // workers in a row that died without having read a task
  Clock::time_point hatch_after_{};
  std::chrono::milliseconds hatch_pause_{0};

  mutable std::mutex mutex_;
  AdapterStatus status_;  // protected by mutex_
  bool stopped_ = false;  // protected by mutex_
  std::thread thread_;
};

}  // namespace cpm::adapt
