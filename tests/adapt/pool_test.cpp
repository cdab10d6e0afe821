// Many tasks at a time: bounded queues, turns, and workers that see one account only.
#include "adapt/protocol.h"
#include "adapt/turns.h"
#include "tests/adapt/jailed.h"
#include "tests/adapt/samples.h"

#include <dirent.h>

#include <atomic>
#include <set>
#include <vector>

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::test;

TEST(Turns, GoRound) {
  Turns<int> turns(100, 10);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(turns.push(1, 10 + i));
  EXPECT_TRUE(turns.push(2, 20));
  EXPECT_TRUE(turns.push(3, 30));
  std::vector<int> order;
  while (auto next = turns.pop()) {
    order.push_back(next->second);
    turns.done(next->first);
  }
  EXPECT_EQ(order, (std::vector<int>{10, 20, 30, 11, 12, 13}));
}

TEST(Turns, WhoHasLessAtWorkGoesFirst) {
  Turns<int> turns(100, 10);
  EXPECT_TRUE(turns.push(1, 10));
  EXPECT_TRUE(turns.push(1, 11));
  EXPECT_EQ(turns.pop()->second, 10);
  EXPECT_TRUE(turns.push(2, 20));
  EXPECT_EQ(turns.pop()->second, 20);
  EXPECT_EQ(turns.pop()->second, 11);
}

TEST(Turns, AreBounded) {
  Turns<int> turns(3, 2);
  EXPECT_TRUE(turns.push(1, 1));
  EXPECT_TRUE(turns.push(1, 2));
  EXPECT_FALSE(turns.push(1, 3));
  EXPECT_TRUE(turns.push(2, 4));
  EXPECT_FALSE(turns.push(3, 5));
  EXPECT_EQ(turns.size(), 3U);
  turns.remove_if([](int i) { return i == 1; });
  EXPECT_TRUE(turns.push(3, 5));
  EXPECT_EQ(turns.size(), 3U);
}

TEST(Turns, WhatIsPutBackIsNext) {
  Turns<int> turns(3, 2);
  EXPECT_TRUE(turns.push(1, 10));
  EXPECT_TRUE(turns.push(2, 20));
  auto first = turns.pop();
  ASSERT_EQ(first->second, 10);
  EXPECT_TRUE(turns.push(1, 11));
  EXPECT_TRUE(turns.push(1, 12));
  turns.put_back(1, first->second);
  EXPECT_EQ(turns.size(), 4U);
  std::vector<int> order;
  while (auto next = turns.pop()) {
    order.push_back(next->second);
    turns.done(next->first);
  }
  EXPECT_EQ(order, (std::vector<int>{20, 10, 11, 12}));
}

// What the status says soon: it is brought up to date behind the answers.
template <class Predicate>
bool soon(Jailed& jailed, Predicate holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds(jailed.adapter().status())) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

TEST(Pool, AHundredTasksOnTwoWorkers) {
  Jailed jailed(settings(2));
  const std::string source = picture("JPEG", 400, 300);
  std::vector<std::future<Outcome>> all;
  for (int i = 0; i < 100; ++i)
    all.push_back(jailed.begin(task("image/jpeg", "image/png", source, {{"pix-x", "40"}}), i % 7));
  for (auto& one : all) EXPECT_EQ(look(good(one.get()).octets).corners(), "rgby");
  const AdapterStatus status = jailed.adapter().status();
  EXPECT_EQ(status.tasks, 100U);
  EXPECT_EQ(status.done, 100U);
  EXPECT_EQ(status.waiting, 0U);
  EXPECT_TRUE(soon(jailed, [](const AdapterStatus& now) { return now.workers.size() <= 4; }))
      << "two workers, and two that stand ready";
  const ConversionCounts& counts = status.conversions.at("image/jpeg image/png");
  EXPECT_EQ(counts.done, 100U);
  EXPECT_EQ(counts.took.back(), 100U);
}

TEST(Pool, AnAccountThatAsksForMuchDoesNotHoldUpAnother) {
  Jailed jailed(settings(1));
  const std::string source = picture("PNG", 600, 400, true);
  std::atomic<int> finished{0};
  std::vector<std::future<Outcome>> many;
  for (int i = 0; i < 40; ++i) many.push_back(jailed.begin(task("image/png", "image/jpeg", source), 1));
  auto other = jailed.begin(task("image/png", "image/jpeg", source), 2);
  (void)good(other.get());
  for (auto& one : many)
    if (one.wait_for(std::chrono::seconds(0)) == std::future_status::ready) ++finished;
  EXPECT_LT(finished, 20);
  for (auto& one : many) (void)good(one.get());
}

TEST(Pool, AFullQueueIsBusy) {
  AdapterSettings with = settings(1);
  with.queue = 5;
  with.account_queue = 3;
  with.job_time = std::chrono::seconds(2);
  Jailed jailed(with);
  std::vector<std::future<Outcome>> all;
  for (int i = 0; i < 30; ++i) all.push_back(jailed.begin(task("test/sleep", "", "x"), i % 3, std::chrono::seconds(3)));
  int busy = 0;
  for (auto& one : all) busy += bad(one.get()).why == Refusal::busy ? 1 : 0;
  EXPECT_GE(busy, 24);
  EXPECT_LT(busy, 30);
  EXPECT_EQ(jailed.adapter().status().refused.at(Refusal::busy), static_cast<std::uint64_t>(busy));
}

TEST(Pool, WhatWaitsForTooLongIsToldSo) {
  Jailed jailed(settings(1));
  auto hog = jailed.begin(task("test/sleep", "", "x"), 1, std::chrono::seconds(3));
  const Refused late = bad(jailed.convert(task("text/plain", "", "x"), 2, std::chrono::milliseconds(200)));
  EXPECT_EQ(late.why, Refusal::busy);
  EXPECT_EQ(bad(hog.get()).why, Refusal::timed_out);
}

TEST(Pool, NoWorkerSeesTwoAccounts) {
  Jailed jailed(settings(1));
  std::set<int> pids;
  for (std::int64_t account = 1; account <= 6; ++account) {
    for (int i = 0; i < 2; ++i) (void)good(jailed.convert(task("text/plain", "", "x"), account));
    // One worker has done both; that of the account before is gone.
    EXPECT_TRUE(soon(jailed, [&](const AdapterStatus& now) {
      int used = 0, pid = 0;
      for (const WorkerStatus& worker : now.workers) {
        if (worker.jobs == 0) continue;
        if (worker.jobs != 2) return false;
        ++used;
        pid = worker.pid;
      }
      if (used == 1) pids.insert(pid);
      return used == 1;
    })) << account;
  }
  EXPECT_EQ(pids.size(), 6U);
}

TEST(Pool, WorkersAreReplacedAfterTheirTasks) {
  AdapterSettings with = settings(1);
  with.jobs = 5;
  Jailed jailed(with);
  for (int i = 0; i < 23; ++i) (void)good(jailed.convert(task("text/plain", "", "x")));
  EXPECT_EQ(jailed.adapter().status().recycled, 4U);
  EXPECT_EQ(jailed.adapter().status().crashes, 0U);
}

TEST(Pool, DescriptorsAreGivenBack) {
  Jailed jailed(settings(2));
  const auto round = [&] {
    for (int i = 0; i < 30; ++i) {
      (void)good(jailed.convert(task("text/plain", "", "x"), i));
      if (i % 10 == 0) (void)bad(jailed.convert(task("test/crash", "", "x"), i));
    }
  };
  round();
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 3; ++i) round();
  EXPECT_LE(open_descriptors(), before + 4);
}

TEST(Pool, AProgramThatIsNotThereIsBusy) {
  AdapterSettings with = settings(1);
  with.program = "/nonexistent/cpmstore-adapt";
  Jailed jailed(with);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(bad(jailed.convert(task("text/plain", "", "x"))).why, Refusal::busy);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10)) << "nothing to wait for";
  EXPECT_FALSE(jailed.adapter().status().running);
  EXPECT_NE(jailed.adapter().status().problem, "");
}

TEST(Pool, AProgramThatIsAnotherIsBusy) {
  AdapterSettings with = settings(1);
  with.program = "/bin/true";
  Jailed jailed(with);
  const Refused refused = bad(jailed.convert(task("text/plain", "", "x"), 1, std::chrono::seconds(2)));
  EXPECT_EQ(refused.why, Refusal::busy);
  EXPECT_EQ(refused.detail, "media conversion is not available") << "the next attempt comes too late";
}

TEST(Pool, StoppingRefusesWhatIsThere) {
  auto jailed = std::make_unique<Jailed>(settings(1));
  auto working = jailed->begin(task("test/sleep", "", "x"));
  auto waiting = jailed->begin(task("text/plain", "", "x"));
  jailed->adapter().stop();
  EXPECT_EQ(bad(working.get()).why, Refusal::busy);
  EXPECT_EQ(bad(waiting.get()).why, Refusal::busy);
  EXPECT_EQ(bad(jailed->convert(task("text/plain", "", "x"))).why, Refusal::busy);
  jailed->adapter().stop();
}

TEST(Pool, ASourceAboveTheBoundIsNotSent) {
  AdapterSettings with = settings(1);
  with.octets = 1000;
  Jailed jailed(with);
  EXPECT_EQ(bad(jailed.convert(task("text/plain", "", std::string(1001, 'x')))).why, Refusal::too_large);
  (void)good(jailed.convert(task("text/plain", "", std::string(1000, 'x'))));
}

// As many as are allowed, as long as they may be: more than a frame has room for.
TEST(Pool, ParametersThatAreTooMuchAreRefused) {
  Jailed jailed(settings(1));
  Parameters many;
  for (int i = 0; i < 32; ++i) many[std::string(1020, 'n') + std::to_string(i)] = std::string(1024, 'v');
  EXPECT_EQ(bad(jailed.convert(task("text/plain", "", "x", many))).why, Refusal::bad_parameters);
}

TEST(Protocol, TasksComeBack) {
  Task one = task("image/png", "image/jpeg", std::string("a\0b", 3), {{"pix-x", "5"}});
  one.charset = "utf-8";
  const auto back = read_task(write_task(one) + one.octets);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->declared, "image/png");
  EXPECT_EQ(back->charset, "utf-8");
  EXPECT_EQ(back->target, "image/jpeg");
  EXPECT_EQ(back->parameters, one.parameters);
  EXPECT_EQ(back->octets, one.octets);
}

TEST(Protocol, AWorkersWordsAreChecked) {
  Converted done;
  done.type = "image/jpeg";
  done.found = "image/png";
  done.facts["width"] = "5";
  done.octets = "x";
  EXPECT_TRUE(read_converted(write_converted(done) + done.octets));
  done.facts["width"] = "5\r\n";
  EXPECT_FALSE(read_converted(write_converted(done)));
  done.facts.clear();
  done.type = "text/evil";
  EXPECT_FALSE(read_converted(write_converted(done)));
  Refused refused;
  refused.why = Refusal::busy;
  EXPECT_FALSE(read_refused(write_refused(refused)));
  refused.why = Refusal::too_large;
  EXPECT_TRUE(read_refused(write_refused(refused)));
  const std::string whole = write_converted(done);
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(read_converted(whole.substr(0, size)));
  EXPECT_FALSE(read_head(std::string("\0\0\0\0\x09", 5)));
}

}  // namespace
