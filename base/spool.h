// Spool: the bytes of one literal while they arrive: memory first, then an unlinked temporary file
// (Limits::spool_memory_octets). The disk used by all spools of the process is bounded by
// Limits::spool_disk_octets; above it append() fails with Failure::limit.
// Runs on: one thread at a time (session strand, then a database thread). Owned by the command.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cpm {

class Spool final : public ByteSource {
 public:
  // `directory` is where overflow files go; empty means the system's temporary directory.
  explicit Spool(const Limits& limits, std::string directory = {});
  explicit Spool(std::string bytes = {});  // all in memory
  ~Spool() override;
  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) noexcept;

  [[nodiscard]] Result<void> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, char* to, std::size_t length) override;

  [[nodiscard]] bool in_memory() const { return fd_ < 0; }
  [[nodiscard]] const std::string& memory() const { return memory_; }  // REQUIRES: in_memory()
  // All bytes as one string. REQUIRES: the caller knows that size() is small.
  [[nodiscard]] std::string text();

  [[nodiscard]] static std::uint64_t disk_in_use() noexcept;  // octets of all spool files now

 private:
  void release() noexcept;

  std::size_t memory_limit_ = static_cast<std::size_t>(-1);
  std::uint64_t disk_limit_ = 0;
  std::string directory_;
  std::string memory_;
  std::uint64_t size_ = 0;
  int fd_ = -1;
};

}  // namespace cpm
