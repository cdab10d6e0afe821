// A worker's life: tasks come over a socket, one at a time, until it is closed.
// Runs on: the only thread of the process.
#pragma once

#include "adapt/task.h"
#include "adapt/worker/bounds.h"

#include <functional>
#include <string>

namespace cpm::adapt::worker {

using Work = Outcome (*)(const Task& task, const Bounds& bounds, const std::function<void(const std::string&)>& found);

// The exit code: 0 when the server closed the socket.
[[nodiscard]] int serve(int socket, const Bounds& bounds, Work work);

}  // namespace cpm::adapt::worker
