#include "adapt/conversions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace cpm::adapt {

namespace {

constexpr std::int64_t kSide = 16384;  // pixels; a result is never larger than its source

constexpr Parameter kPixX{"pix-x", true, 1, kSide, "width of the source"};
constexpr Parameter kPixY{"pix-y", true, 1, kSide, "height of the source"};
constexpr Parameter kQuality{"quality", true, 1, 100, "82"};
constexpr Parameter kSize{"size-limit", true, 1024, 1 << 30, "none"};
constexpr Parameter kFrames{"frames", true, 1, 10'000, "all"};
constexpr Parameter kCharset{"charset", false, 1, 40, "utf-8"};
constexpr Parameter kReplacement{"unknown-character-replacement", false, 1, 16, "none: such a text is refused"};
constexpr Parameter kRate{"sample-rate", true, 8000, 48'000, "that of the source, as the format allows"};
constexpr Parameter kChannels{"channels", true, 1, 2, "those of the source, two at most"};
constexpr Parameter kBitRate{"bit-rate", true, 8000, 320'000, "the encoder's"};

constexpr std::array kLossy{kPixX, kPixY, kQuality, kSize};
constexpr std::array kLossless{kPixX, kPixY};
constexpr std::array kAnimation{kPixX, kPixY, kFrames};
constexpr std::array kText{kCharset, kReplacement};
constexpr std::array kCompressedSound{kRate, kChannels, kBitRate};
constexpr std::array kPlainSound{kRate, kChannels};

constexpr std::string_view kJson = "application/json";

std::vector<Conversion> make_table() {
  std::vector<Conversion> table;
  const auto pictures = [&](std::string_view source) {
    table.push_back({source, "image/jpeg", kLossy, true});
    table.push_back({source, "image/png", kLossless, false});
    table.push_back({source, "image/webp", kLossy, false});
    table.push_back({source, kJson, {}, false});
  };
  for (const auto source :
       {"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff", "image/heic", "video/mp4",
        "video/3gpp", "video/webm", "video/quicktime", "application/pdf"})
    pictures(source);
  table.push_back({"image/gif", "image/gif", kAnimation, false});
  for (const auto source : {"audio/amr", "audio/aac", "audio/mpeg", "audio/ogg", "audio/wav", "audio/mp4"}) {
    table.push_back({source, "audio/mpeg", kCompressedSound, true});
    table.push_back({source, "audio/ogg", kCompressedSound, false});
    table.push_back({source, "audio/wav", kPlainSound, false});
    table.push_back({source, kJson, {}, false});
  }
  for (const auto source : {"text/plain", "text/html", "text/csv", "text/css", "text/vcard", "message/cpim"})
    table.push_back({source, "text/plain", kText, true});
  std::sort(table.begin(), table.end(), [](const Conversion& a, const Conversion& b) {
    return std::pair(a.source, a.target) < std::pair(b.source, b.target);
  });
  return table;
}

// Other names in use, among them those that libmagic says.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"application/ogg", "audio/ogg"},     {"application/x-pdf", "application/pdf"},
    {"audio/3gpp", "audio/mp4"},          {"audio/aacp", "audio/aac"},
    {"audio/amr-wb", "audio/amr"},        {"audio/mp3", "audio/mpeg"},
    {"audio/opus", "audio/ogg"},          {"audio/vnd.wave", "audio/wav"},
    {"audio/vorbis", "audio/ogg"},        {"audio/wave", "audio/wav"},
    {"audio/x-aac", "audio/aac"},         {"audio/x-amr", "audio/amr"},
    {"audio/x-hx-aac-adts", "audio/aac"}, {"audio/x-m4a", "audio/mp4"},
    {"audio/x-mp3", "audio/mpeg"},        {"audio/x-mpeg", "audio/mpeg"},
    {"audio/x-wav", "audio/wav"},         {"image/heic-sequence", "image/heic"},
    {"image/heif", "image/heic"},         {"image/heif-sequence", "image/heic"},
    {"image/jpg", "image/jpeg"},          {"image/pjpeg", "image/jpeg"},
    {"image/tif", "image/tiff"},          {"image/x-bmp", "image/bmp"},
    {"image/x-ms-bmp", "image/bmp"},      {"image/x-png", "image/png"},
    {"text/directory", "text/vcard"},     {"text/x-vcard", "text/vcard"},
    {"video/3gp", "video/3gpp"},          {"video/3gpp2", "video/3gpp"},
    {"video/x-m4v", "video/mp4"},         {"application/xhtml+xml", "text/html"},
};

bool in_range(const Parameter& known, const std::string& value) {
  if (!known.number) return !value.empty() && value.size() <= static_cast<std::size_t>(known.most);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc() && end == value.data() + value.size() && number >= known.least && number <= known.most;
}

}  // namespace

std::span<const Conversion> conversions() {
  static const std::vector<Conversion> table = make_table();
  return table;
}

const Conversion* find_conversion(std::string_view source, std::string_view target) {
  for (const Conversion& conversion : conversions()) {
    if (conversion.source == source && (target.empty() ? conversion.by_default : conversion.target == target))
      return &conversion;
  }
  return nullptr;
}

std::string canonical_type(std::string_view type) {
  std::string lower(type);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto* name =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& n) { return n.first == lower; });
  return name == std::end(kNames) ? lower : std::string(name->second);
}

bool has_parameter(const Conversion& conversion, std::string_view name) {
  return std::any_of(conversion.parameters.begin(), conversion.parameters.end(),
                     [&](const Parameter& one) { return one.name == name; });
}

std::vector<std::string> wrong_parameters(const Conversion& conversion, const Parameters& parameters) {
  std::vector<std::string> wrong;
  for (const auto& [name, value] : parameters) {
    const auto known = std::find_if(conversion.parameters.begin(), conversion.parameters.end(),
                                    [&wanted = name](const Parameter& p) { return p.name == wanted; });
    if (known == conversion.parameters.end() || !in_range(*known, value)) wrong.push_back(name);
  }
  return wrong;
}

}  // namespace cpm::adapt
