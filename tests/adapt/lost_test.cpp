// Workers and keepers that are lost by nothing that a task could do: who asks does not notice.
#include "tests/adapt/jailed.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::test;

std::vector<WorkerStatus> known_workers(Jailed& jailed) {
  for (int tries = 0; tries < 1000; ++tries) {
    auto workers = jailed.adapter().status().workers;
    const auto known = [](const WorkerStatus& worker) { return worker.pid > 0; };
    if (!workers.empty() && std::all_of(workers.begin(), workers.end(), known)) return workers;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {};
}

int keeper_of(Jailed& jailed) {
  const auto workers = known_workers(jailed);
  return workers.empty() ? 0 : std::stoi("0" + status_line(workers.front().pid, "PPid:").substr(1));
}

bool gone(int pid) {
  const std::string state = status_line(pid, "State:");
  return state.empty() || state.starts_with("\tZ") || state.starts_with("\tX");
}

// Ends a process and waits until its descriptors are closed.
void end(int pid) {
  ASSERT_GT(pid, 1);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  for (int tries = 0; tries < 2000 && !gone(pid); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_TRUE(gone(pid));
}

void expect_works(Jailed& jailed) {
  EXPECT_EQ(good(jailed.convert(task("text/plain", "text/plain", "still here"))).octets, "still here");
}

// Of the account that it served, it would be the one to take the next task. Nobody hears of its death before.
TEST(Lost, AWorkerThatIsDeadAlreadyCostsNothing) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{4} << 20}) {
    Jailed jailed;
    expect_works(jailed);
    const int keeper = keeper_of(jailed);
    ASSERT_GT(keeper, 1);
    ASSERT_EQ(::kill(keeper, SIGSTOP), 0);
    for (const WorkerStatus& worker : known_workers(jailed)) end(worker.pid);
    auto waiting = jailed.begin(task("text/plain", "", std::string(size, 'x')));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ASSERT_EQ(::kill(keeper, SIGCONT), 0);
    EXPECT_EQ(good(waiting.get()).octets.size(), size);
    EXPECT_EQ(jailed.adapter().status().crashes, 0U);
    EXPECT_EQ(jailed.adapter().status().refused.size(), 0U);
    expect_works(jailed);
  }
}

TEST(Lost, AWorkerThatDiesWithTheTaskUnread) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{4} << 20}) {
    Jailed jailed;
    expect_works(jailed);
    for (const WorkerStatus& worker : known_workers(jailed)) ASSERT_EQ(::kill(worker.pid, SIGSTOP), 0);
    auto waiting = jailed.begin(task("text/plain", "", std::string(size, 'x')));
    const int pid = busy_worker(jailed.adapter());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    end(pid);
    EXPECT_EQ(good(waiting.get()).octets.size(), size);
    EXPECT_EQ(jailed.adapter().status().crashes, 0U);
  }
}

TEST(Lost, OnceMoreAndNotForEver) {
  Jailed jailed;
  expect_works(jailed);
  const int keeper = keeper_of(jailed);
  auto waiting = jailed.begin(task("test/rest", "", "x"));
  ASSERT_GT(busy_worker(jailed.adapter()), 0);
  end(keeper);
  int second = 0;
  for (int tries = 0; tries < 2000 && (second = busy_worker(jailed.adapter())) != 0; ++tries) {
    const std::string parent = status_line(second, "PPid:");
    if (!parent.empty() && std::stoi(parent) != keeper && std::stoi(parent) != 1) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  end(std::stoi("0" + status_line(second, "PPid:").substr(1)));
  const Refused refused = bad(waiting.get());
  EXPECT_EQ(refused.why, Refusal::busy);
  EXPECT_EQ(refused.detail, "no worker could be kept");
  EXPECT_EQ(jailed.adapter().status().crashes, 0U);
  expect_works(jailed);
}

TEST(Lost, WhatTheKeeperTakesWithItIsDoneByTheNext) {
  Jailed jailed;
  expect_works(jailed);
  const int keeper = keeper_of(jailed);
  auto working = jailed.begin(task("test/rest", "", "x"));
  auto behind = jailed.begin(task("text/plain", "", "behind"));
  ASSERT_GT(busy_worker(jailed.adapter()), 0);
  end(keeper);
  auto later = jailed.begin(task("text/plain", "", "later"), 2);
  EXPECT_EQ(bad(working.get()).detail, "rested");
  EXPECT_EQ(good(behind.get()).octets, "behind");
  EXPECT_EQ(good(later.get()).octets, "later");
  EXPECT_EQ(jailed.adapter().status().crashes, 0U);
  EXPECT_EQ(jailed.adapter().status().refused.count(Refusal::busy), 0U);
}

// The pauses between its starts grow with each death, and still nobody is refused who has the time.
TEST(Lost, AKeeperThatDiesAgainAndAgain) {
  Jailed jailed;
  for (int i = 0; i < 4; ++i) {
    const int keeper = keeper_of(jailed);
    end(keeper);
    EXPECT_EQ(good(jailed.convert(task("text/plain", "", "x"), i, std::chrono::seconds(60))).octets, "x");
  }
  EXPECT_EQ(jailed.adapter().status().refused.size(), 0U);
}

TEST(Lost, TheQueueIsBoundedWhileThereIsNoKeeper) {
  AdapterSettings with = settings();
  with.program = "/bin/true";  // ends at once
  with.queue = 5;
  with.account_queue = 3;
  Jailed jailed(with);
  std::vector<std::future<Outcome>> all;
  for (int i = 0; i < 30; ++i) all.push_back(jailed.begin(task("text/plain", "", "x"), i % 3, std::chrono::seconds(1)));
  int full = 0;
  for (auto& one : all) full += bad(one.get()).detail == "too many conversions are waiting" ? 1 : 0;
  EXPECT_EQ(full, 25);
}

// None can be made when all descriptors are taken: tasks wait until there are some again.
TEST(Lost, WithoutDescriptorsTasksWait) {
  Jailed jailed;
  expect_works(jailed);
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit few{3, files.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<std::future<Outcome>> all;
  for (int account = 2; account < 8; ++account) all.push_back(jailed.begin(task("text/plain", "", "x"), account));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  for (auto& one : all) EXPECT_EQ(good(one.get()).octets, "x");
}

}  // namespace
