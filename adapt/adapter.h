// Media adaptation for the server: a pool of jailed children of the program cpmstore-adapt, which alone decodes what
// strangers sent (design decision 11, docs/decisions/0050). A child that dies, hangs or talks nonsense costs one
// Refused and a line in the log; one that was gone before it had read its task, or went with the keeper, costs nothing:
// another one gets the task, once. No child ever sees octets of two accounts.
// Waiting tasks have their turn account by account; queues are bounded.
// Runs on: convert() any executor, the caller is resumed there; the rest any thread. It has one thread of its own.
#pragma once

#include "adapt/conversions.h"
#include "adapt/task.h"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::adapt {

struct AdapterSettings {
  std::string program;                        // path of cpmstore-adapt
  std::size_t workers = 1;                    // that work at a time; as many again may stand ready
  std::uint64_t memory = 512ULL << 20;        // octets that one may allocate for its work
  std::uint64_t pixels = 100'000'000;         // of a picture or frame that is decoded, from its header
  std::size_t frames = 500;                   // of an animation that is decoded
  std::chrono::seconds duration{4 * 3600};    // of audio that is converted
  std::chrono::seconds job_time{15};          // wall time of one task in a worker, then it is killed
  std::size_t jobs = 200;                     // of one worker, then a fresh one takes its place
  std::uint64_t octets = 32ULL << 20;         // of a source
  std::uint64_t result_octets = 64ULL << 20;  // of a result
  std::size_t queue = 1000;                   // tasks that wait, of all accounts
  std::size_t account_queue = 100;            // … of one
};

struct WorkerStatus {
  int pid = 0;
  bool busy = false;
  std::size_t jobs = 0;
  std::string found;  // what it works on, if that is known yet
};

// Of one pair of types, "image/png image/jpeg".
struct ConversionCounts {
  std::uint64_t done = 0;
  std::uint64_t refused = 0;
  double seconds = 0;                   // in the worker, all of them together
  std::array<std::uint64_t, 8> took{};  // tasks that took at most kLatencyBounds[i]; the last: all
};
inline constexpr std::array<double, 7> kLatencyBounds{0.005, 0.02, 0.05, 0.1, 0.5, 2, 10};

struct AdapterStatus {
  bool running = false;  // the program is there and could be started
  std::string problem;   // why not, or what the jail lacks on this machine
  std::vector<WorkerStatus> workers;
  std::size_t waiting = 0;
  std::uint64_t tasks = 0;  // taken so far
  std::uint64_t done = 0;
  std::uint64_t crashes = 0, timeouts = 0, recycled = 0;
  std::map<Refusal, std::uint64_t> refused;
  std::map<std::string, ConversionCounts> conversions;
};

class Adapter {
 public:
  explicit Adapter(AdapterSettings settings);  // starts the children; does not wait for them
  ~Adapter();                                  // stop()
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;

  // One conversion. `account` is whose turn it is and who may share a worker with it; `deadline` counts from now,
  // waiting included, and waiting for the program to be started again; refused before it only when that comes too late
  // or there is no program. The octets are held until the answer. Never throws for what the octets are.
  [[nodiscard]] boost::asio::awaitable<Outcome> convert(std::int64_t account, Task task,
                                                        std::chrono::milliseconds deadline);
  [[nodiscard]] AdapterStatus status() const;
  void stop();  // refuses what waits (busy) and what is new, ends the children; idempotent

 private:
  class Pool;
  std::shared_ptr<Pool> pool_;  // shared with handlers that are still on their way when it stops
};

}  // namespace cpm::adapt
