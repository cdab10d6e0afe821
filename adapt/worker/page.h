// PDF by poppler: the first page as a picture. It runs no scripts and no programs, and follows no links.
// Runs on: one thread.
#pragma once

#include "adapt/task.h"
#include "adapt/worker/bounds.h"

namespace cpm::adapt::worker {

void prepare_pages();
// pages, width and height of the first one in points.
[[nodiscard]] Parameters page_facts(const std::string& octets);
[[nodiscard]] Converted first_page(const Task& task, const Bounds& bounds);

}  // namespace cpm::adapt::worker
