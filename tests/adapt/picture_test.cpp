// Pictures through a real worker; results are looked at with other libraries than the one that made them.
#include "tests/adapt/jailed.h"
#include "tests/adapt/samples.h"

#include <algorithm>

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::test;

class Picture : public testing::Test {
 protected:
  static void SetUpTestSuite() { jailed_ = new Jailed(settings()); }
  static void TearDownTestSuite() {
    delete jailed_;
    jailed_ = nullptr;
  }
  static Outcome convert(std::string declared, std::string target, std::string octets, Parameters parameters = {}) {
    return jailed_->convert(task(std::move(declared), std::move(target), std::move(octets), std::move(parameters)));
  }
  static Jailed* jailed_;
};
Jailed* Picture::jailed_ = nullptr;

struct Format {
  const char* type;
  const char* coder;
};
constexpr Format kFormats[] = {{"image/jpeg", "JPEG"}, {"image/png", "PNG"}, {"image/gif", "GIF"},
                               {"image/webp", "WEBP"}, {"image/bmp", "BMP"}, {"image/tiff", "TIFF"}};

TEST_F(Picture, EveryFormatBecomesEveryOther) {
  for (const Format& format : kFormats) {
    const std::string source = picture(format.coder, 320, 200);
    for (const auto* target : {"image/jpeg", "image/png", "image/webp"}) {
      const Converted done = good(convert(format.type, target, source, {{"pix-x", "80"}, {"pix-y", "80"}}));
      EXPECT_EQ(done.type, target);
      EXPECT_EQ(done.found, format.type);
      EXPECT_FALSE(done.mislabelled);
      EXPECT_EQ(done.facts.at("width"), "320");
      EXPECT_EQ(done.facts.at("height"), "200");
      const Look seen = look(done.octets);
      EXPECT_EQ(seen.type, target) << format.type;
      EXPECT_EQ(seen.width, 80) << format.type;
      EXPECT_EQ(seen.height, 50) << format.type;
      EXPECT_EQ(seen.corners(), "rgby") << format.type << " to " << target;
      EXPECT_LT(difference(seen, quarters_look(80, 50)), 6) << format.type << " to " << target;
    }
  }
}

TEST_F(Picture, TheDefaultIsJpegInFullSize) {
  const Converted done = good(convert("image/png", "", picture("PNG", 123, 77)));
  EXPECT_EQ(done.type, "image/jpeg");
  const Look seen = look(done.octets);
  EXPECT_EQ(seen.type, "image/jpeg");
  EXPECT_EQ(seen.width, 123);
  EXPECT_EQ(seen.height, 77);
}

TEST_F(Picture, IsNeverEnlarged) {
  const Look seen = look(good(convert("image/png", "image/png", picture("PNG", 60, 40), {{"pix-x", "600"}})).octets);
  EXPECT_EQ(seen.width, 60);
  EXPECT_EQ(seen.height, 40);
}

TEST_F(Picture, OneSideIsEnough) {
  const Look seen = look(good(convert("image/png", "image/png", picture("PNG", 60, 40), {{"pix-y", "10"}})).octets);
  EXPECT_EQ(seen.width, 15);
  EXPECT_EQ(seen.height, 10);
}

// EXIF 2.3: what is done to the stored picture to see it upright.
TEST_F(Picture, IsUprightAfterwards) {
  const char* const corners[] = {"rgby", "gryb", "ybgr", "byrg", "rbgy", "brYg", "ygbr", "gyrb"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string source = jpeg_with_exif(300, 200, orientation);
    const Look seen = look(good(convert("image/jpeg", "image/png", source, {{"pix-x", "60"}, {"pix-y", "60"}})).octets);
    EXPECT_EQ(seen.width, orientation < 5 ? 60 : 40) << orientation;
    EXPECT_EQ(seen.height, orientation < 5 ? 40 : 60) << orientation;
    std::string expected = corners[orientation - 1];
    std::transform(expected.begin(), expected.end(), expected.begin(), [](char c) { return c == 'Y' ? 'y' : c; });
    EXPECT_EQ(seen.corners(), expected) << orientation;
  }
}

TEST_F(Picture, PositionAndOtherMetadataAreGone) {
  const std::string source = jpeg_with_exif(300, 200, 1, true);
  ASSERT_NE(source.find("GPSPOSITION"), std::string::npos);
  for (const auto* target : {"image/jpeg", "image/png", "image/webp"}) {
    const Converted done = good(convert("image/jpeg", target, source));
    for (const auto* mark : {"GPSPOSITION", "Exif", "eXIf", "EXIF", "ICC", "iCCP", "http://ns.adobe.com", "date:"})
      EXPECT_EQ(done.octets.find(mark), std::string::npos) << target << ' ' << mark;
  }
}

TEST_F(Picture, AProfileIsFollowed) {
  // In this profile red and green are exchanged.
  const Look seen = look(good(convert("image/jpeg", "image/png", jpeg_with_exif(300, 200, 1, true))).octets);
  EXPECT_EQ(seen.corners(), "grby");
}

TEST_F(Picture, TransparentBecomesWhiteInJpeg) {
  const Look seen = look(good(convert("image/png", "image/jpeg", transparent_png(100, 50))).octets);
  EXPECT_EQ(seen.corners(), "rwrw");
}

TEST_F(Picture, QualityAndSizeLimitMakeItSmaller) {
  const std::string source = picture("PNG", 800, 600, true);
  const std::size_t fine = good(convert("image/png", "image/jpeg", source, {{"quality", "95"}})).octets.size();
  const std::size_t coarse = good(convert("image/png", "image/jpeg", source, {{"quality", "30"}})).octets.size();
  EXPECT_LT(coarse * 2, fine);
  const Converted small = good(convert("image/png", "image/jpeg", source, {{"size-limit", "6000"}}));
  EXPECT_LE(small.octets.size(), 6000U);
  EXPECT_EQ(look(small.octets).corners(), "rgby");
}

TEST_F(Picture, AnAnimationStaysOneAndGetsSmaller) {
  const std::string source = animation(160, 120, 9);
  const Converted done = good(convert("image/gif", "image/gif", source, {{"pix-x", "40"}, {"pix-y", "40"}}));
  EXPECT_EQ(done.type, "image/gif");
  EXPECT_EQ(done.facts.at("frames"), "9");
  EXPECT_EQ(done.octets.substr(0, 6), "GIF89a");
  EXPECT_EQ(done.octets.substr(6, 4), std::string("\x28\0\x1e\0", 4));  // 40 x 30
  const Converted few = good(convert("image/gif", "image/gif", source, {{"frames", "3"}}));
  EXPECT_EQ(few.facts.at("result-frames"), "3");
  const Look first = look(good(convert("image/gif", "image/png", source)).octets);
  EXPECT_EQ(first.width, 160);
  EXPECT_EQ(first.corners(), "rgby");
}

TEST_F(Picture, Heic) {
  const std::string source = heic(256, 160);
  if (source.empty()) GTEST_SKIP() << "libheif has no encoder here";
  const Converted done = good(convert("image/heic", "image/jpeg", source, {{"pix-x", "64"}}));
  const Look seen = look(done.octets);
  EXPECT_EQ(done.facts.at("width"), "256");
  EXPECT_EQ(seen.width, 64);
  EXPECT_EQ(seen.height, 40);
  EXPECT_EQ(seen.corners(), "rgby");
}

TEST_F(Picture, FactsAsJson) {
  const Converted done = good(convert("image/gif", "application/json", animation(64, 48, 4)));
  EXPECT_EQ(done.octets, "{\"type\":\"image/gif\",\"frames\":4,\"height\":48,\"width\":64}\r\n");
}

TEST_F(Picture, ALabelThatIsWrongIsTold) {
  const Converted done = good(convert("image/png", "image/jpeg", picture("BMP", 40, 30)));
  EXPECT_EQ(done.found, "image/bmp");
  EXPECT_TRUE(done.mislabelled);
  EXPECT_EQ(look(done.octets).corners(), "rgby");
  EXPECT_FALSE(good(convert("", "image/jpeg", picture("BMP", 40, 30))).mislabelled);
  EXPECT_FALSE(good(convert("application/octet-stream", "image/jpeg", picture("BMP", 40, 30))).mislabelled);
  EXPECT_FALSE(good(convert("IMAGE/JPG", "image/png", picture("JPEG", 40, 30))).mislabelled);
}

TEST_F(Picture, ParametersThatDoNotFitAreNamed) {
  const std::string source = picture("PNG", 40, 30);
  const Refused refused = bad(convert("image/png", "image/png", source,
                                      {{"pix-x", "0"}, {"pix-y", "20"}, {"charset", "utf-8"}, {"quality", "90"}}));
  EXPECT_EQ(refused.why, Refusal::bad_parameters);
  EXPECT_EQ(refused.parameters, (std::vector<std::string>{"charset", "pix-x", "quality"}));
  EXPECT_EQ(refused.found, "image/png");
  EXPECT_EQ(refused.target, "image/png");
  for (const auto* value : {"", "-1", "1x", "99999999999999999999", "20000", " 5"})
    EXPECT_EQ(bad(convert("image/png", "image/png", source, {{"pix-x", value}})).why, Refusal::bad_parameters) << value;
}

TEST_F(Picture, NoSuchConversion) {
  EXPECT_EQ(bad(convert("image/png", "text/plain", picture("PNG", 40, 30))).why, Refusal::unsupported);
  EXPECT_EQ(bad(convert("image/png", "image/x-none", picture("PNG", 40, 30))).why, Refusal::unsupported);
}

}  // namespace
