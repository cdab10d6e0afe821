// An object ready to be stored: where, with which flags and date, and its octets. Files are read while they are sent.
// Runs on: any thread; writing blocks on the disk.
#pragma once

#include "admin/deposit/timestamp.h"
#include "base/result.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::deposit {

// Octets as they are, or a file that is encoded in base64 on the way.
struct Piece {
  std::string octets;
  std::string path;             // empty: `octets`
  std::uint64_t file_size = 0;  // as it was when the object was built

  [[nodiscard]] std::uint64_t size() const noexcept;
};

struct Object {
  std::size_t line = 0;  // of the conversation
  std::string mailbox;
  std::vector<std::string> flags;
  Timestamp date;  // becomes INTERNALDATE
  std::vector<Piece> pieces;

  [[nodiscard]] std::uint64_t size() const noexcept;
  [[nodiscard]] std::uint64_t in_memory() const noexcept;
};

using Sink = std::function<Result<void>(std::string_view)>;
// All octets in order, exactly size() of them. Failure::invalid when a file is shorter or longer than it was; then an
// unknown part was written already.
[[nodiscard]] Result<void> write_object(const Object& object, const Sink& sink);

}  // namespace cpm::deposit
