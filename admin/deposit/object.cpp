#include "admin/deposit/object.h"

#include "admin/deposit/text.h"

#include <algorithm>
#include <fstream>

namespace cpm::deposit {

namespace {

constexpr std::size_t kLine = 57;  // octets of a line of base64
constexpr std::size_t kBlock = kLine * 1024;

Error changed(const std::string& path) { return fail(Failure::invalid, path + " changed while it was being sent"); }

Result<void> write_file(const Piece& piece, const Sink& sink) {
  std::ifstream file(piece.path, std::ios::binary);
  if (!file) return fail(Failure::not_found, piece.path + " cannot be read");
  std::string block(kBlock, '\0');
  std::string text;
  for (std::uint64_t left = piece.file_size; left != 0;) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, kBlock));
    file.read(block.data(), static_cast<std::streamsize>(wanted));
    if (static_cast<std::size_t>(file.gcount()) != wanted) return changed(piece.path);
    text.clear();
    for (std::size_t at = 0; at < wanted; at += kLine) {
      const std::size_t length = std::min(kLine, wanted - at);
      text += base64(std::string_view(block).substr(at, length));
      if (left > at + length) text += "\r\n";
    }
    left -= wanted;
    CPM_CHECK(sink(text));
  }
  if (file.peek() != std::ifstream::traits_type::eof()) return changed(piece.path);
  return {};
}

}  // namespace

std::uint64_t Piece::size() const noexcept { return path.empty() ? octets.size() : base64_lines_size(file_size); }

std::uint64_t Object::size() const noexcept {
  std::uint64_t sum = 0;
  for (const Piece& piece : pieces) sum += piece.size();
  return sum;
}

std::uint64_t Object::in_memory() const noexcept {
  std::uint64_t sum = 0;
  for (const Piece& piece : pieces) sum += piece.octets.size();
  return sum;
}

Result<void> write_object(const Object& object, const Sink& sink) {
  for (const Piece& piece : object.pieces) {
    CPM_CHECK(piece.path.empty() ? sink(piece.octets) : write_file(piece, sink));
  }
  return {};
}

}  // namespace cpm::deposit
