#include "tests/adapt/samples.h"

#include <Magick++.h>

#include <jpeglib.h>
#include <lcms2.h>
#include <libheif/heif.h>
#include <png.h>
#include <webp/decode.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <stdexcept>

namespace cpm::adapt::test {

namespace {

struct Rgb {
  int r, g, b;
};
constexpr Rgb kRed{230, 20, 20}, kGreen{20, 200, 20}, kBlue{20, 20, 230}, kYellow{240, 230, 20};

Rgb quarter(int x, int y, int width, int height) {
  if (y < height / 2) return x < width / 2 ? kRed : kGreen;
  return x < width / 2 ? kBlue : kYellow;
}

std::string quarters(int width, int height, bool photo) {
  std::string rgb;
  rgb.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  std::uint32_t noise = 12345;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      Rgb c = quarter(x, y, width, height);
      if (photo) {
        // Soft waves and some grain, as a camera gives.
        noise = noise * 1664525 + 1013904223;
        const int wave =
            static_cast<int>(18 * std::sin(x * 0.013) * std::cos(y * 0.017)) + static_cast<int>(noise >> 24) % 17 - 8;
        for (int* part : {&c.r, &c.g, &c.b}) *part = std::clamp(*part + wave, 0, 255);
      }
      rgb.push_back(static_cast<char>(c.r));
      rgb.push_back(static_cast<char>(c.g));
      rgb.push_back(static_cast<char>(c.b));
    }
  }
  return rgb;
}

void initialise() {
  static const bool once = [] {
    Magick::InitializeMagick(nullptr);
    return true;
  }();
  (void)once;
}

Magick::Image drawn(int width, int height, bool photo = false) {
  initialise();
  const std::string rgb = quarters(width, height, photo);
  return {static_cast<std::size_t>(width), static_cast<std::size_t>(height), "RGB", Magick::CharPixel, rgb.data()};
}

std::string encoded(Magick::Image& image, const std::string& coder) {
  image.magick(coder);
  Magick::Blob blob;
  image.write(&blob);
  return {static_cast<const char*>(blob.data()), blob.length()};
}

void put16(std::string& out, unsigned value) {
  out.push_back(static_cast<char>(value & 0xff));
  out.push_back(static_cast<char>(value >> 8 & 0xff));
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, value & 0xffff);
  put16(out, value >> 16);
}
void put32_big(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

// TIFF structure: orientation in the first directory, a GPS directory with latitude and longitude.
std::string exif(int orientation) {
  std::string t = "II";
  put16(t, 42);
  put32(t, 8);
  put16(t, 2);  // entries
  put16(t, 0x0112);
  put16(t, 3);
  put32(t, 1);
  put32(t, static_cast<std::uint32_t>(orientation));
  put16(t, 0x8825);
  put16(t, 4);
  put32(t, 1);
  put32(t, 38);
  put32(t, 0);
  put16(t, 2);  // GPS, at 38
  put16(t, 1);
  put16(t, 2);
  put32(t, 2);
  t += std::string("N\0\0\0", 4);
  put16(t, 2);
  put16(t, 5);
  put32(t, 3);
  put32(t, 68);
  put32(t, 0);
  for (const std::uint32_t n : {50U, 1U, 7U, 1U, 30U, 1U}) put32(t, n);
  return "Exif" + std::string(2, '\0') + t + "GPSPOSITION";
}

Look look_jpeg(const std::string& octets) {
  struct Failing {
    jpeg_error_mgr base;
    std::jmp_buf back;
  } error{};
  jpeg_decompress_struct reader{};
  reader.err = jpeg_std_error(&error.base);
  error.base.error_exit = [](j_common_ptr info) { std::longjmp(reinterpret_cast<Failing*>(info->err)->back, 1); };
  error.base.output_message = [](j_common_ptr) {};
  static Look found;
  found = {};
  if (setjmp(error.back) != 0) {
    jpeg_destroy_decompress(&reader);
    return {};
  }
  jpeg_create_decompress(&reader);
  jpeg_mem_src(&reader, reinterpret_cast<const unsigned char*>(octets.data()), octets.size());
  jpeg_read_header(&reader, TRUE);
  reader.out_color_space = JCS_RGB;
  jpeg_start_decompress(&reader);
  found.type = "image/jpeg";
  found.width = static_cast<int>(reader.output_width);
  found.height = static_cast<int>(reader.output_height);
  found.rgb.resize(static_cast<std::size_t>(found.width) * static_cast<std::size_t>(found.height) * 3);
  while (reader.output_scanline < reader.output_height) {
    auto* row = reinterpret_cast<JSAMPROW>(found.rgb.data() + static_cast<std::size_t>(reader.output_scanline) *
                                                                  static_cast<std::size_t>(found.width) * 3);
    jpeg_read_scanlines(&reader, &row, 1);
  }
  jpeg_finish_decompress(&reader);
  jpeg_destroy_decompress(&reader);
  return found;
}

Look look_png(const std::string& octets) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  Look found;
  if (png_image_begin_read_from_memory(&image, octets.data(), octets.size()) == 0) return found;
  image.format = PNG_FORMAT_RGB;
  found.rgb.resize(PNG_IMAGE_SIZE(image));
  png_color white{255, 255, 255};
  if (png_image_finish_read(&image, &white, found.rgb.data(), 0, nullptr) == 0) return {};
  found.type = "image/png";
  found.width = static_cast<int>(image.width);
  found.height = static_cast<int>(image.height);
  return found;
}

Look look_webp(const std::string& octets) {
  Look found;
  std::uint8_t* rgb =
      WebPDecodeRGB(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size(), &found.width, &found.height);
  if (rgb == nullptr) return {};
  found.rgb.assign(reinterpret_cast<const char*>(rgb),
                   static_cast<std::size_t>(found.width) * static_cast<std::size_t>(found.height) * 3);
  WebPFree(rgb);
  found.type = "image/webp";
  return found;
}

void png_chunk(std::string& out, const char* name, const std::string& data) {
  put32_big(out, static_cast<std::uint32_t>(data.size()));
  const std::string body = name + data;
  out += body;
  put32_big(out, static_cast<std::uint32_t>(
                     ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
}

std::string deflated(std::size_t zeros) {
  std::string out(zeros / 500 + 1024, '\0');
  z_stream stream{};
  deflateInit(&stream, 9);
  std::string block(1 << 16, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  for (std::size_t left = zeros; left > 0;) {
    const std::size_t n = std::min(left, block.size());
    stream.next_in = reinterpret_cast<Bytef*>(block.data());
    stream.avail_in = static_cast<uInt>(n);
    left -= n;
    deflate(&stream, left == 0 ? Z_FINISH : Z_NO_FLUSH);
  }
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

char Look::corner(int x, int y) const {
  if (width == 0 || height == 0) return '?';
  const auto at = (static_cast<std::size_t>(height * y / 100) * static_cast<std::size_t>(width) +
                   static_cast<std::size_t>(width * x / 100)) *
                  3;
  const auto part = [&](std::size_t i) { return static_cast<unsigned char>(rgb[at + i]) > 128; };
  const int bits = (part(0) ? 4 : 0) + (part(1) ? 2 : 0) + (part(2) ? 1 : 0);
  return "kbg?r?yw"[bits];
}

std::string Look::corners() const { return {corner(20, 20), corner(80, 20), corner(20, 80), corner(80, 80)}; }

Look look(const std::string& octets) {
  if (octets.starts_with("\xff\xd8")) return look_jpeg(octets);
  if (octets.starts_with("\x89PNG")) return look_png(octets);
  if (octets.starts_with("RIFF")) return look_webp(octets);
  return {};
}

double difference(const Look& a, const Look& b) {
  if (a.rgb.size() != b.rgb.size() || a.rgb.empty()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i)
    sum += std::abs(static_cast<unsigned char>(a.rgb[i]) - static_cast<unsigned char>(b.rgb[i]));
  return sum / static_cast<double>(a.rgb.size());
}

Look quarters_look(int width, int height) { return {"", width, height, quarters(width, height, false)}; }

std::string picture(const std::string& coder, int width, int height, bool photo) {
  Magick::Image image = drawn(width, height, photo);
  image.quality(90);
  return encoded(image, coder);
}

std::string transparent_png(int width, int height) {
  initialise();
  std::string rgba;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) rgba += x < width / 2 ? std::string("\xe6\x14\x14\xff", 4) : std::string(4, '\0');
  }
  Magick::Image image(static_cast<std::size_t>(width), static_cast<std::size_t>(height), "RGBA", Magick::CharPixel,
                      rgba.data());
  return encoded(image, "PNG");
}

std::string jpeg_with_exif(int width, int height, int orientation, bool wide) {
  Magick::Image image = drawn(width, height);
  image.quality(90);
  if (wide) {
    // A space in which red and green are exchanged: unless it is followed, the corners are wrong.
    const cmsCIExyY d65{0.3127, 0.3290, 1.0};
    const cmsCIExyYTRIPLE swapped{{0.30, 0.60, 1}, {0.64, 0.33, 1}, {0.15, 0.06, 1}};
    cmsToneCurve* curve = cmsBuildGamma(nullptr, 2.2);
    cmsToneCurve* curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = cmsCreateRGBProfile(&d65, &swapped, curves);
    cmsUInt32Number size = 0;
    cmsSaveProfileToMem(profile, nullptr, &size);
    std::string octets(size, '\0');
    cmsSaveProfileToMem(profile, octets.data(), &size);
    cmsCloseProfile(profile);
    cmsFreeToneCurve(curve);
    image.iccColorProfile(Magick::Blob(octets.data(), octets.size()));
  }
  const std::string jpeg = encoded(image, "JPEG");
  const std::string app1 = exif(orientation);
  std::string out = jpeg.substr(0, 2) + "\xff\xe1";
  out.push_back(static_cast<char>((app1.size() + 2) >> 8));
  out.push_back(static_cast<char>((app1.size() + 2) & 0xff));
  return out + app1 + jpeg.substr(2);
}

std::string animation(int width, int height, int frames) {
  std::list<Magick::Image> list;
  for (int i = 0; i < frames; ++i) {
    Magick::Image image = drawn(width, height);
    const std::string dot(static_cast<std::size_t>(8 * 8 * 3), '\0');
    Magick::Image black(8, 8, "RGB", Magick::CharPixel, dot.data());
    image.composite(black, i * 8 % (width - 8), height / 2, Magick::OverCompositeOp);
    image.animationDelay(7);
    image.animationIterations(3);
    image.magick("GIF");
    list.push_back(image);
  }
  Magick::Blob blob;
  Magick::writeImages(list.begin(), list.end(), &blob, true);
  return {static_cast<const char*>(blob.data()), blob.length()};
}

std::string heic(int width, int height) {
  heif_context* context = heif_context_alloc();
  heif_encoder* encoder = nullptr;
  std::string out;
  if (heif_context_get_encoder_for_format(context, heif_compression_HEVC, &encoder).code == heif_error_Ok) {
    heif_image* image = nullptr;
    heif_image_create(width, height, heif_colorspace_RGB, heif_chroma_interleaved_RGB, &image);
    heif_image_add_plane(image, heif_channel_interleaved, width, height, 24);
    int stride = 0;
    std::uint8_t* rows = heif_image_get_plane(image, heif_channel_interleaved, &stride);
    const std::string rgb = quarters(width, height, false);
    for (int y = 0; y < height; ++y)
      std::memcpy(rows + static_cast<std::ptrdiff_t>(y) * stride, rgb.data() + static_cast<std::size_t>(y * width * 3),
                  static_cast<std::size_t>(width * 3));
    heif_encoder_set_lossy_quality(encoder, 70);
    heif_image_handle* handle = nullptr;
    const bool encoded = heif_context_encode_image(context, image, encoder, nullptr, &handle).code == heif_error_Ok;
    heif_writer writer{1, [](heif_context*, const void* data, std::size_t size, void* to) {
                         static_cast<std::string*>(to)->append(static_cast<const char*>(data), size);
                         return heif_error{heif_error_Ok, heif_suberror_Unspecified, ""};
                       }};
    if (encoded) heif_context_write(context, &writer, &out);
    if (handle != nullptr) heif_image_handle_release(handle);
    heif_image_release(image);
    heif_encoder_release(encoder);
  }
  heif_context_free(context);
  return out;
}

std::string wav(double seconds, int rate, int channels) {
  std::string data;
  const int count = static_cast<int>(seconds * rate);
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<std::int16_t>(12000 * std::sin(2 * M_PI * 440 * i / rate));
    for (int c = 0; c < channels; ++c) put16(data, static_cast<std::uint16_t>(value));
  }
  std::string out = "RIFF";
  put32(out, static_cast<std::uint32_t>(36 + data.size()));
  out += "WAVEfmt ";
  put32(out, 16);
  put16(out, 1);
  put16(out, static_cast<unsigned>(channels));
  put32(out, static_cast<std::uint32_t>(rate));
  put32(out, static_cast<std::uint32_t>(rate * channels * 2));
  put16(out, static_cast<unsigned>(channels * 2));
  put16(out, 16);
  out += "data";
  put32(out, static_cast<std::uint32_t>(data.size()));
  return out + data;
}

// Frames of 20 ms at 12.2 kbit/s with a pattern in them: noise, but a sound.
std::string amr(double seconds) {
  std::string out = "#!AMR\n";
  for (int i = 0; i < static_cast<int>(seconds * 50); ++i) {
    out.push_back(0x3c);
    for (int n = 0; n < 31; ++n) out.push_back(static_cast<char>((i * 31 + n * 7) & 0xff));
  }
  return out;
}

Heard hear_wav(const std::string& octets) {
  Heard heard;
  const auto number = [&](std::size_t at, int size) {
    std::uint32_t value = 0;
    for (int i = size - 1; i >= 0; --i)
      value = value << 8 | static_cast<unsigned char>(octets[at + static_cast<std::size_t>(i)]);
    return value;
  };
  const std::size_t format = octets.find("fmt ");
  const std::size_t data = octets.find("data");
  if (!octets.starts_with("RIFF") || format == std::string::npos || data == std::string::npos) return heard;
  heard.channels = static_cast<int>(number(format + 10, 2));
  heard.rate = static_cast<int>(number(format + 12, 4));
  const std::size_t frame = static_cast<std::size_t>(heard.channels) * 2;
  const std::size_t count = (octets.size() - data - 8) / frame;
  int crossings = 0;
  int before = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<std::int16_t>(number(data + 8 + i * frame, 2));
    if (std::abs(value) < 500) continue;
    const int sign = value > 0 ? 1 : -1;
    if (before != 0 && sign != before) ++crossings;
    before = sign;
  }
  heard.seconds = static_cast<double>(count) / heard.rate;
  heard.hertz = crossings / 2.0 / heard.seconds;
  return heard;
}

std::string pdf(int width, int height) {
  char content[400];
  std::snprintf(content, sizeof content,
                "0.9 0.08 0.08 rg 0 %d %d %d re f 0.08 0.78 0.08 rg %d %d %d %d re f\n"
                "0.08 0.08 0.9 rg 0 0 %d %d re f 0.94 0.9 0.08 rg %d 0 %d %d re f\n",
                height / 2, width / 2, height / 2, width / 2, height / 2, width / 2, height / 2, width / 2, height / 2,
                width / 2, width / 2, height / 2);
  const std::string page = "[0 0 " + std::to_string(width) + " " + std::to_string(height) + "]";
  return "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
         "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox" +
         page + "/Contents 4 0 R/Resources<<>>>>endobj\n4 0 obj<</Length " + std::to_string(std::strlen(content)) +
         ">>stream\n" + content + "endstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
}

std::string vcard() {
  return "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Zo\xc3\xab Sample\r\nN:Sample;Zo\xc3\xab;;;\r\nORG:Example;Re\r\n search\r\n"
         "TEL;TYPE=cell:+15550100\r\nEMAIL:zoe@example.net\r\nNOTE:likes a\\, b\\nand c\r\n"
         "PHOTO:data:image/png;base64,AAAA\r\nEND:VCARD\r\n";
}

std::string cpim(const std::string& type, const std::string& content) {
  return "From: <sip:a@example.net>\r\nTo: <sip:b@example.net>\r\nDateTime: 2026-01-02T03:04:05Z\r\n"
         "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: x1\r\n\r\nContent-Type: " +
         type + "\r\n\r\n" + content;
}

std::string html() {
  return "<!DOCTYPE html><html><head><title>no</title><style>p{color:red}</style></head><body><h1>Menu</h1>"
         "<p>Caf&eacute; &amp; <b>bread</b>,\n  every <a href=\"https://example.net/day\">day</a>.</p>"
         "<ul><li>tea</li><li>coffee<ol><li>black</li><li>white</li></ol></li></ul>"
         "<table><tr><th>What</th><th>Price</th></tr><tr><td>tea</td><td>2</td></tr></table>"
         "<blockquote><p>said before</p></blockquote><pre>a\n  b</pre><script>alert(1)</script>"
         "<img src=x alt=\"a cat\"></body></html>";
}

std::string png_bomb(std::uint32_t width, std::uint32_t height) {
  std::string header;
  put32_big(header, width);
  put32_big(header, height);
  header += std::string("\x08\x02\x00\x00\x00", 5);
  std::string out = "\x89PNG\r\n\x1a\n";
  png_chunk(out, "IHDR", header);
  png_chunk(out, "IDAT", deflated(std::size_t{64} << 20));
  png_chunk(out, "IEND", "");
  return out;
}

std::string gif_bomb(int frames) {
  std::string out = "GIF89a";
  put16(out, 64);
  put16(out, 64);
  out += std::string("\x80\x00\x00\x00\x00\x00\xff\xff\xff", 9);
  for (int i = 0; i < frames; ++i)
    out += std::string("\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00", 15);
  out.push_back(';');
  return out;
}

std::string tiff_bomb(std::uint32_t width, std::uint32_t height) {
  const std::string data = deflated(std::size_t{64} << 20);
  std::string out = "II";
  put16(out, 42);
  put32(out, 8);
  const std::array<std::array<std::uint32_t, 3>, 9> entries = {{{256, 4, width},
                                                                {257, 4, height},
                                                                {258, 3, 8},
                                                                {259, 3, 8},  // deflate
                                                                {262, 3, 1},
                                                                {273, 4, 122},
                                                                {277, 3, 1},
                                                                {278, 4, height},
                                                                {279, 4, static_cast<std::uint32_t>(data.size())}}};
  put16(out, static_cast<unsigned>(entries.size()));
  for (const auto& entry : entries) {
    put16(out, entry[0]);
    put16(out, entry[1]);
    put32(out, 1);
    put32(out, entry[2]);
  }
  put32(out, 0);
  return out + data;
}

}  // namespace cpm::adapt::test
