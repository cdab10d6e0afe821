// The keeper of the media workers, the whole of the program cpmstore-adapt: loads the decoders, then makes a jailed
// worker by fork() whenever the server asks for one over descriptor 3, kills it when told to, and tells how it ended.
// It reads no media itself. See adapt/keeper.h for the other end. Runs on: the only thread of the process.
#pragma once

#include "adapt/worker/serve.h"

namespace cpm::adapt::worker {

// The program's exit code. `work` is what a worker does with a task: work() but in tests.
[[nodiscard]] int keep(int argc, char** argv, Work work);

}  // namespace cpm::adapt::worker
