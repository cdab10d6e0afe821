// The media workers of this node (adapt/adapter.h): made from the `adapt.*` keys, and what cpmctl is told of them.
// Runs on: make_adapter() the main thread at start, the rest any.
#pragma once

#include "adapt/adapter.h"
#include "base/config.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace cpm::server {

// Null, with a line in the log, when workers are switched off or their program is not there: CONVERT is not offered.
[[nodiscard]] std::unique_ptr<adapt::Adapter> make_adapter(const Config& config);

// The program: adapt.program, or cpmstore-adapt beside the running one.
[[nodiscard]] std::string adapt_program(const Config& config);

[[nodiscard]] nlohmann::json worker_status(const adapt::Adapter& adapter);

}  // namespace cpm::server
