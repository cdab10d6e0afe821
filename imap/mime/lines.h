// Lines of a ByteSource, read in blocks: LF and CRLF both end a line, CR alone does not. A line longer than kMaxLine is
// handed out in pieces, so that memory stays bounded.
// Runs on: the thread of the ByteSource.
#pragma once

#include "base/byte_source.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cpm::imap::mime {

struct Line {
  std::uint64_t begin = 0;            // of this line or piece
  std::uint64_t end = 0;              // behind its line end
  std::string_view raw;               // octets of the line or piece; valid until the next call
  std::string_view text;              // a whole line without its line end; empty for a piece of a long line
  std::uint32_t line_end_octets = 0;  // 0, 1 (LF) or 2 (CRLF)
  bool ended = false;                 // has a line end
  bool blank = false;                 // nothing but a line end
};

class LineReader {
 public:
  static constexpr std::size_t kMaxLine = 64 * 1024;

  explicit LineReader(ByteSource& source);

  // False at the end.
  bool next(Line& line);
  [[nodiscard]] std::uint64_t position() const { return offset_ + at_; }

 private:
  bool fill();  // keeps what is unread; false: nothing more came

  ByteSource& source_;
  std::string buffer_;
  std::uint64_t offset_ = 0;  // of buffer_[0] in the source
  std::size_t at_ = 0;        // next unread octet
  std::size_t filled_ = 0;
  bool inside_ = false;  // the next octet continues a line that was handed out in pieces
};

}  // namespace cpm::imap::mime
