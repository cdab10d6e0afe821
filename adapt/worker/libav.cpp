#include "adapt/worker/libav.h"

#include "adapt/worker/work.h"

extern "C" {
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
}

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

namespace cpm::adapt::worker {

namespace {

constexpr int kBlock = 32 * 1024;
constexpr int kStreams = 24;
constexpr int kBrokenPackets = 500;

constexpr const char* kCodecs =
    "h264,hevc,mpeg4,h263,vp8,vp9,libdav1d,mjpeg,aac,mp3,mp3float,mp2,amrnb,amrwb,vorbis,opus,flac,alac,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_alaw,pcm_mulaw,adpcm_ima_wav,adpcm_ms";

const char* demuxer_of(const std::string& type) {
  if (type == "video/mp4" || type == "video/3gpp" || type == "video/quicktime" || type == "audio/mp4") return "mov";
  if (type == "video/webm") return "matroska";
  if (type == "audio/amr") return "amr";
  if (type == "audio/aac") return "aac";
  if (type == "audio/mpeg") return "mp3";
  if (type == "audio/ogg") return "ogg";
  if (type == "audio/wav") return "wav";
  return "";
}

}  // namespace

void prepare_libav() {
  ::av_log_set_level(AV_LOG_QUIET);
  ::av_max_alloc(std::size_t{1} << 30);
}

MediaFile::MediaFile(const std::string& octets, const std::string& type) : octets_(octets) {
  const AVInputFormat* demuxer = ::av_find_input_format(demuxer_of(type));
  if (demuxer == nullptr) throw Stop{Refusal::unsupported, "this kind of media is not available here"};
  auto* block = static_cast<std::uint8_t*>(::av_malloc(kBlock));
  io_ = ::avio_alloc_context(block, kBlock, 0, this, &MediaFile::read, nullptr, &MediaFile::seek);
  format_ = ::avformat_alloc_context();
  if (io_ == nullptr || format_ == nullptr) throw std::bad_alloc();
  format_->pb = io_;
  format_->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_DISCARD_CORRUPT;
  format_->max_streams = kStreams;
  format_->probesize = 1 << 20;
  format_->max_analyze_duration = 2 * AV_TIME_BASE;
  format_->io_open = [](AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); };
  ::av_opt_set(format_, "codec_whitelist", kCodecs, 0);
  ::av_opt_set(format_, "protocol_whitelist", "", 0);
  AVDictionary* options = nullptr;
  ::av_dict_set(&options, "threads", "1", 0);
  // Frees format_ when it fails.
  const bool opened = ::avformat_open_input(&format_, nullptr, demuxer, &options) == 0;
  ::av_dict_free(&options);
  if (opened) {
    std::vector<AVDictionary*> each(format_->nb_streams, nullptr);
    for (AVDictionary*& one : each) ::av_dict_set(&one, "threads", "1", 0);
    const bool known = ::avformat_find_stream_info(format_, each.empty() ? nullptr : each.data()) >= 0;
    for (AVDictionary*& one : each) ::av_dict_free(&one);
    if (known) return;
  }
  close();
  throw Stop{Refusal::broken_source, "the media cannot be read"};
}

MediaFile::~MediaFile() { close(); }

void MediaFile::close() {
  ::avformat_close_input(&format_);
  if (io_ != nullptr) ::av_freep(&io_->buffer);
  ::avio_context_free(&io_);
}

int MediaFile::read(void* self, std::uint8_t* to, int size) {
  auto& file = *static_cast<MediaFile*>(self);
  const std::size_t n = std::min(static_cast<std::size_t>(std::max(size, 0)), file.octets_.size() - file.at_);
  if (n == 0) return AVERROR_EOF;
  std::memcpy(to, file.octets_.data() + file.at_, n);
  file.at_ += n;
  return static_cast<int>(n);
}

std::int64_t MediaFile::seek(void* self, std::int64_t offset, int whence) {
  auto& file = *static_cast<MediaFile*>(self);
  const auto size = static_cast<std::int64_t>(file.octets_.size());
  if (whence == AVSEEK_SIZE) return size;
  whence &= ~AVSEEK_FORCE;
  const std::int64_t from = whence == SEEK_CUR ? static_cast<std::int64_t>(file.at_) : whence == SEEK_END ? size : 0;
  if (offset < -from || offset > size - from) return AVERROR(EINVAL);
  file.at_ = static_cast<std::size_t>(from + offset);
  return static_cast<std::int64_t>(file.at_);
}

AVStream* MediaFile::best(AVMediaType kind) const {
  const int index = ::av_find_best_stream(format_, kind, -1, -1, nullptr, 0);
  return index < 0 ? nullptr : format_->streams[index];
}

Codec MediaFile::decoder(const AVStream* stream) const {
  const AVCodec* codec = ::avcodec_find_decoder(stream->codecpar->codec_id);
  if (codec == nullptr) throw Stop{Refusal::unsupported, "its codec is not available here"};
  Codec context(::avcodec_alloc_context3(codec));
  if (!context) throw std::bad_alloc();
  if (::avcodec_parameters_to_context(context.get(), stream->codecpar) < 0)
    throw Stop{Refusal::broken_source, "the media cannot be read"};
  context->thread_count = 1;
  context->pkt_timebase = stream->time_base;
  ::av_opt_set(context.get(), "codec_whitelist", kCodecs, 0);
  AVDictionary* options = nullptr;
  ::av_dict_set(&options, "threads", "1", 0);
  const bool opened = ::avcodec_open2(context.get(), codec, &options) == 0;
  ::av_dict_free(&options);
  if (!opened) throw Stop{Refusal::unsupported, "its codec is not available here"};
  return context;
}

double MediaFile::duration() const {
  if (format_->duration == AV_NOPTS_VALUE || format_->duration <= 0) return 0;
  return static_cast<double>(format_->duration) / AV_TIME_BASE;
}

void MediaFile::decode(const AVStream* stream, AVCodecContext* decoder,
                       const std::function<bool(AVFrame*)>& take) const {
  const Frame frame(::av_frame_alloc());
  const Packet packet(::av_packet_alloc());
  if (!frame || !packet) throw std::bad_alloc();
  int broken = 0;
  bool ended = false;
  while (!ended && broken < kBrokenPackets) {
    ended = ::av_read_frame(format_, packet.get()) < 0;
    if (!ended && packet->stream_index != stream->index) {
      ::av_packet_unref(packet.get());
      continue;
    }
    if (::avcodec_send_packet(decoder, ended ? nullptr : packet.get()) < 0) ++broken;
    ::av_packet_unref(packet.get());
    while (::avcodec_receive_frame(decoder, frame.get()) == 0) {
      const bool more = take(frame.get());
      ::av_frame_unref(frame.get());
      if (!more) return;
    }
  }
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", seconds);
  return text;
}

}  // namespace cpm::adapt::worker
