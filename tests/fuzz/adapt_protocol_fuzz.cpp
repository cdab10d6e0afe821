// Fuzz target: what a worker that was taken over may say to the server.
#include "adapt/protocol.h"

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cpm::adapt;
  const std::string octets(reinterpret_cast<const char*>(data), size);
  if (size >= kFrameHead) (void)read_head(octets);
  (void)read_found(octets);
  (void)read_task(octets);
  if (const auto done = read_converted(octets)) {
    for (const auto* pairs : {&done->facts, &done->parameters})
      for (const auto& [name, value] : *pairs)
        if (name.find_first_of("\r\n") != std::string::npos || value.find_first_of("\r\n") != std::string::npos)
          std::abort();
  }
  if (const auto refused = read_refused(octets)) {
    if (refused->why > Refusal::too_large || refused->detail.find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
