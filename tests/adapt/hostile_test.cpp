// Octets made to harm: through a real worker, whose life they may cost, and nothing more.
#include "tests/adapt/jailed.h"
#include "tests/adapt/samples.h"

#include <fstream>
#include <random>
#include <vector>

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::test;

class Hostile : public testing::Test {
 protected:
  static void SetUpTestSuite() { jailed_ = new Jailed(settings()); }
  static void TearDownTestSuite() {
    delete jailed_;
    jailed_ = nullptr;
  }
  static Outcome convert(std::string declared, std::string target, std::string octets, Parameters parameters = {}) {
    return jailed_->convert(task(std::move(declared), std::move(target), std::move(octets), std::move(parameters)));
  }
  void TearDown() override { EXPECT_EQ(good(convert("text/plain", "", "still here")).octets, "still here"); }
  static Jailed* jailed_;
};
Jailed* Hostile::jailed_ = nullptr;

TEST_F(Hostile, PicturesThatClaimToBeLargeAreNotDecoded) {
  for (const auto& [type, octets] : {std::pair<std::string, std::string>{"image/png", png_bomb(30'000, 30'000)},
                                     {"image/png", png_bomb(1, 2'000'000'000)},
                                     {"image/tiff", tiff_bomb(30'000, 30'000)},
                                     {"image/tiff", tiff_bomb(4'000'000'000U, 4'000'000'000U)}}) {
    const auto begun = std::chrono::steady_clock::now();
    const Refused refused = bad(convert(type, "image/jpeg", octets, {{"pix-x", "100"}}));
    EXPECT_TRUE(refused.why == Refusal::too_large || refused.why == Refusal::broken_source)
        << type << ' ' << refusal_name(refused.why);
    EXPECT_EQ(refused.found, type);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  }
  EXPECT_EQ(bad(convert("image/png", "image/jpeg", png_bomb(30'000, 30'000))).why, Refusal::too_large);
}

// Below the bound of pixels, above that of memory.
TEST_F(Hostile, MemoryEndsBeforeTheMachineDoes) {
  AdapterSettings with = settings();
  with.memory = 128ULL << 20;
  with.pixels = 1'000'000'000;
  Jailed jailed(with);
  const Refused refused = bad(jailed.convert(task("image/tiff", "image/png", tiff_bomb(25'000, 25'000))));
  EXPECT_TRUE(refused.why == Refusal::too_large || refused.why == Refusal::broken_source) << refusal_name(refused.why);
}

TEST_F(Hostile, AnimationsWithoutEnd) {
  const std::string bomb = gif_bomb(100'000);
  EXPECT_EQ(bad(convert("image/gif", "image/gif", bomb)).why, Refusal::too_large);
  EXPECT_EQ(good(convert("image/gif", "image/gif", bomb, {{"frames", "5"}})).facts.at("result-frames"), "5");
  EXPECT_EQ(look(good(convert("image/gif", "image/jpeg", bomb)).octets).width, 64);
}

TEST_F(Hostile, CutOffAtAnyPlace) {
  const std::pair<std::string, std::string> whole[] = {
      {"image/jpeg", picture("JPEG", 64, 48)}, {"image/png", picture("PNG", 64, 48)},
      {"image/gif", animation(64, 48, 3)},     {"image/webp", picture("WEBP", 64, 48)},
      {"image/bmp", picture("BMP", 64, 48)},   {"image/tiff", picture("TIFF", 64, 48)},
      {"video/mp4", film("mp4", 64, 48, 1)},   {"audio/mpeg", sound("mp3", "libmp3lame", 0.5)},
      {"application/pdf", pdf(60, 40)}};
  for (const auto& [type, octets] : whole) {
    for (std::size_t part = 1; part < 16; ++part) {
      const Outcome outcome = convert(type, "", octets.substr(0, octets.size() * part / 16));
      if (const auto* refused = std::get_if<Refused>(&outcome)) {
        EXPECT_NE(refused->why, Refusal::crashed) << type << ' ' << part;
        EXPECT_NE(refused->why, Refusal::timed_out) << type << ' ' << part;
      }
    }
  }
}

// The decoders that ImageMagick has besides ours are not reached, whatever the label says.
TEST_F(Hostile, OtherDecodersAreNotReached) {
  const char* const sources[] = {
      "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><image "
      "href=\"file:///etc/passwd\"/></svg>",
      "push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://127.0.0.1/x\"|touch /tmp/x\")'\npop "
      "graphic-context\n",
      "<?xml version=\"1.0\"?><image><read filename=\"/etc/passwd\"/><write filename=\"/tmp/x\"/></image>",
      "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch /tmp/x) (w) file\n",
      "label:@/etc/passwd",
      "https://127.0.0.1/x.png",
      "@/etc/passwd",
      "caption:x",
      "P6 4 4 255\nxxxxxxxxxxxxxxxxxxxxxxxx",
      "/* XPM */\nstatic char * x[] = {\"1 1 1 1\",\"a c red\",\"a\"};\n",
      "id=ImageMagick version=1.0\n"};
  for (const char* source : sources) {
    for (const auto* label : {"image/png", "image/jpeg", "image/svg+xml", "application/octet-stream", ""}) {
      const Refused refused = bad(convert(label, "image/png", source));
      EXPECT_EQ(refused.why, Refusal::unsupported) << source << ' ' << refused.detail;
      EXPECT_NE(refused.found, "image/png");
    }
  }
}

TEST_F(Hostile, WhatIsTwoThingsIsTheOneThatItBeginsAs) {
  std::string gif = picture("GIF", 40, 30);
  gif += "<html><script>alert(1)</script></html>";
  const Converted picture_of = good(convert("text/html", "image/png", gif));
  EXPECT_EQ(picture_of.found, "image/gif");
  EXPECT_TRUE(picture_of.mislabelled);
  EXPECT_EQ(picture_of.octets.find("script"), std::string::npos);
  EXPECT_EQ(bad(convert("text/html", "text/plain", gif)).why, Refusal::unsupported);
  const Converted jpeg = good(convert("application/pdf", "image/png", picture("JPEG", 40, 30) + pdf(30, 20)));
  EXPECT_EQ(jpeg.found, "image/jpeg");
  EXPECT_EQ(look(jpeg.octets).width, 40);
}

TEST_F(Hostile, HeadersThatLie) {
  // A length of a JPEG segment, a count of colours, a size of a box: all ones.
  for (std::size_t at : {4U, 20U, 24U, 40U, 160U}) {
    for (const auto* coder : {"JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"}) {
      std::string octets = picture(coder, 64, 48);
      for (std::size_t i = at; i < at + 4 && i < octets.size(); ++i) octets[i] = '\xff';
      const Outcome outcome = convert("", "image/png", octets);
      if (const auto* refused = std::get_if<Refused>(&outcome)) {
        EXPECT_NE(refused->why, Refusal::timed_out) << coder;
      }
    }
  }
  std::string endless = wav(0.2);
  endless.replace(40, 4, "\xff\xff\xff\x7f");
  EXPECT_LT(std::stod(good(convert("audio/wav", "audio/mpeg", endless)).facts.at("duration")), 1);
}

// Some hundred samples with octets changed, by a fixed seed: refused, converted, or the worker dies and the next lives.
TEST_F(Hostile, MutatedSamples) {
  std::vector<std::string> seeds = {picture("JPEG", 48, 32),
                                    picture("PNG", 48, 32),
                                    animation(48, 32, 3),
                                    picture("WEBP", 48, 32),
                                    picture("BMP", 48, 32),
                                    picture("TIFF", 48, 32),
                                    jpeg_with_exif(48, 32, 6, true),
                                    film("mp4", 48, 32, 0.4),
                                    film("webm", 48, 32, 0.4),
                                    sound("mp3", "libmp3lame", 0.2),
                                    sound("ogg", "libvorbis", 0.2),
                                    amr(0.2),
                                    wav(0.1),
                                    pdf(60, 40),
                                    html(),
                                    vcard(),
                                    cpim("text/plain", "x")};
  if (std::string made = heic(64, 64); !made.empty()) seeds.push_back(std::move(made));
  std::mt19937 random(20261201);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  int converted = 0;
  int refused = 0;
  int died = 0;
  for (int i = 0; i < 400; ++i) {
    std::string octets = seeds[static_cast<std::size_t>(i) % seeds.size()];
    for (std::size_t n = 1 + below(8); n > 0 && !octets.empty(); --n) {
      const std::size_t at = below(octets.size());
      switch (below(5)) {
        case 0: octets[at] = static_cast<char>(random()); break;
        case 1: octets[at] = static_cast<char>(octets[at] ^ (1 << below(8))); break;
        case 2: octets.erase(at, 1 + below(16)); break;
        case 3: octets.insert(at, octets.substr(below(octets.size()), 1 + below(64))); break;
        default: octets.replace(at, std::min<std::size_t>(4, octets.size() - at), "\xff\xff\xff\xff", 4);
      }
    }
    const Outcome outcome = convert("", below(2) == 0 ? "" : "application/json", octets, {});
    if (const auto* no = std::get_if<Refused>(&outcome)) {
      ++refused;
      if (no->why == Refusal::crashed) ++died;
      EXPECT_NE(no->why, Refusal::busy);
    } else {
      ++converted;
    }
  }
  RecordProperty("converted", converted);
  RecordProperty("refused", refused);
  RecordProperty("died", died);
  EXPECT_GT(converted, 50);
  EXPECT_GT(refused, 50);
  EXPECT_EQ(jailed_->adapter().status().crashes, static_cast<std::uint64_t>(died));
}

}  // namespace
