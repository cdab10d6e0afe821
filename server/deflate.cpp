#include "server/deflate.h"

#include <new>

namespace cpm::server {

namespace {

constexpr int kRawWindow = -15;  // negative: raw deflate; RFC 4978 asks for the full window
constexpr int kLevel = 6;
constexpr int kMemoryLevel = 8;

}  // namespace

Inflater::Inflater() {
  if (inflateInit2(&stream_, kRawWindow) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() { inflateEnd(&stream_); }

Result<std::size_t> Inflater::take(char* to, std::size_t length) {
  stream_.next_out = reinterpret_cast<Bytef*>(to);
  stream_.avail_out = static_cast<uInt>(length);
  const int result = inflate(&stream_, Z_SYNC_FLUSH);
  const std::size_t produced = length - stream_.avail_out;
  if (result == Z_OK || result == Z_BUF_ERROR) return produced;
  if (result == Z_STREAM_END) {
    if (produced > 0) return produced;
    return fail(Failure::bad_syntax, "Compressed data has ended", "deflate: end of stream");
  }
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  return fail(Failure::bad_syntax, "Invalid compressed data", stream_.msg != nullptr ? stream_.msg : "deflate");
}

char* Inflater::space() {
  if (!input_) input_ = std::make_unique<std::array<char, kBlock>>();
  return input_->data();
}

void Inflater::filled(std::size_t octets) {
  stream_.next_in = reinterpret_cast<Bytef*>(input_->data());
  stream_.avail_in = static_cast<uInt>(octets);
}

void Inflater::release_memory() {
  if (stream_.avail_in == 0) input_.reset();
}

Deflater::~Deflater() { release_memory(); }

void Deflater::put(std::string_view bytes) {
  if (!open_) {
    stream_ = {};
    if (deflateInit2(&stream_, kLevel, Z_DEFLATED, kRawWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
    open_ = true;
  }
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream_.avail_in = static_cast<uInt>(bytes.size());
  flushed_ = bytes.empty();
}

std::size_t Deflater::produce(char* to, std::size_t length) {
  if (flushed_) return 0;
  stream_.next_out = reinterpret_cast<Bytef*>(to);
  stream_.avail_out = static_cast<uInt>(length);
  deflate(&stream_, Z_SYNC_FLUSH);  // cannot fail: Z_BUF_ERROR only says that nothing was left to do
  flushed_ = stream_.avail_out != 0;
  return length - stream_.avail_out;
}

void Deflater::release_memory() {
  if (open_) deflateEnd(&stream_);
  open_ = false;
}

}  // namespace cpm::server
