// Raw deflate in both directions for COMPRESS=DEFLATE (RFC 4978, RFC 1951), without a socket: octets in, octets out.
// Memory is bounded by zlib's windows and one small block, whatever a peer sends.
// Runs on: session strand. Owned by the stream.
#pragma once

#include "base/result.h"

#include <zlib.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

namespace cpm::server {

class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Decompresses at most `length` octets; 0: more input is needed. Failure::bad_syntax when it is not deflate data.
  [[nodiscard]] Result<std::size_t> take(char* to, std::size_t length);
  // A place for the next input. REQUIRES: take() returned 0.
  [[nodiscard]] char* space();
  void filled(std::size_t octets);
  void release_memory();  // the input block, while waiting

  static constexpr std::size_t kBlock = 4096;

 private:
  z_stream stream_{};
  std::unique_ptr<std::array<char, kBlock>> input_;
};

class Deflater {
 public:
  Deflater() = default;
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // REQUIRES: produce() returned 0 since the last put(). `bytes` stay alive until it does again.
  void put(std::string_view bytes);
  // Everything put so far as compressed octets, up to `length` at a time; 0: all has been given out, flushed.
  // REQUIRES: length > 6 (a flush marker must fit, else zlib writes them for ever).
  [[nodiscard]] std::size_t produce(char* to, std::size_t length);
  // Frees the window (about 256 KiB) of a connection that has become idle; compression begins anew afterwards,
  // which the peer cannot tell. REQUIRES: produce() returned 0.
  void release_memory();

 private:
  z_stream stream_{};
  bool open_ = false;
  bool flushed_ = true;
};

}  // namespace cpm::server
