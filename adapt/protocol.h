// What goes over the socket between the server and a worker: frames of a length, a kind and fields, all bounded. The
// worker's side is not trusted: reading its frames never allocates more than the bound, and what it says is checked.
//   server → worker   task
//   worker → server   found (early, so that a crash can be told with it), then converted or refused
// Runs on: any thread.
#pragma once

#include "adapt/task.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::adapt {

enum class FrameKind : std::uint8_t { task = 1, found, converted, refused };

struct FrameHead {
  std::uint32_t length = 0;  // of the payload
  FrameKind kind = FrameKind::task;
};
inline constexpr std::size_t kFrameHead = 5;

[[nodiscard]] std::array<char, kFrameHead> write_head(FrameHead head);
[[nodiscard]] std::optional<FrameHead> read_head(std::string_view octets);  // REQUIRES: kFrameHead octets

// The octets of a task and of a result come last and without a length, so that they need not be copied to be sent.
[[nodiscard]] std::string write_task(const Task& task);            // all but its octets
[[nodiscard]] std::string write_converted(const Converted& done);  // all but its octets
[[nodiscard]] std::string write_refused(const Refused& refused);

[[nodiscard]] std::optional<Task> read_task(std::string payload);
// Checked: types are those of our table, texts are short printable ASCII.
[[nodiscard]] std::optional<Converted> read_converted(std::string payload);
[[nodiscard]] std::optional<Refused> read_refused(std::string_view payload);
[[nodiscard]] std::optional<std::string> read_found(std::string_view payload);

// Between the server and the keeper, the process that makes the workers: datagrams.
//   server → keeper   start (with the worker's end of a socket pair), kill
//   keeper → server   ready (with a note on what the jail lacks here), started, ended
struct Control {
  enum class Kind : std::uint32_t { start = 1, kill, ready, started, ended };
  Kind kind = Kind::start;
  std::int32_t number = 0;  // process id of `started`, wait status of `ended`, version of `ready`
  std::uint64_t worker = 0;
  std::array<char, 240> note{};  // zero-terminated
};
inline constexpr std::int32_t kProtocolVersion = 2;

}  // namespace cpm::adapt
