// A media file in memory, opened by libav: its demuxer chosen by us, its codecs from a list, nothing else reachable.
// Runs on: one thread.
#pragma once

#include "adapt/task.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
}

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace cpm::adapt::worker {

template <auto kRelease>
struct ReleaseThrough {
  template <class T>
  void operator()(T* thing) const {
    kRelease(&thing);
  }
};
using Frame = std::unique_ptr<AVFrame, ReleaseThrough<::av_frame_free>>;
using Packet = std::unique_ptr<AVPacket, ReleaseThrough<::av_packet_free>>;
using Codec = std::unique_ptr<AVCodecContext, ReleaseThrough<::avcodec_free_context>>;

void prepare_libav();

class MediaFile {
 public:
  // Throws Stop. `octets` must live as long as this.
  MediaFile(const std::string& octets, const std::string& type);
  ~MediaFile();
  MediaFile(const MediaFile&) = delete;
  MediaFile& operator=(const MediaFile&) = delete;

  // nullptr: there is none.
  [[nodiscard]] AVStream* best(AVMediaType kind) const;
  [[nodiscard]] Codec decoder(const AVStream* stream) const;  // opened; throws Stop
  [[nodiscard]] double duration() const;                      // seconds, 0: not known
  // Decodes frame by frame until `take` says false or the end comes. Broken packets are passed over.
  void decode(const AVStream* stream, AVCodecContext* decoder, const std::function<bool(AVFrame*)>& take) const;
  [[nodiscard]] AVFormatContext* get() const { return format_; }

 private:
  void close();
  static int read(void* self, std::uint8_t* to, int size);
  static std::int64_t seek(void* self, std::int64_t offset, int whence);

  const std::string& octets_;
  std::size_t at_ = 0;
  AVIOContext* io_ = nullptr;
  AVFormatContext* format_ = nullptr;
};

[[nodiscard]] std::string seconds_text(double seconds);  // "12.345"

}  // namespace cpm::adapt::worker
