// HEIC by libheif, without threads.
// Runs on: one thread.
#pragma once

#include <Magick++.h>

#include <cstdint>
#include <string>
#include <utility>

namespace cpm::adapt::worker {

// Of the primary picture, upright, from the header. Throws Stop.
[[nodiscard]] std::pair<std::uint64_t, std::uint64_t> heic_size(const std::string& octets);

// The primary picture; an embedded thumbnail when that is not smaller than `side`, 0: never.
[[nodiscard]] Magick::Image read_heic(const std::string& octets, std::size_t side);

}  // namespace cpm::adapt::worker
