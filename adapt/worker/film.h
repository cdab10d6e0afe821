// Films by libav: a poster, that is one frame as a picture, and facts. Only the demuxer that the octets call for is
// used, nothing outside them is opened, and a decoder runs in this thread alone. Runs on: one thread.
#pragma once

#include "adapt/task.h"
#include "adapt/worker/bounds.h"

namespace cpm::adapt::worker {

void prepare_films();
[[nodiscard]] Parameters film_facts(const std::string& octets, const std::string& type, const Bounds& bounds);
[[nodiscard]] Converted poster(const Task& task, const std::string& found, const Bounds& bounds);

}  // namespace cpm::adapt::worker
