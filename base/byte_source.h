// Random-access, read-only bytes of known size: what the MIME parser and the store read from,
// whether the bytes are in memory, in a spool file or in the database.
// Runs on: the thread of its user; not shared.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace cpm {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Copies up to `length` octets from `offset` into `to`; returns how many (0 at the end).
  virtual std::size_t read(std::uint64_t offset, char* to, std::size_t length) = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t offset, char* to, std::size_t length) override {
    if (offset >= bytes_.size()) return 0;
    const std::size_t n = std::min<std::size_t>(length, bytes_.size() - offset);
    std::memcpy(to, bytes_.data() + offset, n);
    return n;
  }

 private:
  std::string_view bytes_;
};

}  // namespace cpm
