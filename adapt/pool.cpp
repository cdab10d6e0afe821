#include "adapt/pool.h"

#include "base/log.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace cpm::adapt {

namespace {

constexpr std::chrono::milliseconds kSweep{50};
constexpr std::chrono::milliseconds kStatusWait{1000};  // between a worker's end of socket and the news of its death
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{30'000};
constexpr std::chrono::milliseconds kSocketPause{500};  // when none can be made
constexpr std::size_t kStillborn = 5;
constexpr std::size_t kOverhead = 64 * 1024;  // of a frame, besides the octets
constexpr std::size_t kTexts = 1024;          // octets of one parameter
constexpr std::size_t kParameters = 32;

std::vector<std::string> command_of(const AdapterSettings& s) {
  return {s.program,
          "--memory=" + std::to_string(s.memory),
          "--pixels=" + std::to_string(s.pixels),
          "--frames=" + std::to_string(s.frames),
          "--duration=" + std::to_string(s.duration.count()),
          "--cpu=" + std::to_string(static_cast<std::uint64_t>(s.job_time.count() + 1) * s.jobs),
          "--octets=" + std::to_string(s.octets),
          "--result-octets=" + std::to_string(s.result_octets)};
}

std::string how_it_died(const std::optional<int>& status) {
  if (!status) return "unknown";
  if (WIFEXITED(*status)) return "exit code " + std::to_string(WEXITSTATUS(*status));
  const int number = WTERMSIG(*status);
  return "signal " + std::to_string(number) + " (" + ::strsignal(number) + ")";
}

Refused refuse(Refusal why, std::string detail) {
  Refused refused;
  refused.why = why;
  refused.detail = std::move(detail);
  return refused;
}

}  // namespace

Adapter::Pool::Pool(AdapterSettings settings)
    : settings_(std::move(settings)),
      guard_(io_.get_executor()),
      keeper_(io_, command_of(settings_),
              {[this](const std::string& note) { on_ready(note); },
               [this](std::uint64_t worker, pid_t pid) { on_started(worker, pid); },
               [this](std::uint64_t worker, int status) { on_ended(worker, status); },
               [this](const std::string& why) { on_lost(why); }}),
      pause_(io_),
      sweeper_(io_),
      turns_(settings_.queue, settings_.account_queue),
      back_off_(kFirstPause),
      hatch_pause_(kFirstPause) {}

void Adapter::Pool::run() {
  boost::asio::post(io_, [this] {
    begin();
    sweep();
  });
  thread_ = std::thread([this] { io_.run(); });
}

void Adapter::Pool::begin() {
  if (stopping_) return;
  if (const auto running = keeper_.run(); !running)
    begin_later(running.error().text, running.error().failure == Failure::not_found);
}

// What waits goes on waiting if it has the time.
void Adapter::Pool::begin_later(std::string why, bool missing) {
  log::error("adapt", "no media worker", {{"why", why}, {"again_ms", std::to_string(back_off_.count())}});
  ready_ = false;
  failed_ = missing || back_off_ == kLongestPause;
  again_ = Clock::now() + back_off_;
  {
    const std::lock_guard lock(mutex_);
    status_.running = false;
    status_.problem = std::move(why);
  }
  turns_.remove_if([this](const std::shared_ptr<Job>& job) {
    if (!hopeless(*job)) return false;
    answer(job, refuse(Refusal::busy, "media conversion is not available"), 0, {});
    return true;
  });
  pause_.expires_at(again_);
  back_off_ = std::min(back_off_ * 2, kLongestPause);
  pause_.async_wait([this](const auto& error) {
    if (!error) begin();
  });
}

bool Adapter::Pool::hopeless(const Job& job) const { return failed_ || (!ready_ && job.until <= again_); }

void Adapter::Pool::on_ready(const std::string& note) {
  log::info("adapt", "media workers are ready", {{"workers", std::to_string(settings_.workers)}, {"note", note}});
  ready_ = true;
  ready_since_ = Clock::now();
  failed_ = false;
  {
    const std::lock_guard lock(mutex_);
    status_.running = true;
    status_.problem = note;
  }
  dispatch();
}

void Adapter::Pool::on_lost(const std::string& why) {
  if (stopping_) return;
  if (ready_ && Clock::now() - ready_since_ > kLongestPause) back_off_ = kFirstPause;
  ready_ = false;
  const auto workers = std::move(workers_);
  workers_.clear();
  for (const auto& [id, worker] : workers) {
    if (worker->job) try_again(worker);
    boost::system::error_code ignored;
    worker->closed = true;
    worker->timer.cancel();
    worker->socket.close(ignored);
  }
  tell_workers();
  begin_later(why);
}

void Adapter::Pool::on_started(std::uint64_t id, pid_t pid) {
  const auto it = workers_.find(id);
  if (it == workers_.end()) return;
  it->second->pid = pid;
  tell_workers();
}

void Adapter::Pool::on_ended(std::uint64_t id, int status) {
  const auto it = workers_.find(id);
  if (it == workers_.end()) return;
  const WorkerRef worker = it->second;
  worker->status = status;
  if (worker->job) {
    // Its last frame may still be in the socket: what comes there decides.
    if (worker->closed) bury(worker);
    return;
  }
  workers_.erase(it);
  boost::system::error_code ignored;
  worker->socket.close(ignored);
  if (worker->jobs == 0) {
    log::warn("adapt", "a worker died without work",
              {{"pid", std::to_string(worker->pid)}, {"how", how_it_died(status)}});
    note_stillborn(worker);
  }
  tell_workers();
  dispatch();
}

void Adapter::Pool::note_stillborn(const WorkerRef& worker) {
  if (++stillborn_ < kStillborn) return;
  hatch_pause_ = std::min(hatch_pause_ * 2, kLongestPause);
  hatch_after_ = Clock::now() + hatch_pause_;
  const std::lock_guard lock(mutex_);
  status_.problem = "workers die at once: " + how_it_died(worker->status);
}

void Adapter::Pool::submit(std::int64_t account, Task task, std::chrono::milliseconds deadline,
                           std::function<void(Outcome)> done) {
  auto job = std::make_shared<Job>();
  job->account = account;
  job->task = std::move(task);
  job->until = Clock::now() + deadline;
  job->done = std::move(done);
  {
    // Under the mutex: what is posted before stop() is still run by it.
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      boost::asio::post(io_, [this, job] { take(job); });
      return;
    }
  }
  job->done(refuse(Refusal::busy, "the service is stopping"));
}

void Adapter::Pool::take(std::shared_ptr<Job> job) {
  job->id = next_job_++;
  {
    const std::lock_guard lock(mutex_);
    ++status_.tasks;
  }
  Task& task = job->task;
  job->size = task.octets.size();
  for (std::string* type : {&task.declared, &task.target}) *type = canonical_type(*type);
  const auto all = conversions();
  const bool known = task.target.empty() || task.target == kWhatItIs ||
                     std::any_of(all.begin(), all.end(), [&](const Conversion& c) { return c.target == task.target; });
  const auto too_long = [](const auto& p) { return p.first.size() > kTexts || p.second.size() > kTexts; };
  job->head = write_task(task);
  if (stopping_) {
    answer(job, refuse(Refusal::busy, "the service is stopping"), 0, {});
  } else if (hopeless(*job)) {
    answer(job, refuse(Refusal::busy, "media conversion is not available"), 0, {});
  } else if (job->size > settings_.octets) {
    answer(job, refuse(Refusal::too_large, "the source is too large to convert"), 0, {});
  } else if (!known) {
    Refused refused = refuse(Refusal::unsupported, "nothing is converted to that type");
    answer(job, std::move(refused), 0, {});
  } else if (task.parameters.size() > kParameters || job->head.size() > kOverhead ||
             std::any_of(task.parameters.begin(), task.parameters.end(), too_long)) {
    Refused refused = refuse(Refusal::bad_parameters, "parameters are too many or too long");
    for (const auto& [name, value] : task.parameters) refused.parameters.push_back(name);
    answer(job, std::move(refused), 0, {});
  } else if (!turns_.push(job->account, job)) {
    answer(job, refuse(Refusal::busy, "too many conversions are waiting"), 0, {});
  } else {
    dispatch();
  }
}

void Adapter::Pool::dispatch() {
  while (ready_ && !stopping_ && busy_ < settings_.workers && turns_.size() > 0 && Clock::now() >= hatch_after_) {
    auto next = turns_.pop();
    if (!next) break;
    if (Clock::now() >= next->second->until) {
      turns_.done(next->first);
      answer(next->second, refuse(Refusal::busy, "no worker became free in time"), 0, {});
      continue;
    }
    const WorkerRef worker = worker_for(*next->second);
    if (!worker) {
      turns_.put_back(next->first, std::move(next->second));
      break;
    }
    give(worker, std::move(next->second));
  }
  keep_spares();
  const std::lock_guard lock(mutex_);
  status_.waiting = turns_.size();
}

// One that has served this account, or one that has served nobody. A job that comes again gets one that is made for it:
// others may be as dead as the one before, and not known to be.
Adapter::Pool::WorkerRef Adapter::Pool::worker_for(const Job& job) {
  if (job.again) return hatch();
  WorkerRef fresh;
  for (const auto& [id, worker] : workers_) {
    if (worker->job || worker->closed || worker->status) continue;
    if (worker->account == job.account) return worker;
    if (!worker->account && !fresh) fresh = worker;
  }
  return fresh ? fresh : hatch();
}

Adapter::Pool::WorkerRef Adapter::Pool::hatch() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    log::error("adapt", "cannot make a socket", {{"why", std::strerror(errno)}});
    hatch_after_ = Clock::now() + kSocketPause;
    return nullptr;
  }
  auto worker = std::make_shared<Worker>(io_);
  worker->id = next_worker_++;
  worker->socket.assign(boost::asio::local::stream_protocol(), pair[0]);
  workers_[worker->id] = worker;
  keeper_.start(worker->id, pair[1]);
  return worker;
}

// As many fresh ones stand ready as may work; those that served somebody make room for them.
void Adapter::Pool::keep_spares() {
  if (!ready_ || stopping_) return;
  std::vector<WorkerRef> used;
  std::size_t fresh = 0;
  for (const auto& [id, worker] : workers_) {
    if (worker->job || worker->closed || worker->status) continue;
    if (worker->account)
      used.push_back(worker);
    else
      ++fresh;
  }
  for (std::size_t i = 0; i + settings_.workers < used.size(); ++i) retire(used[i]);
  if (Clock::now() < hatch_after_) return;
  for (; fresh < settings_.workers; ++fresh) {
    if (!hatch()) break;
  }
}

// An idle one: it ends by itself when its socket is closed.
void Adapter::Pool::retire(const WorkerRef& worker) {
  boost::system::error_code ignored;
  worker->closed = true;
  worker->socket.close(ignored);
  workers_.erase(worker->id);
  {
    const std::lock_guard lock(mutex_);
    ++status_.recycled;
  }
  tell_workers();
}

void Adapter::Pool::give(const WorkerRef& worker, std::shared_ptr<Job> job) {
  ++busy_;
  worker->account = job->account;
  worker->job = job;
  worker->spoke = false;
  worker->found.clear();
  job->begun = Clock::now();
  worker->timer.expires_at(std::min(job->until, job->begun + settings_.job_time));
  worker->timer.async_wait([this, worker, job](const auto& error) {
    if (!error && worker->job == job) on_overtime(worker);
  });
  const FrameHead frame{static_cast<std::uint32_t>(job->head.size() + job->size), FrameKind::task};
  worker->head = write_head(frame);
  const std::array<boost::asio::const_buffer, 3> buffers{
      boost::asio::buffer(worker->head), boost::asio::buffer(job->head), boost::asio::buffer(job->task.octets)};
  boost::asio::async_write(worker->socket, buffers, [this, worker, job](const auto& error, std::size_t) {
    if (worker->job != job) return;
    if (error)
      on_closed(worker, error);
    else
      read_frame(worker);
  });
  tell_workers();
}

void Adapter::Pool::read_frame(const WorkerRef& worker) {
  boost::asio::async_read(
      worker->socket, boost::asio::buffer(worker->head),
      [this, worker, job = worker->job](const auto& error, std::size_t) {
        if (worker->job != job) return;
        if (error) {
          on_closed(worker, error);
          return;
        }
        worker->spoke = true;
        const auto head = read_head({worker->head.data(), worker->head.size()});
        const std::size_t most =
            head && head->kind == FrameKind::converted ? settings_.result_octets + kOverhead : kOverhead;
        if (!head || head->length > most) {
          log::error("adapt", "a worker broke the protocol", {{"pid", std::to_string(worker->pid)}});
          kill(worker);
          bury(worker);
          return;
        }
        worker->payload.clear();
        read_payload(worker, *head);
      });
}

// Block by block: a length that is a lie costs nothing.
void Adapter::Pool::read_payload(const WorkerRef& worker, FrameHead head) {
  const std::size_t left = head.length - worker->payload.size();
  if (left == 0) {
    on_frame(worker, head.kind);
    return;
  }
  worker->socket.async_read_some(boost::asio::buffer(worker->block.data(), std::min(left, worker->block.size())),
                                 [this, worker, head, job = worker->job](const auto& error, std::size_t n) {
                                   if (worker->job != job) return;
                                   if (error) {
                                     on_closed(worker, error);
                                     return;
                                   }
                                   worker->payload.append(worker->block.data(), n);
                                   read_payload(worker, head);
                                 });
}

void Adapter::Pool::on_frame(const WorkerRef& worker, FrameKind kind) {
  if (kind == FrameKind::found) {
    if (auto found = read_found(worker->payload)) {
      worker->found = std::move(*found);
      tell_workers();
      read_frame(worker);
      return;
    }
  } else if (kind == FrameKind::converted) {
    if (auto done = read_converted(std::move(worker->payload))) {
      finish_job(worker, std::move(*done));
      return;
    }
  } else if (kind == FrameKind::refused) {
    if (auto refused = read_refused(worker->payload)) {
      finish_job(worker, std::move(*refused));
      return;
    }
  }
  log::error("adapt", "a worker broke the protocol", {{"pid", std::to_string(worker->pid)}});
  kill(worker);
  bury(worker);
}

void Adapter::Pool::finish_job(const WorkerRef& worker, Outcome outcome) {
  const auto job = std::exchange(worker->job, nullptr);
  const std::chrono::duration<double> took = Clock::now() - job->begun;
  worker->timer.cancel();
  worker->payload = {};
  ++worker->jobs;
  stillborn_ = 0;
  back_off_ = hatch_pause_ = kFirstPause;
  --busy_;
  turns_.done(job->account);
  answer(job, std::move(outcome), took.count(), worker->found);
  if (worker->jobs >= settings_.jobs) retire(worker);
  tell_workers();
  dispatch();
}

// Its end of the socket is closed while it has a task: it dies or is dead. How is told by the keeper. One that was dead
// already leaves more than an end behind: the task could not be written, or not all of it was read.
void Adapter::Pool::on_closed(const WorkerRef& worker, const boost::system::error_code& how) {
  worker->closed = true;
  worker->unread = !worker->spoke && how != boost::asio::error::eof;
  if (worker->status) {
    bury(worker);
    return;
  }
  worker->timer.expires_at(std::min(worker->job->until, Clock::now() + kStatusWait));
  worker->timer.async_wait([this, worker, job = worker->job](const auto& error) {
    if (error || worker->job != job) return;
    kill(worker);
    bury(worker);
  });
}

std::shared_ptr<Adapter::Pool::Job> Adapter::Pool::part(const WorkerRef& worker) {
  workers_.erase(worker->id);
  worker->timer.cancel();
  --busy_;
  return std::exchange(worker->job, nullptr);
}

void Adapter::Pool::bury(const WorkerRef& worker) {
  boost::system::error_code ignored;
  worker->socket.close(ignored);
  if (worker->unread) {
    if (worker->jobs == 0) note_stillborn(worker);
    try_again(worker);
    tell_workers();
    dispatch();
    return;
  }
  const auto job = part(worker);
  const std::chrono::duration<double> took = Clock::now() - job->begun;
  log::warn("adapt", "a worker died of its task",
            {{"job", std::to_string(job->id)},
             {"account", std::to_string(job->account)},
             {"pid", std::to_string(worker->pid)},
             {"how", how_it_died(worker->status)},
             {"declared", job->task.declared},
             {"found", worker->found},
             {"octets", std::to_string(job->size)}});
  turns_.done(job->account);
  {
    const std::lock_guard lock(mutex_);
    ++status_.crashes;
  }
  Refused refused = refuse(Refusal::crashed, "the conversion failed");
  refused.found = worker->found;
  answer(job, std::move(refused), took.count(), worker->found);
  tell_workers();
  dispatch();
}

// Its job is the next one of its account, once.
void Adapter::Pool::try_again(const WorkerRef& worker) {
  const auto job = part(worker);
  const bool again = !job->again && Clock::now() < job->until;
  log::warn("adapt", "a worker was lost, not by its task",
            {{"job", std::to_string(job->id)},
             {"account", std::to_string(job->account)},
             {"pid", std::to_string(worker->pid)},
             {"how", how_it_died(worker->status)},
             {"again", again ? "yes" : "no"}});
  if (again) {
    job->again = true;
    turns_.put_back(job->account, job);
    return;
  }
  turns_.done(job->account);
  const std::chrono::duration<double> took = Clock::now() - job->begun;
  answer(job, refuse(Refusal::busy, "no worker could be kept"), took.count(), worker->found);
}

void Adapter::Pool::on_overtime(const WorkerRef& worker) {
  kill(worker);
  const auto job = part(worker);
  const std::chrono::duration<double> took = Clock::now() - job->begun;
  log::warn("adapt", "a conversion took too long",
            {{"job", std::to_string(job->id)},
             {"account", std::to_string(job->account)},
             {"pid", std::to_string(worker->pid)},
             {"declared", job->task.declared},
             {"found", worker->found},
             {"octets", std::to_string(job->size)}});
  turns_.done(job->account);
  {
    const std::lock_guard lock(mutex_);
    ++status_.timeouts;
  }
  Refused refused = refuse(Refusal::timed_out, "the conversion took too long");
  refused.found = worker->found;
  answer(job, std::move(refused), took.count(), worker->found);
  tell_workers();
  dispatch();
}

void Adapter::Pool::kill(const WorkerRef& worker) {
  boost::system::error_code ignored;
  worker->closed = true;
  workers_.erase(worker->id);
  // The socket stays open for a write that is on its way; the last reference closes it.
  worker->socket.shutdown(boost::asio::local::stream_protocol::socket::shutdown_both, ignored);
  keeper_.kill(worker->id);
}

void Adapter::Pool::answer(const std::shared_ptr<Job>& job, Outcome outcome, double seconds, const std::string& found) {
  if (!job->done) return;
  {
    const std::lock_guard lock(mutex_);
    const auto* converted = std::get_if<Converted>(&outcome);
    auto* refused = std::get_if<Refused>(&outcome);
    if (refused != nullptr) {
      ++status_.refused[refused->why];
      if (refused->target.empty()) refused->target = job->task.target;
      if (refused->found.empty()) refused->found = found;
    } else {
      ++status_.done;
    }
    // Only pairs of our table, so that nobody can make labels.
    const Conversion* pair = find_conversion(found, converted != nullptr ? converted->type : refused->target);
    if (pair != nullptr) {
      ConversionCounts& counts = status_.conversions[std::string(pair->source) + ' ' + std::string(pair->target)];
      ++(converted != nullptr ? counts.done : counts.refused);
      counts.seconds += seconds;
      for (std::size_t i = 0; i < kLatencyBounds.size(); ++i) counts.took[i] += seconds <= kLatencyBounds[i] ? 1U : 0U;
      ++counts.took.back();
    }
  }
  const auto done = std::exchange(job->done, nullptr);
  done(std::move(outcome));
}

void Adapter::Pool::sweep() {
  const auto now = Clock::now();
  turns_.remove_if([&](const std::shared_ptr<Job>& job) {
    if (now < job->until) return false;
    answer(job, refuse(Refusal::busy, "no worker became free in time"), 0, {});
    return true;
  });
  dispatch();
  sweeper_.expires_after(kSweep);
  sweeper_.async_wait([this](const auto& error) {
    if (!error && !stopping_) sweep();
  });
}

void Adapter::Pool::tell_workers() {
  const std::lock_guard lock(mutex_);
  status_.workers.clear();
  for (const auto& [id, worker] : workers_)
    status_.workers.push_back({worker->pid, worker->job != nullptr, worker->jobs, worker->found});
}

AdapterStatus Adapter::Pool::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Adapter::Pool::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    // After all that was submitted before.
    boost::asio::post(io_, [this] {
      stopping_ = true;
      turns_.remove_if([this](const std::shared_ptr<Job>& job) {
        answer(job, refuse(Refusal::busy, "the service is stopping"), 0, {});
        return true;
      });
      for (const auto& [id, worker] : workers_) {
        if (const auto job = std::exchange(worker->job, nullptr))
          answer(job, refuse(Refusal::busy, "the service is stopping"), 0, worker->found);
        boost::system::error_code ignored;
        worker->timer.cancel();
        worker->socket.close(ignored);
      }
      workers_.clear();
      keeper_.end();
      io_.stop();
    });
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  status_.running = false;
  status_.workers.clear();
  status_.waiting = 0;
}

}  // namespace cpm::adapt
