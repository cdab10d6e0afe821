// Whether the facts of an object are enough and possible: what each kind of section 1 needs in its generation, and that
// nothing breaks out of its line.
// Runs on: any thread. Pure.
#pragma once

#include "admin/deposit/facts.h"
#include "admin/deposit/object_builder.h"

namespace cpm::deposit {

// With the facts that follow from others or from the options.
[[nodiscard]] Facts completed(const Facts& given, const BuildOptions& options);

// REQUIRES: completed. Failure::invalid names the fact.
[[nodiscard]] Result<void> check_facts(const Facts& facts);

}  // namespace cpm::deposit
