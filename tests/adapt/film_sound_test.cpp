// Films, sounds and pages through a real worker.
#include "tests/adapt/jailed.h"
#include "tests/adapt/samples.h"

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::test;

class Media : public testing::Test {
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
Jailed* Media::jailed_ = nullptr;

struct Kind {
  const char *type, *muxer;
};

TEST_F(Media, AFilmBecomesAPoster) {
  for (const Kind& kind : {Kind{"video/mp4", "mp4"}, Kind{"video/3gpp", "3gp"}, Kind{"video/webm", "webm"},
                           Kind{"video/quicktime", "mov"}}) {
    const std::string source = film(kind.muxer, 176, 144, 2.0);
    ASSERT_FALSE(source.empty()) << kind.muxer;
    for (const auto* target : {"image/jpeg", "image/png", "image/webp"}) {
      const Converted done = good(convert(kind.type, target, source, {{"pix-x", "88"}}));
      const Look seen = look(done.octets);
      EXPECT_EQ(seen.type, target);
      EXPECT_EQ(seen.width, 88) << kind.type;
      EXPECT_EQ(seen.height, 72) << kind.type;
      EXPECT_EQ(seen.corners(), "rgby") << kind.type;
      EXPECT_LT(difference(seen, quarters_look(88, 72)), 16) << kind.type;
      EXPECT_FALSE(done.mislabelled) << done.found;
      EXPECT_EQ(done.facts.at("width"), "176");
      EXPECT_NEAR(std::stod(done.facts.at("duration")), 2.0, 0.2);
    }
    const Converted facts = good(convert(kind.type, "application/json", source));
    EXPECT_NE(facts.octets.find("\"height\":144"), std::string::npos);
  }
}

TEST_F(Media, AFilmThatLiesOnItsSideIsTurned) {
  const Converted done = good(convert("video/mp4", "image/png", film("mp4", 176, 144, 1.0, 1)));
  const Look seen = look(done.octets);
  EXPECT_EQ(seen.width, 144);
  EXPECT_EQ(seen.height, 176);
  EXPECT_EQ(seen.corners(), "bryg");
  EXPECT_EQ(done.facts.at("width"), "144");
}

TEST_F(Media, PixelsThatAreNotSquareAreMadeSo) {
  // H.263 has pixels of 12:11 in this size.
  const Look seen = look(good(convert("video/3gpp", "image/png", film("3gp", 176, 144, 1.0, 0, "h263"))).octets);
  EXPECT_EQ(seen.width, 176);
  EXPECT_EQ(seen.height, 132);
  EXPECT_EQ(seen.corners(), "rgby");
}

TEST_F(Media, ASoundBecomesAnother) {
  const struct {
    const char* type;
    std::string octets;
    bool tone;
  } sources[] = {{"audio/wav", wav(1.5), true},
                 {"audio/mpeg", sound("mp3", "libmp3lame", 1.5), true},
                 {"audio/ogg", sound("ogg", "libvorbis", 1.5), true},
                 {"audio/aac", sound("adts", "aac", 1.5), true},
                 {"audio/mp4", sound("ipod", "aac", 1.5), true},
                 {"audio/amr", amr(1.5), false}};
  for (const auto& source : sources) {
    ASSERT_FALSE(source.octets.empty()) << source.type;
    const Converted facts = good(convert(source.type, "application/json", source.octets));
    EXPECT_EQ(facts.found, source.type);
    EXPECT_EQ(facts.octets.find("{\"type\":\"" + std::string(source.type) + "\","), 0U);
    for (const auto* target : {"audio/mpeg", "audio/ogg", "audio/wav"}) {
      const Converted done = good(convert(source.type, target, source.octets));
      EXPECT_EQ(done.type, target);
      EXPECT_NEAR(std::stod(done.facts.at("duration")), 1.5, 0.15) << source.type;
      // Back to samples, to hear it.
      const Heard heard = hear_wav(good(convert(target, "audio/wav", done.octets)).octets);
      EXPECT_NEAR(heard.seconds, 1.5, 0.2) << source.type << " to " << target;
      if (source.tone) {
        EXPECT_NEAR(heard.hertz, 440, 20) << source.type << " to " << target;
      }
    }
  }
}

TEST_F(Media, SoundParameters) {
  const Converted done =
      good(convert("audio/wav", "audio/wav", wav(1.0, 44'100, 2), {{"sample-rate", "8000"}, {"channels", "1"}}));
  const Heard heard = hear_wav(done.octets);
  EXPECT_EQ(heard.rate, 8000);
  EXPECT_EQ(heard.channels, 1);
  EXPECT_NEAR(heard.hertz, 440, 5);
  const std::string source = wav(3.0, 48'000, 2);
  EXPECT_LT(good(convert("audio/wav", "audio/ogg", source, {{"bit-rate", "16000"}})).octets.size() * 2,
            good(convert("audio/wav", "audio/ogg", source, {{"bit-rate", "128000"}})).octets.size());
}

TEST_F(Media, ASoundThatIsTooLong) {
  AdapterSettings with = settings();
  with.duration = std::chrono::seconds(2);
  Jailed jailed(with);
  EXPECT_EQ(bad(jailed.convert(task("audio/wav", "audio/mpeg", wav(3)))).why, Refusal::too_large);
  (void)good(jailed.convert(task("audio/wav", "audio/mpeg", wav(1))));
  // A header that lies: AMR has none, its frames are counted.
  EXPECT_EQ(bad(jailed.convert(task("audio/amr", "audio/wav", amr(3)))).why, Refusal::too_large);
}

TEST_F(Media, TheFirstPageOfADocument) {
  for (const auto* target : {"image/jpeg", "image/png", "image/webp"}) {
    const Converted done = good(convert("application/pdf", target, pdf(400, 200), {{"pix-x", "100"}}));
    const Look seen = look(done.octets);
    EXPECT_EQ(seen.type, target);
    EXPECT_EQ(seen.width, 100);
    EXPECT_EQ(seen.height, 50);
    EXPECT_EQ(seen.corners(), "rgby");
    EXPECT_LT(difference(seen, quarters_look(100, 50)), 8);
    EXPECT_EQ(done.facts.at("pages"), "1");
  }
}

TEST_F(Media, APageThatIsTooLarge) {
  EXPECT_EQ(bad(convert("application/pdf", "image/png", pdf(200'000, 200'000))).why, Refusal::too_large);
  EXPECT_EQ(bad(convert("application/pdf", "image/png", "%PDF-1.4\nnothing")).why, Refusal::broken_source);
}

}  // namespace
