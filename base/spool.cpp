#include "base/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace cpm {

namespace {

std::atomic<std::uint64_t> disk_octets{0};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// The file has no name from the start, so nothing is left behind by a crash.
int open_unnamed(const std::string& directory) {
  std::error_code unused;  // no temporary directory: open() below says so through errno
  const std::string where = directory.empty() ? std::filesystem::temp_directory_path(unused).string() : directory;
  int fd = ::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return fd;
  std::string path = where + "/cpmstore-spool-XXXXXX";
  fd = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd >= 0) ::unlink(path.c_str());
  return fd;
}

}  // namespace

Spool::Spool(const Limits& limits, std::string directory)
    : memory_limit_(limits.spool_memory_octets),
      disk_limit_(limits.spool_disk_octets),
      directory_(std::move(directory)) {}

Spool::Spool(std::string bytes) : memory_(std::move(bytes)), size_(memory_.size()) {}

Spool::~Spool() { release(); }

Spool::Spool(Spool&& other) noexcept
    : memory_limit_(other.memory_limit_),
      disk_limit_(other.disk_limit_),
      directory_(std::move(other.directory_)),
      memory_(std::move(other.memory_)),
      size_(std::exchange(other.size_, 0)),
      fd_(std::exchange(other.fd_, -1)) {}

Spool& Spool::operator=(Spool&& other) noexcept {
  if (this == &other) return *this;
  release();
  memory_limit_ = other.memory_limit_;
  disk_limit_ = other.disk_limit_;
  directory_ = std::move(other.directory_);
  memory_ = std::move(other.memory_);
  size_ = std::exchange(other.size_, 0);
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

void Spool::release() noexcept {
  if (fd_ < 0) return;
  ::close(fd_);
  fd_ = -1;
  disk_octets -= size_;
}

std::uint64_t Spool::disk_in_use() noexcept { return disk_octets; }

Result<void> Spool::append(std::string_view bytes) {
  if (fd_ < 0 && size_ + bytes.size() <= memory_limit_) {
    memory_.append(bytes);
    size_ += bytes.size();
    return {};
  }
  const std::uint64_t more = bytes.size() + (fd_ < 0 ? size_ : 0);
  if (disk_octets.fetch_add(more) + more > disk_limit_) {
    disk_octets -= more;
    return fail(Failure::limit, "Too much data is being received, try again later", "spool disk limit");
  }
  if (fd_ < 0) {
    fd_ = open_unnamed(directory_);
    if (fd_ < 0 || !write_all(fd_, memory_)) {
      const std::string why = std::strerror(errno);
      if (fd_ >= 0) ::close(std::exchange(fd_, -1));
      disk_octets -= more;
      return fail(Failure::unavailable, "Cannot receive data now", "spool file: " + why);
    }
    std::string().swap(memory_);
  }
  size_ += bytes.size();
  if (!write_all(fd_, bytes)) {
    return fail(Failure::unavailable, "Cannot receive data now", std::string("spool file: ") + std::strerror(errno));
  }
  return {};
}

std::size_t Spool::read(std::uint64_t offset, char* to, std::size_t length) {
  if (offset >= size_) return 0;
  if (fd_ < 0) return MemorySource(memory_).read(offset, to, length);
  for (;;) {
    const ssize_t n = ::pread(fd_, to, length, static_cast<off_t>(offset));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return 0;
  }
}

std::string Spool::text() {
  if (fd_ < 0) return memory_;
  std::string all(size_, '\0');
  std::size_t at = 0;
  while (at < all.size()) {
    const std::size_t n = read(at, all.data() + at, all.size() - at);
    if (n == 0) break;
    at += n;
  }
  all.resize(at);
  return all;
}

}  // namespace cpm
