#include "adapt/worker/sniff.h"

#include "adapt/conversions.h"

#include <magic.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

namespace cpm::adapt::worker {

namespace {

magic_t g_magic = nullptr;

bool textual(std::string_view type) {
  static constexpr std::array<std::string_view, 9> kOthers = {
      "message/cpim",        "message/rfc822", "application/json", "application/javascript", "application/xml",
      "application/x-empty", "inode/x-empty",  "message/news",     "application/csv"};
  return (type.starts_with("text/") || std::find(kOthers.begin(), kOthers.end(), type) != kOthers.end()) &&
         type != "text/rtf";
}

bool has(std::string_view octets, std::size_t at, std::string_view mark) {
  return octets.size() >= at + mark.size() && octets.substr(at, mark.size()) == mark;
}

// Two frames of MPEG audio layer 3, one after the other: libmagic wants an ID3 tag or few bit patterns.
bool mpeg_audio(std::string_view octets) {
  static constexpr int kRates1[] = {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0};
  static constexpr int kRates2[] = {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0};
  static constexpr int kSamples[] = {44100, 48000, 32000, 0};
  std::size_t at = 0;
  for (int frames = 0; frames < 2; ++frames) {
    if (octets.size() < at + 4) return false;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(octets[at + i]); };
    if (byte(0) != 0xff || (byte(1) & 0xe6) != 0xe2) return false;
    const int version = byte(1) >> 3 & 3;  // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    const int rate = (version == 3 ? kRates1 : kRates2)[byte(2) >> 4];
    const int samples = kSamples[byte(2) >> 2 & 3] / (version == 3 ? 1 : version == 2 ? 2 : 4);
    if (version == 1 || rate == 0 || samples == 0) return false;
    at += static_cast<std::size_t>((version == 3 ? 144 : 72) * rate * 1000 / samples + (byte(2) >> 1 & 1));
  }
  return true;
}

// Families whose members libmagic takes for another.
std::string by_mark(std::string_view octets) {
  if (has(octets, 0, "#!AMR")) return "audio/amr";
  if (has(octets, 0, "\x1a\x45\xdf\xa3"))
    return octets.substr(0, 4096).find("webm") != std::string_view::npos ? "video/webm" : "video/x-matroska";
  if (has(octets, 0, "OggS")) return "audio/ogg";
  if (has(octets, 0, "RIFF") && has(octets, 8, "WAVE")) return "audio/wav";
  if (has(octets, 0, "RIFF") && has(octets, 8, "WEBP")) return "image/webp";
  if (has(octets, 4, "ftyp")) {
    const std::string_view brand = octets.substr(8, 4);
    for (const std::string_view heic : {"heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"}) {
      if (brand == heic)
        return octets.substr(8, 64).find("avif") != std::string_view::npos ? "image/avif" : "image/heic";
    }
    if (brand == "avif" || brand == "avis") return "image/avif";
    if (brand.starts_with("3g")) return "video/3gpp";
    if (brand == "qt  ") return "video/quicktime";
    if (brand == "M4A " || brand == "M4B ") return "audio/mp4";
    return "video/mp4";
  }
  if (mpeg_audio(octets)) return "audio/mpeg";
  return {};
}

std::string by_magic(std::string_view octets) {
  const std::string_view looked = octets.substr(0, kBeginning);
  const char* type = ::magic_buffer(g_magic, looked.data(), looked.size());
  return canonical_type(type != nullptr ? type : "application/octet-stream");
}

}  // namespace

void prepare_sniffer() {
  if (g_magic != nullptr) return;
  // Archives and compressed data are never looked into: that would run programs.
  g_magic = ::magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_CDF |
                         MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_APPTYPE);
  if (g_magic == nullptr || ::magic_load(g_magic, nullptr) != 0)
    throw std::runtime_error("the database of libmagic cannot be loaded");
}

Found sniff(std::string_view octets, const std::string& declared) {
  Found found;
  found.type = by_mark(octets);
  if (found.type.empty()) found.type = by_magic(octets);
  const std::string label = canonical_type(declared);
  const bool says_something = !label.empty() && label != "application/octet-stream";
  // ISO base media: which of the family it is, a label may know better than the brand.
  static constexpr std::array<std::string_view, 4> kFamily = {"video/mp4", "video/3gpp", "audio/mp4",
                                                              "video/quicktime"};
  const auto in_family = [&](std::string_view type) {
    return std::find(kFamily.begin(), kFamily.end(), type) != kFamily.end();
  };
  if (in_family(found.type) && in_family(label)) found.type = label;
  if (textual(label) && (textual(found.type) || found.type == "application/octet-stream")) {
    // Text in a charset that libmagic does not know looks like anything.
    found.type = label;
  } else if (textual(found.type) && found.type != "text/html" && find_conversion(found.type, "") == nullptr) {
    if (found.type != "text/xml") found.type = "text/plain";
  }
  found.mislabelled = says_something && label != found.type;
  return found;
}

}  // namespace cpm::adapt::worker
