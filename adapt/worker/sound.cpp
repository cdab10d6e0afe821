#include "adapt/worker/sound.h"

#include "adapt/worker/libav.h"
#include "adapt/worker/work.h"

extern "C" {
#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
}

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace cpm::adapt::worker {

namespace {

struct Format {
  const char* type;
  const char* muxer;
  const char* encoder;
  std::int64_t bit_rate;  // of one channel, 0: none
};

constexpr std::array<Format, 3> kFormats = {{{"audio/mpeg", "mp3", "libmp3lame", 64'000},
                                             {"audio/ogg", "ogg", "libopus", 48'000},
                                             {"audio/wav", "wav", "pcm_s16le", 0}}};
constexpr int kMostRate = 48'000;

Parameters facts_of(const MediaFile& file, const AVStream* stream) {
  const AVCodecParameters& codec = *stream->codecpar;
  Parameters facts;
  facts["codec"] = ::avcodec_get_name(codec.codec_id);
  facts["sample-rate"] = std::to_string(codec.sample_rate);
  facts["channels"] = std::to_string(codec.ch_layout.nb_channels);
  if (file.duration() > 0) facts["duration"] = seconds_text(file.duration());
  return facts;
}

const AVStream* sound_of(const MediaFile& file) {
  const AVStream* stream = file.best(AVMEDIA_TYPE_AUDIO);
  if (stream == nullptr) throw Stop{Refusal::unsupported, "there is no sound in it"};
  if (stream->codecpar->sample_rate <= 0 || stream->codecpar->ch_layout.nb_channels <= 0)
    throw Stop{Refusal::broken_source, "the sound cannot be read"};
  return stream;
}

// A file in memory that a muxer writes.
class Output {
 public:
  explicit Output(std::uint64_t most) : most_(most) {
    constexpr int kBlock = 32 * 1024;
    io_ = ::avio_alloc_context(static_cast<std::uint8_t*>(::av_malloc(kBlock)), kBlock, 1, this, nullptr,
                               &Output::write, &Output::seek);
    if (io_ == nullptr) throw std::bad_alloc();
  }
  ~Output() {
    ::av_freep(&io_->buffer);
    ::avio_context_free(&io_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  AVIOContext* io() { return io_; }
  [[nodiscard]] bool full() const { return full_; }
  std::string take() {
    ::avio_flush(io_);
    return std::move(octets_);
  }

 private:
  static int write(void* self, std::uint8_t* from, int size) {
    auto& out = *static_cast<Output*>(self);
    const auto n = static_cast<std::size_t>(size);
    if (out.at_ + n > out.most_) {
      out.full_ = true;
      return AVERROR(ENOSPC);
    }
    if (out.octets_.size() < out.at_ + n) out.octets_.resize(out.at_ + n);
    std::memcpy(out.octets_.data() + out.at_, from, n);
    out.at_ += n;
    return size;
  }
  static std::int64_t seek(void* self, std::int64_t offset, int whence) {
    auto& out = *static_cast<Output*>(self);
    const auto size = static_cast<std::int64_t>(out.octets_.size());
    if (whence == AVSEEK_SIZE) return size;
    const std::int64_t to = whence == SEEK_CUR   ? static_cast<std::int64_t>(out.at_) + offset
                            : whence == SEEK_END ? size + offset
                                                 : offset;
    if (to < 0 || to > size) return AVERROR(EINVAL);
    out.at_ = static_cast<std::size_t>(to);
    return to;
  }

  std::uint64_t most_;
  std::string octets_;
  std::size_t at_ = 0;
  bool full_ = false;
  AVIOContext* io_ = nullptr;
};

using Resampler = std::unique_ptr<SwrContext, ReleaseThrough<::swr_free>>;
struct FreeFifo {
  void operator()(AVAudioFifo* fifo) const { ::av_audio_fifo_free(fifo); }
};
using Fifo = std::unique_ptr<AVAudioFifo, FreeFifo>;
struct FreeMuxer {
  void operator()(AVFormatContext* muxer) const { ::avformat_free_context(muxer); }
};
using Muxer = std::unique_ptr<AVFormatContext, FreeMuxer>;

void must(bool good) {
  if (!good) throw Stop{Refusal::broken_source, "the sound cannot be converted"};
}

// The nearest rate that the encoder takes, not below the wanted one where there is such.
int rate_for(const AVCodec* codec, int wanted) {
  if (codec->supported_samplerates == nullptr) return std::min(wanted, kMostRate);
  int best = 0;
  for (const int* rate = codec->supported_samplerates; *rate != 0; ++rate) {
    const bool enough = *rate >= wanted;
    const bool best_enough = best >= wanted;
    if (best == 0 || (enough && (!best_enough || *rate < best)) || (!enough && !best_enough && *rate > best))
      best = *rate;
  }
  return best;
}

class Encoder {
 public:
  Encoder(const Format& format, int rate, int channels, const Parameters& parameters, std::uint64_t most)
      : output_(most) {
    const AVCodec* codec = ::avcodec_find_encoder_by_name(format.encoder);
    const AVOutputFormat* kind = ::av_guess_format(format.muxer, nullptr, nullptr);
    if (codec == nullptr || kind == nullptr) throw Stop{Refusal::unsupported, "this conversion is not available here"};
    encoder_.reset(::avcodec_alloc_context3(codec));
    AVFormatContext* muxer = nullptr;
    must(encoder_ && ::avformat_alloc_output_context2(&muxer, kind, nullptr, nullptr) >= 0);
    muxer_.reset(muxer);
    muxer_->pb = output_.io();
    muxer_->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    encoder_->sample_rate = rate_for(codec, rate);
    encoder_->sample_fmt = codec->sample_fmts != nullptr ? codec->sample_fmts[0] : AV_SAMPLE_FMT_S16;
    ::av_channel_layout_default(&encoder_->ch_layout, channels);
    encoder_->time_base = {1, encoder_->sample_rate};
    encoder_->thread_count = 1;
    const std::int64_t asked = number_of(parameters, "bit-rate");
    if (format.bit_rate > 0) encoder_->bit_rate = asked > 0 ? asked : format.bit_rate * channels;
    if ((kind->flags & AVFMT_GLOBALHEADER) != 0) encoder_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    encoder_->flags |= AV_CODEC_FLAG_BITEXACT;
    if (::avcodec_open2(encoder_.get(), codec, nullptr) != 0)
      throw Stop{Refusal::bad_parameters, "the encoder does not take these parameters", {"bit-rate"}};
    stream_ = ::avformat_new_stream(muxer_.get(), nullptr);
    must(stream_ != nullptr && ::avcodec_parameters_from_context(stream_->codecpar, encoder_.get()) >= 0);
    stream_->time_base = encoder_->time_base;
    AVDictionary* options = nullptr;
    ::av_dict_set(&options, "write_xing", "1", 0);
    const bool begun = ::avformat_write_header(muxer_.get(), &options) >= 0;
    ::av_dict_free(&options);
    must(begun);
    fifo_.reset(::av_audio_fifo_alloc(encoder_->sample_fmt, channels, 4096));
    packet_.reset(::av_packet_alloc());
    must(fifo_ && packet_);
  }

  void take(AVFrame* frame) {
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
      ::av_channel_layout_default(&frame->ch_layout, frame->ch_layout.nb_channels);
    if (!resampler_ || frame->sample_rate != in_rate_ || frame->format != in_format_ ||
        frame->ch_layout.nb_channels != in_channels_) {
      SwrContext* raw = nullptr;
      must(::swr_alloc_set_opts2(&raw, &encoder_->ch_layout, encoder_->sample_fmt, encoder_->sample_rate,
                                 &frame->ch_layout, static_cast<AVSampleFormat>(frame->format), frame->sample_rate, 0,
                                 nullptr) == 0);
      resampler_.reset(raw);
      must(::swr_init(resampler_.get()) >= 0);
      in_rate_ = frame->sample_rate;
      in_format_ = frame->format;
      in_channels_ = frame->ch_layout.nb_channels;
    }
    resample(const_cast<const std::uint8_t**>(frame->extended_data), frame->nb_samples);
    encode(false);
  }

  std::string finish() {
    if (resampler_) resample(nullptr, 0);
    encode(true);
    must(::avcodec_send_frame(encoder_.get(), nullptr) >= 0);
    drain();
    must(::av_write_trailer(muxer_.get()) >= 0);
    std::string octets = output_.take();
    if (output_.full()) throw Stop{Refusal::too_large, "the result is too large"};
    return octets;
  }

  [[nodiscard]] bool full() const { return output_.full(); }

 private:
  void resample(const std::uint8_t** samples, int count) {
    const int room = ::swr_get_out_samples(resampler_.get(), count);
    if (room <= 0) return;
    std::uint8_t** out = nullptr;
    must(::av_samples_alloc_array_and_samples(&out, nullptr, encoder_->ch_layout.nb_channels, room,
                                              encoder_->sample_fmt, 0) >= 0);
    const int made = ::swr_convert(resampler_.get(), out, room, samples, count);
    const bool kept = made >= 0 && ::av_audio_fifo_write(fifo_.get(), reinterpret_cast<void**>(out), made) >= made;
    ::av_freep(&out[0]);
    ::av_freep(&out);
    must(kept);
  }

  void encode(bool all) {
    const int size = encoder_->frame_size > 0 ? encoder_->frame_size : 4096;
    while (::av_audio_fifo_size(fifo_.get()) >= size || (all && ::av_audio_fifo_size(fifo_.get()) > 0)) {
      const Frame frame(::av_frame_alloc());
      must(frame != nullptr);
      frame->nb_samples = std::min(size, ::av_audio_fifo_size(fifo_.get()));
      frame->format = encoder_->sample_fmt;
      frame->sample_rate = encoder_->sample_rate;
      must(::av_channel_layout_copy(&frame->ch_layout, &encoder_->ch_layout) >= 0 &&
           ::av_frame_get_buffer(frame.get(), 0) >= 0);
      must(::av_audio_fifo_read(fifo_.get(), reinterpret_cast<void**>(frame->extended_data), frame->nb_samples) ==
           frame->nb_samples);
      frame->pts = next_;
      next_ += frame->nb_samples;
      must(::avcodec_send_frame(encoder_.get(), frame.get()) >= 0);
      drain();
    }
  }

  void drain() {
    while (::avcodec_receive_packet(encoder_.get(), packet_.get()) == 0) {
      ::av_packet_rescale_ts(packet_.get(), encoder_->time_base, stream_->time_base);
      packet_->stream_index = stream_->index;
      ::av_interleaved_write_frame(muxer_.get(), packet_.get());
    }
  }

  Output output_;
  Codec encoder_;
  Muxer muxer_;
  AVStream* stream_ = nullptr;
  Fifo fifo_;
  Packet packet_;
  Resampler resampler_;
  int in_rate_ = 0, in_format_ = -1, in_channels_ = 0;
  std::int64_t next_ = 0;
};

}  // namespace

void prepare_sounds() { prepare_libav(); }

Parameters sound_facts(const std::string& octets, const std::string& type) {
  const MediaFile file(octets, type);
  return facts_of(file, sound_of(file));
}

Converted convert_sound(const Task& task, const std::string& found, const Bounds& bounds) {
  const MediaFile file(task.octets, found);
  const AVStream* stream = sound_of(file);
  const auto most = static_cast<double>(bounds.duration.count());
  if (file.duration() > most) throw Stop{Refusal::too_large, "the sound is too long"};
  const auto* format =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& f) { return task.target == f.type; });
  must(format != kFormats.end());
  const auto asked_rate = static_cast<int>(number_of(task.parameters, "sample-rate"));
  const auto asked_channels = static_cast<int>(number_of(task.parameters, "channels"));
  const int channels = asked_channels > 0 ? asked_channels : std::min(2, stream->codecpar->ch_layout.nb_channels);
  Encoder encoder(*format, asked_rate > 0 ? asked_rate : stream->codecpar->sample_rate, channels, task.parameters,
                  bounds.result_octets);
  const Codec decoder = file.decoder(stream);
  double seconds = 0;
  file.decode(stream, decoder.get(), [&](AVFrame* frame) {
    must(frame->sample_rate > 0 && frame->ch_layout.nb_channels > 0);
    seconds += static_cast<double>(frame->nb_samples) / frame->sample_rate;
    // The header may lie about it.
    if (seconds > most) throw Stop{Refusal::too_large, "the sound is too long"};
    encoder.take(frame);
    return !encoder.full();
  });
  if (seconds == 0) throw Stop{Refusal::broken_source, "there is no sound that can be read"};
  Converted done;
  done.type = task.target;
  done.octets = encoder.finish();
  if (task.target == "audio/ogg") done.parameters["codecs"] = "opus";
  done.facts = facts_of(file, stream);
  done.facts["duration"] = seconds_text(seconds);
  return done;
}

}  // namespace cpm::adapt::worker
