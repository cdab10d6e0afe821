// What is known of a piece of media, as JSON: {"type":"audio/amr","duration":12.3,"codec":"amr_nb",…}. Names are those
// of Converted::facts; numbers are numbers. Runs on: one thread.
#pragma once

#include "adapt/task.h"

#include <string>

namespace cpm::adapt::worker {

[[nodiscard]] std::string facts_as_json(const std::string& type, const Parameters& facts);

}  // namespace cpm::adapt::worker
