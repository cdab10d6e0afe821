// Fuzz target: octets of any kind through all that a worker does with a task, without the jail. The first octet chooses
// the target and a parameter, so that a corpus reaches all decoders.
#include "adapt/conversions.h"
#include "adapt/worker/work.h"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace cpm::adapt;

void require(bool holds) {
  if (!holds) std::abort();
}

const worker::Bounds& bounds() {
  static const worker::Bounds kept = [] {
    worker::Bounds small;
    small.memory = 256ULL << 20;
    small.pixels = 4'000'000;
    small.frames = 20;
    small.duration = std::chrono::seconds(60);
    small.result_octets = 16ULL << 20;
    worker::prepare(small);
    return small;
  }();
  return kept;
}

}  // namespace

// What a library keeps for the life of the process.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig\n"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static constexpr const char* kTargets[] = {"",          "application/json", "image/png",
                                             "image/gif", "audio/wav",        "text/plain"};
  Task task;
  task.target = kTargets[data[0] % 6];
  if (task.target.starts_with("image/")) task.parameters["pix-x"] = "32";
  task.octets.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string told;
  const Outcome outcome = worker::work(task, bounds(), [&](const std::string& found) { told = found; });
  if (const auto* done = std::get_if<Converted>(&outcome)) {
    require(done->found == told && find_conversion(done->found, done->type) != nullptr);
    require(done->octets.size() <= bounds().result_octets && !done->mislabelled);
  } else {
    const Refused& refused = std::get<Refused>(outcome);
    require(!refused.detail.empty() && refused.why <= Refusal::too_large);
  }
  return 0;
}
