// A worker does what it must not: it dies of it, the caller gets one refusal, and the next task works.
#include "tests/adapt/jailed.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::test;

void expect_works(Jailed& jailed) {
  const Converted done = good(jailed.convert(task("text/plain", "text/plain", "still here")));
  EXPECT_EQ(done.octets, "still here");
}

TEST(Jail, ForbiddenCallsEndTheWorker) {
  Jailed jailed;
  std::uint64_t crashes = 0;
  for (const auto* what : {"socket", "open", "create", "open-old", "fork", "clone3", "exec", "ptrace", "kill",
                           "connect", "memfd", "read-other", "executable", "unlink", "io_uring", "setuid"}) {
    const Refused refused = bad(jailed.convert(task(std::string("test/") + what, "", "x")));
    EXPECT_EQ(refused.why, Refusal::crashed) << what << ": " << refused.detail;
    expect_works(jailed);
    EXPECT_EQ(jailed.adapter().status().crashes, ++crashes) << what;
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/from-the-jail"));
}

TEST(Jail, ALibraryThatAsksForAFileIsToldNo) {
  Jailed jailed;
  EXPECT_EQ(bad(jailed.convert(task("test/fopen", "", "x"))).detail, "no file");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(Jail, MemoryHasABound) {
  AdapterSettings with = settings();
  with.memory = 256ULL << 20;
  Jailed jailed(with);
  const Refused refused = bad(jailed.convert(task("test/memory", "", "x")));
  EXPECT_EQ(refused.why, Refusal::too_large);
  const int megabytes = std::stoi(refused.detail);
  EXPECT_GT(megabytes, 100);
  EXPECT_LE(megabytes, 256);
  expect_works(jailed);
}
#endif

TEST(Jail, WorkersLetOthersGoFirst) {
  Jailed jailed;
  expect_works(jailed);
  const auto workers = jailed.adapter().status().workers;
  ASSERT_FALSE(workers.empty());
  EXPECT_GE(::getpriority(PRIO_PROCESS, static_cast<id_t>(workers.front().pid)), 10);
  std::ifstream file("/proc/" + std::to_string(workers.front().pid) + "/oom_score_adj");
  int score = 0;
  file >> score;
  EXPECT_GE(score, 500);
}

TEST(Jail, AWorkerThatHangsIsEnded) {
  AdapterSettings with = settings();
  with.job_time = std::chrono::seconds(1);
  Jailed jailed(with);
  expect_works(jailed);
  EXPECT_EQ(bad(jailed.convert(task("test/sleep", "", "x"))).why, Refusal::timed_out);
  EXPECT_EQ(jailed.adapter().status().timeouts, 1U);
}

TEST(Jail, TheCallersDeadlineEndsTheWorkToo) {
  Jailed jailed;
  expect_works(jailed);
  EXPECT_EQ(bad(jailed.convert(task("test/sleep", "", "x"), 1, std::chrono::milliseconds(300))).why,
            Refusal::timed_out);
  expect_works(jailed);
}

TEST(Jail, ACrashIsOneRefusal) {
  Jailed jailed;
  EXPECT_EQ(bad(jailed.convert(task("test/crash", "", "x"))).why, Refusal::crashed);
  EXPECT_EQ(bad(jailed.convert(task("test/abort", "", "x"))).why, Refusal::crashed);
  expect_works(jailed);
  EXPECT_EQ(jailed.adapter().status().crashes, 2U);
}

TEST(Jail, AWorkerThatBreaksTheProtocolIsEnded) {
  Jailed jailed;
  EXPECT_EQ(bad(jailed.convert(task("test/nonsense", "", "x"))).why, Refusal::crashed);
  EXPECT_EQ(bad(jailed.convert(task("test/lie", "", "x"))).why, Refusal::crashed);
  expect_works(jailed);
}

TEST(Jail, AFloodOnStandardErrorHarmsNothing) {
  Jailed jailed;
  EXPECT_EQ(bad(jailed.convert(task("test/chatter", "", "x"))).detail, "said it all");
  expect_works(jailed);
}

TEST(Jail, AWorkerKilledInTheMiddleCostsOneRefusal) {
  Jailed jailed;
  auto waiting = jailed.begin(task("test/sleep", "", "x"));
  const int pid = busy_worker(jailed.adapter());
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_EQ(bad(waiting.get()).why, Refusal::crashed);
  expect_works(jailed);
}

TEST(Jail, WhatTheKernelSaysOfAWorker) {
  Jailed jailed;
  expect_works(jailed);  // the same worker goes on
  auto waiting = jailed.begin(task("test/sleep", "", "x"), 1, std::chrono::seconds(10));
  const int pid = busy_worker(jailed.adapter());
  ASSERT_GT(pid, 0);
  EXPECT_EQ(status_line(pid, "Seccomp:"), "\t2");
  EXPECT_EQ(status_line(pid, "NoNewPrivs:"), "\t1");
  EXPECT_EQ(status_line(pid, "Threads:"), "\t1");
  EXPECT_EQ(status_line(pid, "CapEff:"), "\t0000000000000000");
  EXPECT_NE(status_line(pid, "Uid:").substr(0, 3), "\t0\t");
  ::kill(pid, SIGKILL);
  EXPECT_EQ(bad(waiting.get()).why, Refusal::crashed);
}

TEST(Jail, TheKeeperKilledIsStartedAgain) {
  Jailed jailed;
  expect_works(jailed);
  const auto workers = jailed.adapter().status().workers;
  ASSERT_FALSE(workers.empty());
  const std::string parent = status_line(workers.front().pid, "PPid:");
  const int keeper = std::stoi(parent);
  ASSERT_GT(keeper, 1);
  ASSERT_EQ(::kill(keeper, SIGKILL), 0);
  const auto gone = [&] {
    return std::none_of(workers.begin(), workers.end(),
                        [&](const WorkerStatus& worker) { return status_line(worker.pid, "PPid:") == parent; });
  };
  for (int tries = 0; tries < 1000 && !gone(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(gone());  // its workers go with it
  expect_works(jailed);
}

}  // namespace
