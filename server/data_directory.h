// The data directory: who owns it, that one server at a time uses it, and the small files that tell cpmctl about
// the running server (run.json, admin.token).
// Runs on: the main thread.
#pragma once

#include "base/result.h"
#include "server/user.h"

#include <string>
#include <string_view>

namespace cpm::server {

// Makes the directory for `user` (mode 0700) or checks that it is the user's. While still root.
// Returns the absolute path.
[[nodiscard]] Result<std::string> prepare_data_directory(const std::string& path, const User& user);

// Held while the server runs; the kernel gives it back however the process ends.
class DirectoryLock {
 public:
  // Failure::in_use names the process that holds it. As the server's own user.
  [[nodiscard]] static Result<DirectoryLock> take(const std::string& directory, const User& user);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

// Replaces a file as a whole (mode 0600): readers see the old or the new text. `durable`: also over a power failure.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view text, bool durable = false);
[[nodiscard]] Result<std::string> read_small_file(const std::string& path);  // at most 1 MiB

// 32 random octets in hexadecimal, for admin.token.
[[nodiscard]] std::string random_token();

}  // namespace cpm::server
