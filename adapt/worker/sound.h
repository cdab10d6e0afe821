// Sounds by libav: facts, and from one common format to another.
// Runs on: one thread.
#pragma once

#include "adapt/task.h"
#include "adapt/worker/bounds.h"

namespace cpm::adapt::worker {

void prepare_sounds();
[[nodiscard]] Parameters sound_facts(const std::string& octets, const std::string& type);
[[nodiscard]] Converted convert_sound(const Task& task, const std::string& found, const Bounds& bounds);

}  // namespace cpm::adapt::worker
