#include "adapt/worker/film.h"

#include "adapt/worker/libav.h"
#include "adapt/worker/picture.h"
#include "adapt/worker/work.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace cpm::adapt::worker {

namespace {

constexpr int kFramesLooked = 60;  // for one that is not black
constexpr double kPosterAt = 1.0;  // seconds from the start, in longer films: they often fade in
constexpr double kDark = 24;       // mean of luma, of 255

// Quarter turns, clockwise, that the film asks for.
int turns_of(const AVStream* stream) {
  const auto* matrix =
      reinterpret_cast<const std::int32_t*>(::av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr));
  if (matrix == nullptr) return 0;
  const double degrees = ::av_display_rotation_get(matrix);
  if (!std::isfinite(degrees)) return 0;
  return static_cast<int>(((std::lround(-degrees / 90) % 4) + 4) % 4);
}

Parameters facts_of(const MediaFile& file, const AVStream* stream) {
  Parameters facts;
  const AVCodecParameters& codec = *stream->codecpar;
  const bool turned = turns_of(stream) % 2 == 1;
  facts["width"] = std::to_string(turned ? codec.height : codec.width);
  facts["height"] = std::to_string(turned ? codec.width : codec.height);
  facts["codec"] = ::avcodec_get_name(codec.codec_id);
  if (file.duration() > 0) facts["duration"] = seconds_text(file.duration());
  if (const AVStream* sound = file.best(AVMEDIA_TYPE_AUDIO))
    facts["audio-codec"] = ::avcodec_get_name(sound->codecpar->codec_id);
  return facts;
}

const AVStream* film_of(const MediaFile& file, const Bounds& bounds) {
  const AVStream* stream = file.best(AVMEDIA_TYPE_VIDEO);
  if (stream == nullptr) throw Stop{Refusal::unsupported, "there is no film in it"};
  check_size(static_cast<std::uint64_t>(std::max(0, stream->codecpar->width)),
             static_cast<std::uint64_t>(std::max(0, stream->codecpar->height)), 1, bounds);
  return stream;
}

double brightness(const Magick::Image& image) {
  Magick::Image small(image);
  small.scale(Magick::Geometry(16, 16));
  double sum = 0;
  std::vector<unsigned char> pixels(small.columns() * small.rows());
  small.write(0, 0, small.columns(), small.rows(), "I", Magick::CharPixel, pixels.data());
  for (const unsigned char pixel : pixels) sum += pixel;
  return pixels.empty() ? 0 : sum / static_cast<double>(pixels.size());
}

Magick::Image picture_of(const AVFrame* frame) {
  const int width = frame->width;
  const int height = frame->height;
  SwsContext* scaler = ::sws_getContext(width, height, static_cast<AVPixelFormat>(frame->format), width, height,
                                        AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND, nullptr, nullptr, nullptr);
  if (scaler == nullptr) throw Stop{Refusal::broken_source, "the film cannot be read"};
  // Rows are padded: the scaler may write a little beyond the last pixel of a row.
  const int stride = (width * 3 + 63) / 64 * 64 + 64;
  std::vector<std::uint8_t> rows(static_cast<std::size_t>(stride) * static_cast<std::size_t>(height) + 64);
  std::uint8_t* const to[4] = {rows.data(), nullptr, nullptr, nullptr};
  const int strides[4] = {stride, 0, 0, 0};
  ::sws_scale(scaler, frame->data, frame->linesize, 0, height, to, strides);
  ::sws_freeContext(scaler);
  std::vector<std::uint8_t> packed;
  packed.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (int row = 0; row < height; ++row) {
    const std::uint8_t* from = rows.data() + static_cast<std::ptrdiff_t>(row) * stride;
    packed.insert(packed.end(), from, from + static_cast<std::ptrdiff_t>(width) * 3);
  }
  return {static_cast<std::size_t>(width), static_cast<std::size_t>(height), "RGB", Magick::CharPixel, packed.data()};
}

// Pixels that are not square are made so.
void square_pixels(Magick::Image& image, AVRational aspect) {
  if (aspect.num <= 0 || aspect.den <= 0 || aspect.num == aspect.den) return;
  const double ratio = ::av_q2d(aspect);
  if (ratio < 0.1 || ratio > 10) return;
  Magick::Geometry geometry =
      ratio > 1 ? Magick::Geometry(
                      image.columns(),
                      std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(image.rows()) / ratio)))
                : Magick::Geometry(
                      std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(image.columns()) * ratio)),
                      image.rows());
  geometry.aspect(true);
  image.resize(geometry);
}

}  // namespace

void prepare_films() { prepare_libav(); }

Parameters film_facts(const std::string& octets, const std::string& type, const Bounds& bounds) {
  const MediaFile file(octets, type);
  return facts_of(file, film_of(file, bounds));
}

Converted poster(const Task& task, const std::string& found, const Bounds& bounds) {
  const MediaFile file(task.octets, found);
  const AVStream* stream = film_of(file, bounds);
  const Codec decoder = file.decoder(stream);
  const double start = std::min(kPosterAt, file.duration() / 3);
  if (start > 0.1)
    ::av_seek_frame(file.get(), -1, static_cast<std::int64_t>(start * AV_TIME_BASE), AVSEEK_FLAG_BACKWARD);
  std::optional<Magick::Image> best;
  double brightest = -1;
  int looked = 0;
  const auto take = [&](AVFrame* frame) {
    if (frame->width <= 0 || frame->height <= 0) return true;
    check_size(static_cast<std::uint64_t>(frame->width), static_cast<std::uint64_t>(frame->height), 1, bounds);
    Magick::Image image = picture_of(frame);
    const double light = brightness(image);
    if (light > brightest) {
      brightest = light;
      square_pixels(image, frame->sample_aspect_ratio);
      best = std::move(image);
    }
    return brightest < kDark && ++looked < kFramesLooked;
  };
  file.decode(stream, decoder.get(), take);
  if (!best) {
    ::av_seek_frame(file.get(), -1, 0, AVSEEK_FLAG_BACKWARD);
    ::avcodec_flush_buffers(decoder.get());
    file.decode(stream, decoder.get(), take);
  }
  if (!best) throw Stop{Refusal::broken_source, "the film has no frame that can be read"};
  if (const int turns = turns_of(stream); turns != 0) best->rotate(90.0 * turns);
  Converted done = encode_picture(std::move(*best), task.target, task.parameters, bounds);
  done.facts = facts_of(file, stream);
  return done;
}

}  // namespace cpm::adapt::worker
