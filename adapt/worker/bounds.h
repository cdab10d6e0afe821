// What a worker may take on, from the command line of cpmstore-adapt; read by all decoders before they decode.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace cpm::adapt::worker {

struct Bounds {
  std::uint64_t memory = 512ULL << 20;        // octets
  std::uint64_t pixels = 100'000'000;         // of a picture, or of all frames of an animation
  std::size_t frames = 500;                   // of an animation
  std::chrono::seconds duration{4 * 3600};    // of audio that is converted
  std::uint64_t octets = 32ULL << 20;         // of a source
  std::uint64_t result_octets = 64ULL << 20;  // of a result
  std::uint64_t cpu = 3600;                   // seconds of a worker's life
};

}  // namespace cpm::adapt::worker
