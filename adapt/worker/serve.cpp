#include "adapt/worker/serve.h"

#include "adapt/protocol.h"

#include <malloc.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace cpm::adapt::worker {

namespace {

constexpr std::uint64_t kOverhead = 64 * 1024;

bool read_all(int socket, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::read(socket, to, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool write_all(int socket, std::string_view from) {
  while (!from.empty()) {
    const ssize_t n = ::write(socket, from.data(), from.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    from.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool send(int socket, FrameKind kind, std::string_view fields, std::string_view octets = {}) {
  const auto head = write_head({static_cast<std::uint32_t>(fields.size() + octets.size()), kind});
  return write_all(socket, {head.data(), head.size()}) && write_all(socket, fields) && write_all(socket, octets);
}

}  // namespace

int serve(int socket, const Bounds& bounds, Work work) {
  for (;;) {
    std::array<char, kFrameHead> octets{};
    if (!read_all(socket, octets.data(), octets.size())) return 0;
    const auto head = read_head({octets.data(), octets.size()});
    if (!head || head->kind != FrameKind::task || head->length > bounds.octets + kOverhead) return 3;
    std::string payload(head->length, '\0');
    if (!read_all(socket, payload.data(), payload.size())) return 0;
    const auto task = read_task(std::move(payload));
    if (!task) return 3;
    const Outcome outcome =
        work(*task, bounds, [socket](const std::string& found) { (void)send(socket, FrameKind::found, found); });
    bool sent = false;
    if (const auto* done = std::get_if<Converted>(&outcome))
      sent = send(socket, FrameKind::converted, write_converted(*done), done->octets);
    else
      sent = send(socket, FrameKind::refused, write_refused(std::get<Refused>(outcome)));
    if (!sent) return 0;
    ::malloc_trim(0);
  }
}

}  // namespace cpm::adapt::worker
