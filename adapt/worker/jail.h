// The jail of a worker: limits of memory, processor time, files and processes, no new privileges, and a list of the few
// system calls that decoding in memory needs. Any other call ends the process (SIGSYS): opening a file, a socket,
// making a process or thread, running a program, looking into another process. In builds with a sanitizer the list is
// longer by what its run-time needs, and memory is not limited, because the sanitizer reserves address space without
// end. Workers have a lower priority than the server. Runs on: the only thread of a process.
#pragma once

#include <cstdint>
#include <string>

namespace cpm::adapt::worker {

struct JailSettings {
  std::uint64_t memory = 0;  // octets on top of what is mapped now
  std::uint64_t cpu = 0;     // seconds, of the whole life
  int job = -1;              // the only descriptor to read from; written to are this and standard error
};

// For the keeper, before it has read anything: the first to be ended when memory is short, another user when it is
// root, and namespaces without network where the system allows them. Returns a note on what is not to be had here; the jail holds without it.
[[nodiscard]] std::string leave_the_world();

// Closes the jail. Ends the process with a message when that is not possible.
void close_jail(const JailSettings& settings);

// Libraries that ask the C library for an optional file (fonts, tables) are told no from then on, instead of being
// killed.
[[nodiscard]] bool jailed() noexcept;

}  // namespace cpm::adapt::worker
