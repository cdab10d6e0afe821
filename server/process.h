// Child processes: a program run to its end, and a long-lived child in its own session that ends with this process.
// Runs on: the main thread only, because the death signal of a child follows the thread that made it; kill_family() and
// describe_status() on any.
#pragma once

#include "base/result.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace cpm::server {

struct Program {
  std::vector<std::string> arguments;  // the first one is the path
  std::string input;                   // for its standard input
};

struct Ended {
  int status = 0;      // exit code, or 128 + signal
  std::string output;  // standard output and standard error together, the last 64 KiB of them
};

// Runs to the end. An Error only when the program could not be run at all.
[[nodiscard]] Result<Ended> run_program(const Program& program);

// Starts a child in its own session; its output goes to the end of `log`. It gets `death_signal` when this process
// dies.
[[nodiscard]] Result<pid_t> start_child(const Program& program, const std::string& log, int death_signal);

// Kills a process and its children, also when they are stopped or hang.
void kill_family(pid_t parent);

// "exit code 1", "signal 9 (Killed)": from a status of waitpid().
[[nodiscard]] std::string describe_status(int wait_status);

}  // namespace cpm::server
