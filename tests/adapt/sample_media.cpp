// Films and sounds by the encoders of libav.
#include "tests/adapt/samples.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libswscale/swscale.h>
}

#include <cmath>
#include <cstring>

namespace cpm::adapt::test {

namespace {

// An encoder into a file in memory.
class Maker {
 public:
  Maker(const std::string& muxer, const std::string& encoder) {
    ::av_log_set_level(AV_LOG_QUIET);
    codec_ = ::avcodec_find_encoder_by_name(encoder.c_str());
    if (codec_ == nullptr || ::avformat_alloc_output_context2(&format_, nullptr, muxer.c_str(), nullptr) < 0) return;
    context = ::avcodec_alloc_context3(codec_);
    context->thread_count = 1;
    if ((format_->oformat->flags & AVFMT_GLOBALHEADER) != 0) context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    good = true;
  }
  ~Maker() {
    ::avcodec_free_context(&context);
    ::avformat_free_context(format_);
  }
  Maker(const Maker&) = delete;
  Maker& operator=(const Maker&) = delete;

  bool open(int turn = 0) {
    good = good && ::avcodec_open2(context, codec_, nullptr) == 0;
    if (!good) return false;
    stream_ = ::avformat_new_stream(format_, nullptr);
    ::avcodec_parameters_from_context(stream_->codecpar, context);
    stream_->time_base = context->time_base;
    if (turn != 0) {
      auto* matrix = reinterpret_cast<std::int32_t*>(
          ::av_stream_new_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(std::int32_t)));
      ::av_display_rotation_set(matrix, 90.0 * turn);  // clockwise
    }
    good = ::avio_open_dyn_buf(&format_->pb) == 0 && ::avformat_write_header(format_, nullptr) >= 0;
    return good;
  }

  void send(AVFrame* frame) {
    ::avcodec_send_frame(context, frame);
    AVPacket* packet = ::av_packet_alloc();
    while (::avcodec_receive_packet(context, packet) == 0) {
      ::av_packet_rescale_ts(packet, context->time_base, stream_->time_base);
      ::av_interleaved_write_frame(format_, packet);
    }
    ::av_packet_free(&packet);
  }

  std::string finish() {
    send(nullptr);
    ::av_write_trailer(format_);
    std::uint8_t* data = nullptr;
    const int size = ::avio_close_dyn_buf(format_->pb, &data);
    std::string out(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    ::av_free(data);
    return out;
  }

  AVCodecContext* context = nullptr;
  bool good = false;

 private:
  const AVCodec* codec_ = nullptr;
  AVFormatContext* format_ = nullptr;
  AVStream* stream_ = nullptr;
};

}  // namespace

std::string film(const std::string& muxer, int width, int height, double seconds, int turn,
                 const std::string& encoder) {
  Maker maker(muxer, muxer == "webm" ? "libvpx" : encoder);
  if (!maker.good) return {};
  maker.context->width = width;
  maker.context->height = height;
  maker.context->time_base = {1, 25};
  maker.context->framerate = {25, 1};
  maker.context->pix_fmt = AV_PIX_FMT_YUV420P;
  maker.context->bit_rate = 800'000;
  if (!maker.open(turn)) return {};
  const std::string rgb = quarters_look(width, height).rgb;
  AVFrame* frame = ::av_frame_alloc();
  frame->format = AV_PIX_FMT_YUV420P;
  frame->width = width;
  frame->height = height;
  ::av_frame_get_buffer(frame, 0);
  SwsContext* scaler = ::sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, AV_PIX_FMT_YUV420P, SWS_BICUBIC,
                                        nullptr, nullptr, nullptr);
  const std::uint8_t* const from[4] = {reinterpret_cast<const std::uint8_t*>(rgb.data()), nullptr, nullptr, nullptr};
  const int strides[4] = {width * 3, 0, 0, 0};
  for (int i = 0; i < static_cast<int>(seconds * 25); ++i) {
    ::av_frame_make_writable(frame);
    // It begins black, as many films do.
    if (i < 5) {
      for (int plane = 0; plane < 3; ++plane)
        std::memset(frame->data[plane], plane == 0 ? 16 : 128,
                    static_cast<std::size_t>(frame->linesize[plane]) *
                        static_cast<std::size_t>(plane == 0 ? height : height / 2));
    } else {
      ::sws_scale(scaler, from, strides, 0, height, frame->data, frame->linesize);
    }
    frame->pts = i;
    maker.send(frame);
  }
  ::sws_freeContext(scaler);
  ::av_frame_free(&frame);
  return maker.finish();
}

std::string sound(const std::string& muxer, const std::string& encoder, double seconds) {
  Maker maker(muxer, encoder);
  if (!maker.good) return {};
  constexpr int kRate = 44'100;
  maker.context->sample_rate = kRate;
  maker.context->sample_fmt = AV_SAMPLE_FMT_FLTP;
  ::av_channel_layout_default(&maker.context->ch_layout, 1);
  maker.context->bit_rate = 96'000;
  maker.context->time_base = {1, kRate};
  if (!maker.open()) return {};
  const int size = maker.context->frame_size > 0 ? maker.context->frame_size : 1024;
  AVFrame* frame = ::av_frame_alloc();
  std::int64_t at = 0;
  while (at < static_cast<std::int64_t>(seconds * kRate)) {
    frame->nb_samples = size;
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = kRate;
    ::av_channel_layout_default(&frame->ch_layout, 1);
    ::av_frame_get_buffer(frame, 0);
    auto* samples = reinterpret_cast<float*>(frame->data[0]);
    for (int i = 0; i < size; ++i)
      samples[i] = 0.4F * static_cast<float>(std::sin(2 * M_PI * 440 * static_cast<double>(at + i) / kRate));
    frame->pts = at;
    at += size;
    maker.send(frame);
    ::av_frame_unref(frame);
  }
  ::av_frame_free(&frame);
  return maker.finish();
}

}  // namespace cpm::adapt::test
