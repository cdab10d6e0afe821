// Sample media, drawn and encoded here; and ways to look at results with other libraries than those that made them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cpm::adapt::test {

// Four quarters: red, green / blue, yellow; so that turning and mirroring show.
struct Look {
  std::string type;  // by the library that could read it
  int width = 0, height = 0;
  std::string rgb;                                // rows without padding; alpha is dropped
  [[nodiscard]] char corner(int x, int y) const;  // 'r' 'g' 'b' 'y' 'w' 'k' '?' near the relative place in percent
  [[nodiscard]] std::string corners() const;      // top left, top right, bottom left, bottom right
};
// JPEG by libjpeg, PNG by libpng, WebP by libwebp. width 0: none can read it.
[[nodiscard]] Look look(const std::string& octets);
// Mean difference of two pictures of one size, 0 … 255.
[[nodiscard]] double difference(const Look& a, const Look& b);
[[nodiscard]] Look quarters_look(int width, int height);

// coder: JPEG PNG GIF WEBP BMP TIFF.
[[nodiscard]] std::string picture(const std::string& coder, int width, int height, bool photo = false);
[[nodiscard]] std::string transparent_png(int width, int height);
// With EXIF: an orientation (1 … 8) and a position (GPS) in it, an ICC profile too if `wide`.
[[nodiscard]] std::string jpeg_with_exif(int width, int height, int orientation, bool wide = false);
[[nodiscard]] std::string animation(int width, int height, int frames);
[[nodiscard]] std::string heic(int width, int height);  // empty: no encoder here

// muxer: mp4 3gp webm mov; the quarters, moving a little. `turn`: a display matrix of so many quarter turns.
[[nodiscard]] std::string film(const std::string& muxer, int width, int height, double seconds, int turn = 0,
                               const std::string& encoder = "mpeg4");
[[nodiscard]] std::string wav(double seconds, int rate = 16'000, int channels = 1);  // 440 Hz
// muxer and encoder by the names of libav: "mp3" "libmp3lame", "ogg" "libvorbis", "adts" "aac", "ipod" "aac".
[[nodiscard]] std::string sound(const std::string& muxer, const std::string& encoder, double seconds);
[[nodiscard]] std::string amr(double seconds);
struct Heard {
  double seconds = 0;
  double hertz = 0;  // by zero crossings
  int rate = 0, channels = 0;
};
[[nodiscard]] Heard hear_wav(const std::string& octets);

[[nodiscard]] std::string pdf(int width, int height);  // points; the quarters as filled rectangles
[[nodiscard]] std::string vcard();
[[nodiscard]] std::string cpim(const std::string& type, const std::string& content);
[[nodiscard]] std::string html();

// A PNG header that claims so many pixels, with a little data that is all zero.
[[nodiscard]] std::string png_bomb(std::uint32_t width, std::uint32_t height);
[[nodiscard]] std::string gif_bomb(int frames);
[[nodiscard]] std::string tiff_bomb(std::uint32_t width, std::uint32_t height);  // one strip, deflated to nothing

}  // namespace cpm::adapt::test
