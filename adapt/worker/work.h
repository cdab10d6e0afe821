// One task from its octets to its result: finds out what they are, chooses the conversion, and calls the decoder.
// Runs on: the only thread of a worker; also of tests and fuzz targets, which call it without a jail.
#pragma once

#include "adapt/task.h"
#include "adapt/worker/bounds.h"

#include <functional>
#include <string>
#include <utility>

namespace cpm::adapt::worker {

// Thrown by decoders; never leaves work().
struct Stop {
  Refusal why;
  std::string detail;
  std::vector<std::string> parameters = {};
};

// Loads what the libraries need from files and makes them allocate what they keep, so that work() opens nothing.
void prepare(const Bounds& bounds);

// `found` is called before anything is decoded.
[[nodiscard]] Outcome work(const Task& task, const Bounds& bounds,
                           const std::function<void(const std::string&)>& found);

// For decoders: the number of a parameter, 0 when it is not given.
[[nodiscard]] std::int64_t number_of(const Parameters& parameters, const std::string& name);

}  // namespace cpm::adapt::worker
