#include "imap/mime/lines.h"

#include <algorithm>
#include <cstring>

namespace cpm::imap::mime {

LineReader::LineReader(ByteSource& source)
    : source_(source), buffer_(static_cast<std::size_t>(std::clamp<std::uint64_t>(source.size(), 1, kMaxLine)), '\0') {}

bool LineReader::fill() {
  if (at_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + at_, filled_ - at_);
    offset_ += at_;
    filled_ -= at_;
    at_ = 0;
  }
  const std::size_t before = filled_;
  while (filled_ < buffer_.size()) {
    const std::size_t got = source_.read(offset_ + filled_, buffer_.data() + filled_, buffer_.size() - filled_);
    if (got == 0) break;
    filled_ += got;
  }
  return filled_ > before;
}

bool LineReader::next(Line& line) {
  const void* lf = at_ < filled_ ? std::memchr(buffer_.data() + at_, '\n', filled_ - at_) : nullptr;
  if (lf == nullptr && fill()) lf = std::memchr(buffer_.data() + at_, '\n', filled_ - at_);
  if (at_ == filled_) return false;

  const char* const begin = buffer_.data() + at_;
  std::size_t length = filled_ - at_;
  line = {};
  line.begin = offset_ + at_;
  line.ended = lf != nullptr;
  if (lf != nullptr) {
    length = static_cast<std::size_t>(static_cast<const char*>(lf) - begin) + 1;
    line.line_end_octets = length > 1 && begin[length - 2] == '\r' ? 2 : 1;
  } else if (length > 1 && line.begin + length < source_.size() && begin[length - 1] == '\r') {
    --length;  // its LF may come with the next piece
  }
  line.end = line.begin + length;
  line.raw = std::string_view(begin, length);
  // A full buffer without a line end is a piece of a long line.
  const bool unfinished = lf == nullptr && line.end < source_.size();
  if (!inside_ && !unfinished) {
    line.text = line.raw.substr(0, length - line.line_end_octets);
    line.blank = line.ended && line.text.empty();
  }
  inside_ = unfinished;
  at_ += length;
  return true;
}

}  // namespace cpm::imap::mime
